/* System calls without a C library: every function returns the kernel's result, or a negative errno. */
#ifndef RSPREP_KERNEL_H
#define RSPREP_KERNEL_H

#include "abi.h"

#if defined(__x86_64__)
enum { NR_read = 0, NR_write = 1, NR_close = 3, NR_mmap = 9, NR_munmap = 11, NR_ioctl = 16, NR_socket = 41, NR_connect = 42,
       NR_shutdown = 48, NR_bind = 49, NR_getsockname = 51, NR_setsockopt = 54, NR_getsockopt = 55, NR_fcntl = 72, NR_clock_gettime = 228,
       NR_ppoll = 271, NR_eventfd2 = 290, NR_recvmmsg = 299, NR_sendmmsg = 307, NR_sched_setattr = 314, NR_sched_getattr = 315,
       NR_getrandom = 318 };
static inline long kernel_call(long n, long a, long b, long c, long d, long e, long f) {
  long result;
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  __asm__ volatile("syscall" : "=a"(result) : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}
#elif defined(__aarch64__)
enum { NR_fcntl = 25, NR_ioctl = 29, NR_eventfd2 = 19, NR_close = 57, NR_read = 63, NR_write = 64, NR_ppoll = 73,
       NR_clock_gettime = 113, NR_socket = 198, NR_bind = 200, NR_connect = 203, NR_getsockname = 204, NR_setsockopt = 208,
       NR_getsockopt = 209, NR_shutdown = 210, NR_munmap = 215, NR_mmap = 222, NR_recvmmsg = 243, NR_sendmmsg = 269,
       NR_sched_setattr = 274, NR_sched_getattr = 275, NR_getrandom = 278 };
static inline long kernel_call(long n, long a, long b, long c, long d, long e, long f) {
  register long x8 __asm__("x8") = n;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  register long x4 __asm__("x4") = e;
  register long x5 __asm__("x5") = f;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
  return x0;
}
#else
#error "x86-64 and arm64 only"
#endif
enum { NR_pidfd_open = 434, NR_pidfd_getfd = 438 };

#define KERNEL(name, a, b, c, d, e) \
  kernel_call(NR_##name, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0)

static inline void *map_memory(size_t size) {
  /* PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS: zeroed, and page-aligned. */
  long at = kernel_call(NR_mmap, 0, (long)size, 3, 0x22, -1, 0);
  return at < 0 && at > -4096 ? NULL : (void *)at;
}
static inline void unmap_memory(void *at, size_t size) { KERNEL(munmap, at, size, 0, 0, 0); }

/* CLOCK_BOOTTIME (7) also counts the time a machine was suspended, so that a lease does not survive a suspend. */
static inline u64 now_ns(void) {
  i64 time[2] = {0, 0};
  KERNEL(clock_gettime, 7, time, 0, 0, 0);
  return (u64)time[0] * 1000000000u + (u64)time[1];
}

#endif
