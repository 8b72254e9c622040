// syscallfault: runs a program, counts the system calls of it and of all that it starts, and lets one of them fail, or kills at it.
//
//   syscallfault --log FILE --after NAME [--nth N --by main|child --name CALL (--errno E | --kill call|main|all)] [--spare WORD] -- PROGRAM …
//
// Counting begins with the first file that the program opens whose name ends in NAME, and ends with the program itself. Without --nth each
// counted call becomes a line of FILE (number, process, name of the program, call, what it is about); with it only the one that was hit:
// the Nth CALL of the program itself (main) or of all that it started (child), as threads do not always take the same turns. A call is
// named openat+create where it may make a file, and close+write where the descriptor could be written to. Of some the number differs from run
// to run: those have names of their own, +stream for reading, writing and closing a pipe, say, and +process for the files of a process.
// Unlike strace(1), whose `when=` counts for each thread alone, there is one count for the whole tree, and so one fault in a run.
// With --errno the call does not happen. --kill call ends the process that makes it, main the program alone, all the whole tree but what
// --spare names in its command line, or in its session leader's.
//
// It ends as the program ended. What the program leaves behind goes on, traced by a copy of this one that ends with it: a call for which a
// seccomp filter asks a tracer fails where there is none (seccomp(2), SECCOMP_RET_TRACE).
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

// What the first or second argument is: nothing to name, a descriptor, a path, a path below a descriptor.
enum about { NOTHING, FD, PATH, AT };
struct call {
  int number;
  const char *name;
  enum about about;
};
#define CALL(name, about) {SYS_##name, #name, about}
// Calls on files, descriptors and sockets. Not those that no fault of the machine lets fail and that only steer Node's own loop.
static const struct call calls[] = {
    CALL(openat, AT),        CALL(read, FD),          CALL(pread64, FD),      CALL(readv, FD),        CALL(write, FD),
    CALL(pwrite64, FD),      CALL(writev, FD),        CALL(close, FD),        CALL(fsync, FD),        CALL(fdatasync, FD),
    CALL(fstat, FD),         CALL(newfstatat, AT),    CALL(statx, AT),        CALL(getdents64, FD),   CALL(ftruncate, FD),
    CALL(fchmod, FD),        CALL(fchmodat, AT),      CALL(fchown, FD),       CALL(fchownat, AT),     CALL(renameat, AT),
    CALL(renameat2, AT),     CALL(unlinkat, AT),      CALL(linkat, AT),       CALL(symlinkat, PATH),  CALL(mkdirat, AT),
    CALL(readlinkat, AT),    CALL(faccessat, AT),     CALL(flock, FD),        CALL(lseek, FD),        CALL(utimensat, AT),
    CALL(getcwd, NOTHING),   CALL(socket, NOTHING),   CALL(bind, FD),         CALL(connect, FD),      CALL(sendto, FD),
    CALL(sendmsg, FD),       CALL(recvfrom, FD),      CALL(recvmsg, FD),      CALL(setsockopt, FD),   CALL(getsockopt, FD),
    CALL(getsockname, FD),   CALL(pipe2, NOTHING),    CALL(dup, FD),          CALL(dup3, FD),         CALL(execve, PATH),
    CALL(fallocate, FD),     CALL(copy_file_range, FD), CALL(fgetxattr, FD),  CALL(getxattr, PATH),   CALL(memfd_create, NOTHING),
    CALL(socketpair, NOTHING), CALL(fstatfs, FD),
#ifdef __x86_64__
    CALL(open, PATH),        CALL(stat, PATH),        CALL(lstat, PATH),      CALL(rename, PATH),     CALL(unlink, PATH),
    CALL(mkdir, PATH),       CALL(rmdir, PATH),       CALL(link, PATH),       CALL(symlink, PATH),    CALL(readlink, PATH),
    CALL(access, PATH),      CALL(chmod, PATH),       CALL(chown, PATH),      CALL(pipe, NOTHING),    CALL(dup2, FD),
#endif
};
#define CALLS (sizeof calls / sizeof *calls)

