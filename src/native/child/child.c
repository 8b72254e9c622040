/*
 * A child process that only reads, started and waited for without Node's streams: `verify` starts ip(8) every minute on every host,
 * and node:child_process costs as much as ip itself does (docs/adr/observe-with-child-process.md). src/linux/process/child.ts has the types.
 */
#include "child.h"
#include "spawn.h"
#include "../udp/kernel.h"

#if defined(__x86_64__)
enum { NR_rt_sigaction = 13, NR_wait4 = 61, NR_kill = 62, NR_faccessat = 269, NR_pipe2 = 293 };
#else
enum { NR_faccessat = 48, NR_pipe2 = 59, NR_kill = 129, NR_rt_sigaction = 134, NR_wait4 = 260 };
#endif

enum { SIGNAL_CHILD = 17, SIGNAL_KILL = 9, CLOSE_ON_EXEC = 02000000, NON_BLOCKING = 04000, SET_FLAGS = 4, AT_CWD = -100 };
enum { CLOCK_MONOTONIC = 1, WAIT_NO_HANG = 1, POLL_IN = 1, POLL_OUT = 4, MAX_WORDS = 256 };
enum { ERR_NOENT = 2, ERR_CHILD = 10, ERR_NOTDIR = 20 };
enum { FIRST_BYTES = 1 << 18, SET_PIPE_SIZE = 1031, PIPE_BYTES = 1 << 20 };

/* struct sigaction of the kernel (include/linux/signal_types.h): handler, flags, restorer where the architecture has one, mask. */
struct action { void *handler; unsigned long flags; void *restorer; u64 mask; };
struct poll { i32 fd; short events, happened; };

static void close_pair(const i32 *pair) {
  for (u32 i = 0; i < 2; i++)
    if (pair[i] >= 0) KERNEL(close, pair[i], 0, 0, 0, 0);
}

/* A pipe above the standard descriptors, onto which the child's ends are copied one after the other. */
static long make_pipe(i32 *pair) {
  long status = KERNEL(pipe2, pair, CLOSE_ON_EXEC, 0, 0, 0);
  for (u32 i = 0; status >= 0 && i < 2; i++) {
    if (pair[i] > 2) continue;
    long higher = KERNEL(fcntl, pair[i], 1030, 3, 0, 0); /* F_DUPFD_CLOEXEC */
    KERNEL(close, pair[i], 0, 0, 0, 0);
    pair[i] = (i32)higher;
    if (higher < 0) status = higher;
  }
  return status < 0 ? status : 0;
}

/* What the child is given, in one list: programs to try, arguments and environment, a NULL after each. */
struct words { const char *list[MAX_WORDS + 3], **programs, **arguments, **environment; };

/* Reads NUL-ended words. @returns 0, or -EINVAL where `counts` and the bytes do not agree */
static i32 read_words(const char *at, size_t size, const i32 *counts, struct words *words) {
  const char *end = at + size, **next = words->list;
  const char ***starts[3] = {&words->programs, &words->arguments, &words->environment};
  for (u32 i = 0; i < 3; i++) {
    *starts[i] = next;
    i32 left = counts[i]; /* read once: other threads may write there */
    /* There is always room for the NULLs that are still to come. */
    if (left < (i < 2) || left > MAX_WORDS + (i32)i - (next - words->list)) return -ERR_INVAL;
    for (; left > 0; left--) {
      *next++ = at;
      while (at < end && *at != 0) at++;
      if (at++ >= end) return -ERR_INVAL;
    }
    *next++ = NULL;
  }
  return 0;
}

/* Inherited as ignored, SIGCHLD would make the kernel forget how a child ended (sigaction(2)). */
static void heed_children(void) {
  struct action now = {0}, usual = {0};
  KERNEL(rt_sigaction, SIGNAL_CHILD, NULL, &now, 8, 0);
  if (now.handler == (void *)1) KERNEL(rt_sigaction, SIGNAL_CHILD, &usual, NULL, 8, 0); /* SIG_IGN */
}

/* The first that can be started; else the first that is there and cannot be is what the caller hears of. */
static long start_one(const struct words *words, const i32 *fds) {
  long error = -ERR_NOENT;
  for (const char **program = words->programs; *program != NULL; program++) {
    long pid = KERNEL(faccessat, AT_CWD, *program, 0, 0, 0); /* cheaper than a process that fails */
    if (pid != -ERR_NOENT && pid != -ERR_NOTDIR) pid = spawn(*program, words->arguments, words->environment, fds);
    if (pid > 0) return pid;
    if (pid != -ERR_NOENT && pid != -ERR_NOTDIR && error == -ERR_NOENT) error = pid;
  }
  return error;
}

