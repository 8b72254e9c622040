/*
 * flock(2) on a descriptor of the caller's, without waiting. The lock belongs to the open file description, so it lives as long as any
 * child that inherited the descriptor.
 */
#include "../udp/kernel.h"
#include "../udp/values.h"

#if defined(__x86_64__)
enum { NR_flock = 73 };
#else
enum { NR_flock = 32 };
#endif
enum { LOCK_EX = 2, LOCK_NB = 4, MOST_DESCRIPTORS = 1 << 30 };

void lock_register(napi_env env, napi_value exports);

/* (descriptor) → 0, or a negative errno: -EAGAIN where somebody else has it. */
static napi_value lock(napi_env env, napi_callback_info info) {
  struct call call = arguments_of(env, info);
  double descriptor = -1; /* what is no number leaves it so */
  napi_get_value_double(env, call.arguments[0], &descriptor);
  if (!(descriptor >= 0 && descriptor < MOST_DESCRIPTORS)) return integer(env, -ERR_BADF);
  return integer(env, KERNEL(flock, (i32)descriptor, LOCK_EX | LOCK_NB, 0, 0, 0));
}

void lock_register(napi_env env, napi_value exports) { export_function(env, exports, "lock", lock); }
