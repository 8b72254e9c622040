/* The functions a C compiler calls without being asked, so that the addon needs no C library. Hidden: seen by nobody else. */
#include "abi.h"

#define HIDDEN __attribute__((visibility("hidden"), used))
typedef u64 __attribute__((may_alias, aligned(1))) word;

/* Datagrams are short: words beat `rep movsb`, whose start costs as much as 64 bytes. The asm keeps this a loop, not memcpy. */
HIDDEN void *memcpy(void *restrict to, const void *restrict from, size_t length) {
  u8 *out = to;
  const u8 *in = from;
  for (; length >= 32; length -= 32, out += 32, in += 32) {
    word a = ((const word *)(const void *)in)[0], b = ((const word *)(const void *)in)[1];
    word c = ((const word *)(const void *)in)[2], d = ((const word *)(const void *)in)[3];
    ((word *)(void *)out)[0] = a, ((word *)(void *)out)[1] = b, ((word *)(void *)out)[2] = c, ((word *)(void *)out)[3] = d;
    __asm__ volatile("" ::: "memory");
  }
  for (; length > 0; length--) {
    *out++ = *in++;
    __asm__ volatile("" ::: "memory");
  }
  return to;
}

HIDDEN void *memset(void *to, int value, size_t length) {
#if defined(__x86_64__)
  void *at = to;
  __asm__ volatile("rep stosb" : "+D"(at), "+c"(length) : "a"(value) : "memory");
#else
  volatile u8 *out = to;
  for (; length > 0; length--) *out++ = (u8)value;
#endif
  return to;
}
