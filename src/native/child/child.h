/* A child process with pipes to its standard descriptors. Functions return 0 or a negative errno. */
#ifndef RSPREP_CHILD_H
#define RSPREP_CHILD_H

#include "../udp/abi.h"

struct child { i32 pid, fds[3]; }; /* our ends of its stdin, stdout and stderr; -1 when closed */
struct output { u8 *bytes; size_t length, size; };

/* `words`: NUL-ended programs to try one after the other, argv, and environment; `counts` says how many of each. */
i32 child_start(const u8 *words, size_t size, const i32 *counts, struct child *child);

/* Writes the rest of the input, reads to the end, waits. -ETIMEDOUT, -EFBIG and other errors: the child was killed. */
i32 child_finish(struct child *child, const u8 *input, size_t left, i64 timeout_ms, size_t most, struct output *outputs,
                 i32 *wait_status);

#endif