static const char *after, *spare, *kill_whom, *by, *named;
static long nth, fault;
static FILE *log_file;
static pid_t program;
static long count, met;
static int counting;

#define MAX_TASKS 4096
static pid_t tasks[MAX_TASKS];
static int task_count;

static void die(const char *what) {
  fprintf(stderr, "syscallfault: %s: %s\n", what, strerror(errno));
  exit(125);
}

static long proc_text(pid_t pid, const char *file, char *text, size_t size) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/%s", pid, file);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  long got = read(fd, text, size - 1);
  close(fd);
  text[got < 0 ? 0 : got] = 0;
  return got;
}

static pid_t process_of(pid_t task) {
  char text[4096];
  if (proc_text(task, "status", text, sizeof text) < 0) return task;
  const char *line = strstr(text, "\nTgid:");
  return line ? atoi(line + 6) : task;
}

static void remember(pid_t task) {
  for (int i = 0; i < task_count; i++)
    if (tasks[i] == task) return;
  if (task_count < MAX_TASKS) tasks[task_count++] = task;
}

static void forget(pid_t task) {
  for (int i = 0; i < task_count; i++)
    if (tasks[i] == task) tasks[i] = tasks[--task_count];
}

static int is_spared(pid_t pid) {
  char text[4096];
  long got;
  if (!spare) return 0;
  if ((got = proc_text(pid, "cmdline", text, sizeof text)) > 0 && memmem(text, got, spare, strlen(spare))) return 1;
  pid_t leader = getsid(pid);
  return leader > 0 && (got = proc_text(leader, "cmdline", text, sizeof text)) > 0 && memmem(text, got, spare, strlen(spare));
}

static void kill_now(pid_t task) {
  if (strcmp(kill_whom, "call") == 0) kill(process_of(task), SIGKILL);
  else if (strcmp(kill_whom, "main") == 0) kill(program, SIGKILL);
  else
    for (int i = 0; i < task_count; i++)
      if (!is_spared(tasks[i])) kill(process_of(tasks[i]), SIGKILL);
}

static void argument_text(pid_t task, unsigned long address, char *text, size_t size) {
  struct iovec to = {text, size - 1}, from = {(void *)address, size - 1};
  // Up to the end of its page, where the next is not there.
  long got = process_vm_readv(task, &to, 1, &from, 1, 0);
  if (got < 0) {
    from.iov_len = 4096 - address % 4096;
    got = process_vm_readv(task, &to, 1, &from, 1, 0);
  }
  text[got < 0 ? 0 : got] = 0;
}

static void fd_text(pid_t task, int fd, char *text, size_t size) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/fd/%d", task, fd);
  long got = readlink(path, text, size - 1);
  text[got < 0 ? 0 : got] = 0;
  if (got < 0) snprintf(text, size, "descriptor %d", fd);
}

static void about_text(pid_t task, const struct call *call, const struct __ptrace_syscall_info *info, char *text, size_t size) {
  text[0] = 0;
  if (call->about == FD) fd_text(task, (int)info->seccomp.args[0], text, size);
  if (call->about == PATH) argument_text(task, info->seccomp.args[0], text, size);
  if (call->about != AT) return;
  argument_text(task, info->seccomp.args[1], text, size);
  if (text[0] == 0) fd_text(task, (int)info->seccomp.args[0], text, size);
}

static const char *by_whom(pid_t task) { return process_of(task) == program ? "main" : "child"; }

static int is_writable(pid_t task, int fd) {
  char file[64], text[512];
  snprintf(file, sizeof file, "fdinfo/%d", fd);
  if (proc_text(task, file, text, sizeof text) <= 0) return 0;
  const char *line = strstr(text, "flags:");
  return line && (strtol(line + 6, NULL, 8) & O_ACCMODE) != O_RDONLY;
}

