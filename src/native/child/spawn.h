/* posix_spawn(3) of the C library that Node itself runs with. */
#ifndef RSPREP_SPAWN_H
#define RSPREP_SPAWN_H

#include "../udp/abi.h"

/*
 * Starts `program` with `fds` as its standard descriptors, every signal as usual and none blocked. Descriptors must be above 2.
 * @returns its process id, or a negative errno, among them that of execve(2)
 */
long spawn(const char *program, const char *const *arguments, const char *const *environment, const i32 *fds);

#endif
