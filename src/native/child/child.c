/*
 * A child process that only reads, started and waited for without Node's streams: `verify` starts ip(8) every minute on every host,
 * and node:child_process costs as much as ip itself does (docs/adr/observe-with-child-process.md). src/linux/process/child.ts has the types.
 */
#include "child.h"
#include "../udp/kernel.h"

#if defined(__x86_64__)
enum { NR_rt_sigaction = 13, NR_rt_sigprocmask = 14, NR_execve = 59, NR_wait4 = 61, NR_kill = 62, NR_dup3 = 292, NR_pipe2 = 293 };
#else
enum { NR_dup3 = 24, NR_pipe2 = 59, NR_kill = 129, NR_rt_sigaction = 134, NR_rt_sigprocmask = 135, NR_execve = 221, NR_wait4 = 260 };
#endif

enum { CLONE_VM = 0x100, CLONE_VFORK = 0x4000, SIGNAL_CHILD = 17, SIGNAL_KILL = 9, SIGNAL_PIPE = 13 };
enum { CLOSE_ON_EXEC = 02000000, NON_BLOCKING = 04000, SET_FLAGS = 4, CLOCK_MONOTONIC = 1, WAIT_NO_HANG = 1 };
enum { POLL_IN = 1, POLL_OUT = 4, STACK_BYTES = 65536, MAX_WORDS = 256, ERR_NOENT = 2, ERR_CHILD = 10, ERR_NOTDIR = 20 };
enum { FIRST_BYTES = 1 << 18, SET_PIPE_SIZE = 1031, PIPE_BYTES = 1 << 20 };

/* struct sigaction of the kernel (include/linux/signal_types.h): handler, flags, restorer where the architecture has one, mask. */
struct action { void *handler; unsigned long flags; void *restorer; u64 mask; };
struct poll { i32 fd; short events, happened; };

/* What the child needs, in the parent's memory: the parent sleeps until it has called execve(2) or ended (CLONE_VFORK). */
struct birth {
  const char **programs, **arguments, **environment;
  i32 fds[3];
  volatile i32 error;
};

/* int (*)(void *) on a stack of its own, because the parent's goes on where it was. As musl's clone(). */
long clone_onto(unsigned long flags, void *stack_end, int (*run)(void *), void *argument);
#if defined(__x86_64__)
__asm__(".text\n.hidden clone_onto\n.globl clone_onto\n.type clone_onto,@function\nclone_onto:\n"
        "  mov %rdx, %r9\n  and $-16, %rsi\n  sub $16, %rsi\n  mov %rcx, (%rsi)\n"
        "  xor %edx, %edx\n  xor %r10d, %r10d\n  xor %r8d, %r8d\n  mov $56, %eax\n  syscall\n"
        "  test %eax, %eax\n  jnz 1f\n  xor %ebp, %ebp\n  mov (%rsp), %rdi\n  call *%r9\n"
        "  mov %eax, %edi\n  mov $60, %eax\n  syscall\n  hlt\n1: ret\n.size clone_onto,.-clone_onto\n");
#else
__asm__(".text\n.hidden clone_onto\n.globl clone_onto\n.type clone_onto,%function\nclone_onto:\n"
        "  and x1, x1, #-16\n  stp x2, x3, [x1, #-16]!\n  mov x2, #0\n  mov x3, #0\n  mov x4, #0\n  mov x8, #220\n  svc #0\n"
        "  cbz x0, 1f\n  ret\n1: mov x29, #0\n  ldp x1, x0, [sp], #16\n  blr x1\n  mov x8, #93\n  svc #0\n"
        ".size clone_onto,.-clone_onto\n");
#endif

static int be_born(void *argument) {
  struct birth *birth = argument;
  /* Node ignores SIGPIPE, and what is ignored stays so over execve(2). */
  struct action usual = {0};
  KERNEL(rt_sigaction, SIGNAL_PIPE, &usual, NULL, 8, 0);
  u64 none = 0;
  KERNEL(rt_sigprocmask, 2, &none, NULL, 8, 0); /* SIG_SETMASK */
  for (i32 i = 0; i < 3; i++) {
    long status = KERNEL(dup3, birth->fds[i], i, 0, 0, 0);
    if (status < 0) return birth->error = (i32)-status, 127;
  }
  i32 error = ERR_NOENT;
  for (const char **program = birth->programs; *program != NULL; program++) {
    i32 refused = (i32)-KERNEL(execve, *program, birth->arguments, birth->environment, 0, 0);
    /* The first that is there but cannot be started is what the caller hears of. */
    if (refused != ERR_NOENT && refused != ERR_NOTDIR && error == ERR_NOENT) error = refused;
  }
  birth->error = error; /* not reached where one was started */
  return 127;
}