static const char *name_of(pid_t task, const struct call *call, const struct __ptrace_syscall_info *info) {
  static char name[32];
  char text[PATH_MAX];
  const char *more = "";
  int fd = (int)info->seccomp.args[0], is_close = call->number == SYS_close;
  about_text(task, call, info, text, sizeof text);
  if (strncmp(text, "/proc/", 6) == 0 && text[6] >= '0' && text[6] <= '9') more = "+process";
  else if (call->number == SYS_openat && info->seccomp.args[2] & O_CREAT) more = "+create";
  else if (is_close || call->number == SYS_read || call->number == SYS_write)
    more = text[0] != '/' ? "+stream" : is_close && is_writable(task, fd) ? "+write" : "";
  snprintf(name, sizeof name, "%s%s", call->name, more);
  return name;
}

static void write_log(pid_t task, const struct call *call, const struct __ptrace_syscall_info *info) {
  char text[PATH_MAX], comm[64];
  about_text(task, call, info, text, sizeof text);
  for (char *c = text; *c; c++)
    if ((unsigned char)*c < 32) *c = '?';
  proc_text(task, "comm", comm, sizeof comm);
  comm[strcspn(comm, "\n")] = 0;
  fprintf(log_file, "%ld\t%s\t%s\t%s\t%s\n", count, by_whom(task), comm, name_of(task, call, info), text);
  fflush(log_file);
}

// At a seccomp stop a call whose number is made -1 is skipped, and its result is what the tracer put there.
static void skip_call(pid_t task) {
#if defined __x86_64__
  struct user_regs_struct regs;
  if (ptrace(PTRACE_GETREGS, task, 0, &regs)) return;
  regs.orig_rax = (unsigned long long)-1;
  regs.rax = (unsigned long long)-fault;
  ptrace(PTRACE_SETREGS, task, 0, &regs);
#elif defined __aarch64__
  struct user_regs_struct regs;
  struct iovec whole = {&regs, sizeof regs};
  int none = -1;
  struct iovec number = {&none, sizeof none};
  if (ptrace(PTRACE_GETREGSET, task, NT_PRSTATUS, &whole)) return;
  regs.regs[0] = (unsigned long long)-fault;
  ptrace(PTRACE_SETREGSET, task, NT_ARM_SYSCALL, &number);
  ptrace(PTRACE_SETREGSET, task, NT_PRSTATUS, &whole);
#else
#error "x86-64 and arm64 only"
#endif
}

static int ends_in(const char *text, const char *end) {
  size_t length = strlen(text), of_end = strlen(end);
  return length >= of_end && strcmp(text + length - of_end, end) == 0;
}

static void on_call(pid_t task) {
  struct __ptrace_syscall_info info;
  if (ptrace(PTRACE_GET_SYSCALL_INFO, task, sizeof info, &info) <= 0) return;
  const struct call *call = NULL;
  for (size_t i = 0; i < CALLS && !call; i++)
    if ((unsigned long)calls[i].number == info.seccomp.nr) call = &calls[i];
  if (!call || !program) return;
  if (!counting && call->about != NOTHING) {
    char text[PATH_MAX];
    about_text(task, call, &info, text, sizeof text);
    counting = process_of(task) == program && ends_in(text, after);
  }
  if (!counting) return;
  count++;
  if (nth == 0) write_log(task, call, &info);
  if (nth == 0 || strcmp(by, by_whom(task)) != 0 || strcmp(named, name_of(task, call, &info)) != 0) return;
  if (++met != nth) return;
  write_log(task, call, &info);
  if (kill_whom) kill_now(task);
  else skip_call(task);
}