i32 child_start(const u8 *bytes, size_t size, const i32 *counts, struct child *child) {
  struct words words;
  if (read_words((const char *)bytes, size, counts, &words) != 0) return -ERR_INVAL;
  i32 pipes[3][2] = {{-1, -1}, {-1, -1}, {-1, -1}}, theirs[3];
  long status = 0;
  for (u32 i = 0; status == 0 && i < 3; i++) status = make_pipe(pipes[i]);
  if (status == 0) {
    for (u32 i = 0; i < 3; i++) {
      theirs[i] = pipes[i][i == 0 ? 0 : 1];
      child->fds[i] = pipes[i][i == 0 ? 1 : 0];
      KERNEL(fcntl, child->fds[i], SET_FLAGS, NON_BLOCKING, 0, 0);
    }
    /* As much as anyone may have (pipe(7)): it works on while we do something else. Refused, it only waits for us earlier. */
    KERNEL(fcntl, child->fds[1], SET_PIPE_SIZE, PIPE_BYTES, 0, 0);
    heed_children();
    status = start_one(&words, theirs);
  }
  for (u32 i = 0; i < 3; i++) {
    if (status <= 0) close_pair(pipes[i]);
    else KERNEL(close, theirs[i], 0, 0, 0, 0);
  }
  child->pid = (i32)status;
  return status < 0 ? (i32)status : 0;
}

static i64 clock_ms(void) {
  i64 time[2] = {0, 0};
  KERNEL(clock_gettime, CLOCK_MONOTONIC, time, 0, 0, 0);
  return time[0] * 1000 + time[1] / 1000000;
}

static void shut(i32 *fd) {
  if (*fd >= 0) KERNEL(close, *fd, 0, 0, 0, 0);
  *fd = -1;
}

/* @returns 1 while there may be more, 0 at the end, or a negative errno */
static long read_some(i32 fd, struct output *output, size_t most) {
  if (output->length == output->size) {
    size_t size = output->size == 0 ? FIRST_BYTES : 2 * output->size;
    u8 *bytes = map_memory(size);
    if (bytes == NULL) return -12;
    if (output->bytes != NULL) {
      copy_bytes(bytes, output->bytes, output->length);
      unmap_memory(output->bytes, output->size);
    }
    output->bytes = bytes, output->size = size;
  }
  long count = KERNEL(read, fd, output->bytes + output->length, output->size - output->length, 0, 0);
  if (count == -ERR_AGAIN || count == -ERR_INTR) return 1;
  if (count <= 0) return count;
  output->length += (size_t)count;
  return output->length > most ? -27 : 1; /* EFBIG */
}

static void write_some(struct child *child, const u8 **input, size_t *left) {
  long count = *left == 0 ? 0 : KERNEL(write, child->fds[0], *input, *left, 0, 0);
  if (count > 0) *input += count, *left -= (size_t)count;
  /* A child that does not read its input to the end is judged by its exit status. */
  if (*left == 0 || (count < 0 && count != -ERR_AGAIN && count != -ERR_INTR)) shut(&child->fds[0]);
}

/* Waits in steps: a child that has closed its output is ending, as a rule. */
static long reap(struct child *child, i64 deadline_ms, i32 *wait_status) {
  for (;;) {
    long pid = KERNEL(wait4, child->pid, wait_status, WAIT_NO_HANG, NULL, 0);
    if (pid != 0 && pid != -ERR_INTR) return pid < 0 ? pid : 0;
    if (clock_ms() >= deadline_ms) return -110; /* ETIMEDOUT */
    i64 step[2] = {0, 100000};
    KERNEL(ppoll, NULL, 0, step, NULL, 8);
  }
}

i32 child_finish(struct child *child, const u8 *input, size_t left, i64 timeout_ms, size_t most, struct output *outputs,
                 i32 *wait_status) {
  i64 deadline = clock_ms() + timeout_ms;
  long status = 0;
  write_some(child, &input, &left);
  while (status >= 0 && (child->fds[0] >= 0 || child->fds[1] >= 0 || child->fds[2] >= 0)) {
    struct poll polls[3] = {{child->fds[0], POLL_OUT, 0}, {child->fds[1], POLL_IN, 0}, {child->fds[2], POLL_IN, 0}};
    i64 rest = deadline - clock_ms();
    if (rest <= 0) { status = -110; break; }
    i64 time[2] = {rest / 1000, rest % 1000 * 1000000};
    long happened = KERNEL(ppoll, polls, 3, time, NULL, 8);
    if (happened < 0 && happened != -ERR_INTR) status = happened;
    if (happened <= 0) continue;
    if (polls[0].fd >= 0 && polls[0].happened != 0) write_some(child, &input, &left);
    for (u32 i = 1; i < 3 && status >= 0; i++) {
      if (polls[i].fd < 0 || polls[i].happened == 0) continue;
      status = read_some(child->fds[i], &outputs[i - 1], most);
      if (status == 0) shut(&child->fds[i]);
    }
    /* Nothing reads what the child would still be told once it has closed its output. */
    if (child->fds[1] < 0 && child->fds[2] < 0) shut(&child->fds[0]);
  }
  for (u32 i = 0; i < 3; i++) shut(&child->fds[i]);
  if (status >= 0) status = reap(child, deadline, wait_status);
  if (status < 0 && status != -ERR_CHILD) {
    KERNEL(kill, child->pid, SIGNAL_KILL, 0, 0, 0);
    while (KERNEL(wait4, child->pid, NULL, 0, NULL, 0) == -ERR_INTR) continue;
  }
  child->pid = 0;
  return status < 0 ? (i32)status : 0;
}