static void close_pair(const i32 *pair) {
  for (u32 i = 0; i < 2; i++)
    if (pair[i] >= 0) KERNEL(close, pair[i], 0, 0, 0, 0);
}

/* A pipe whose child's end is above the standard descriptors: dup3 of a descriptor onto itself is refused. */
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

/* From one NUL-ended word to the next. @returns the first byte after `count` words, or NULL where there are not as many */
static const char *pointers(const char *at, const char *end, u32 count, const char **into) {
  for (u32 i = 0; i < count; i++) {
    into[i] = at;
    while (at < end && *at != 0) at++;
    if (at++ >= end) return NULL;
  }
  into[count] = NULL;
  return at;
}

/* Inherited as ignored, SIGCHLD would make the kernel forget how a child ended (sigaction(2)). */
static void heed_children(void) {
  struct action now = {0}, usual = {0};
  KERNEL(rt_sigaction, SIGNAL_CHILD, NULL, &now, 8, 0);
  if (now.handler == (void *)1) KERNEL(rt_sigaction, SIGNAL_CHILD, &usual, NULL, 8, 0); /* SIG_IGN */
}

i32 child_start(const u8 *words, size_t size, const i32 *counts, struct child *child) {
  const char *list[MAX_WORDS + 3], **next = list;
  const char *at = (const char *)words, *end = at + size;
  struct birth birth = {0};
  if (counts[0] < 1 || counts[1] < 1 || counts[2] < 0 || counts[0] + counts[1] + counts[2] > MAX_WORDS) return -ERR_INVAL;
  const char ***lists[3] = {&birth.programs, &birth.arguments, &birth.environment};
  for (u32 i = 0; i < 3; i++) {
    *lists[i] = next;
    at = pointers(at, end, (u32)counts[i], next);
    if (at == NULL) return -ERR_INVAL;
    next += counts[i] + 1;
  }
  i32 pipes[3][2] = {{-1, -1}, {-1, -1}, {-1, -1}};
  void *stack = map_memory(STACK_BYTES);
  long status = stack == NULL ? -12 : 0; /* ENOMEM */
  for (u32 i = 0; status == 0 && i < 3; i++) status = make_pipe(pipes[i]);
  if (status == 0) {
    for (u32 i = 0; i < 3; i++) {
      birth.fds[i] = pipes[i][i == 0 ? 0 : 1];
      child->fds[i] = pipes[i][i == 0 ? 1 : 0];
      KERNEL(fcntl, child->fds[i], SET_FLAGS, NON_BLOCKING, 0, 0);
    }
    /* As much as anyone may have (pipe(7)): it works on while we do something else. Refused, it only waits for us earlier. */
    KERNEL(fcntl, child->fds[1], SET_PIPE_SIZE, PIPE_BYTES, 0, 0);
    heed_children();
    u64 all = ~(u64)0, before = 0;
    KERNEL(rt_sigprocmask, 2, &all, &before, 8, 0); /* no handler of ours may run in the child, on our memory */
    status = clone_onto(CLONE_VM | CLONE_VFORK | SIGNAL_CHILD, (u8 *)stack + STACK_BYTES, be_born, &birth);
    KERNEL(rt_sigprocmask, 2, &before, NULL, 8, 0);
    if (status > 0 && birth.error != 0) {
      /* It came to its end instead of execve(2). */
      while (KERNEL(wait4, status, NULL, 0, NULL, 0) == -ERR_INTR) continue;
      status = -birth.error;
    }
  }
  if (stack != NULL) unmap_memory(stack, STACK_BYTES);
  for (u32 i = 0; i < 3; i++) {
    i32 theirs = i == 0 ? 0 : 1;
    if (status <= 0) close_pair(pipes[i]);
    else KERNEL(close, pipes[i][theirs], 0, 0, 0, 0);
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
    copy_bytes(bytes, output->bytes, output->length);
    if (output->bytes != NULL) unmap_memory(output->bytes, output->size);
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