static void trace(int report) {
  for (;;) {
    int status;
    pid_t task = waitpid(-1, &status, __WALL);
    if (task < 0 && errno == EINTR) continue;
    if (task < 0) exit(0);
    if (WIFEXITED(status) || WIFSIGNALED(status)) {
      forget(task);
      if (task != program) continue;
      program = 0;
      counting = 0;
      prctl(PR_SET_PDEATHSIG, 0);
      if (write(report, &status, sizeof status) != sizeof status) exit(1);
      close(report);
      continue;
    }
    remember(task);
    int event = status >> 16, sig = WSTOPSIG(status);
    if (event == PTRACE_EVENT_SECCOMP) on_call(task);
    if (event == PTRACE_EVENT_STOP && sig != SIGTRAP) ptrace(PTRACE_LISTEN, task, 0, 0);
    else ptrace(PTRACE_CONT, task, 0, event ? 0 : sig);
  }
}

static void install_filter(void) {
  struct sock_filter code[CALLS + 3];
  size_t n = 0;
  code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
  for (size_t i = 0; i < CALLS; i++)
    code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)calls[i].number, (unsigned char)(CALLS - i), 0);
  code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE);
  struct sock_fprog filter = {(unsigned short)n, code};
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter)) die("seccomp filter (needs root)");
}

static pid_t start_program(char **argv) {
  int go[2];
  char byte = 0;
  if (pipe2(go, O_CLOEXEC)) die("pipe");
  pid_t child = fork();
  if (child < 0) die("fork");
  if (child == 0) {
    if (read(go[0], &byte, 1) != 1) exit(125);
    install_filter();
    execvp(argv[0], argv);
    die(argv[0]);
  }
  long options = PTRACE_O_TRACESECCOMP | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
  if (ptrace(PTRACE_SEIZE, child, 0, options)) die("ptrace");
  if (write(go[1], &byte, 1) != 1) die("pipe");
  close(go[0]);
  close(go[1]);
  return child;
}

int main(int argc, char **argv) {
  int i = 1;
  const char *log_path = NULL;
  for (; i + 1 < argc && strcmp(argv[i], "--") != 0; i += 2) {
    if (strcmp(argv[i], "--log") == 0) log_path = argv[i + 1];
    else if (strcmp(argv[i], "--after") == 0) after = argv[i + 1];
    else if (strcmp(argv[i], "--nth") == 0) nth = atol(argv[i + 1]);
    else if (strcmp(argv[i], "--errno") == 0) fault = atol(argv[i + 1]);
    else if (strcmp(argv[i], "--kill") == 0) kill_whom = argv[i + 1];
    else if (strcmp(argv[i], "--by") == 0) by = argv[i + 1];
    else if (strcmp(argv[i], "--name") == 0) named = argv[i + 1];
    else if (strcmp(argv[i], "--spare") == 0) spare = argv[i + 1];
    else break;
  }
  if (!log_path || !after || i + 1 >= argc || (nth > 0 && (!by || !named || !fault == !kill_whom))) {
    fprintf(stderr, "syscallfault: expected --log FILE --after NAME [--nth N --by WHO --name CALL --errno E | --kill WHOM] -- PROGRAM …\n");
    return 125;
  }
  log_file = fopen(log_path, "we");
  if (!log_file) die(log_path);
  int report[2];
  if (pipe2(report, O_CLOEXEC)) die("pipe");
  pid_t parent = getpid();
  pid_t tracer = fork();
  if (tracer < 0) die("fork");
  if (tracer == 0) {
    close(report[0]);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) exit(125);
    program = start_program(argv + i + 1);
    // Whoever reads the program's output must see its end.
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; fd < 3; fd++) dup2(null, fd);
    remember(program);
    trace(report[1]);
  }
  close(report[1]);
  int status;
  if (read(report[0], &status, sizeof status) != sizeof status) die("the tracer ended");
  if (WIFSIGNALED(status)) {
    signal(WTERMSIG(status), SIG_DFL);
    kill(getpid(), WTERMSIG(status));
  }
  return WEXITSTATUS(status);
}
