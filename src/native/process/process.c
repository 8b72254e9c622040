/* The clock that deadlines run on, and descriptors that this process was given or shares: what Node has no call for. */
#include "../udp/kernel.h"
#include "../udp/values.h"

enum { F_DUPFD_CLOEXEC = 1030, FIRST_OF_OURS = 3, POLL_OUT = 4, MOST_FDS = 1 << 30 };

void process_register(napi_env env, napi_value exports);

/* () → CLOCK_BOOTTIME in milliseconds: counts a suspend, and no step of the wall clock. */
static napi_value boot_ms(napi_env env, napi_callback_info info) {
  napi_value result = NULL;
  (void)info;
  napi_create_double(env, (double)now_ns() / 1e6, &result);
  return result;
}

static i32 descriptor(napi_env env, napi_callback_info info) {
  struct call call = arguments_of(env, info);
  double given = -1; /* what is no number leaves it so */
  napi_get_value_double(env, call.arguments[0], &given);
  return given >= 0 && given < MOST_FDS ? (i32)given : -1;
}

/* (descriptor) → 1 where a write of at most PIPE_BUF bytes would not wait (poll(2)), else 0. An error shows when it is written to. */
static napi_value writable(napi_env env, napi_callback_info info) {
  struct { i32 fd; int16_t events, returned; } wait = {descriptor(env, info), POLL_OUT, 0};
  i64 at_once[2] = {0, 0};
  return integer(env, kernel_call(NR_ppoll, (long)&wait, 1, (long)at_once, 0, 0, 0) != 0);
}

/* (descriptor) → another one for the same open file that children do not inherit, or a negative errno. */
static napi_value duplicate(napi_env env, napi_callback_info info) {
  return integer(env, KERNEL(fcntl, descriptor(env, info), F_DUPFD_CLOEXEC, FIRST_OF_OURS, 0, 0));
}

void process_register(napi_env env, napi_value exports) {
  export_function(env, exports, "bootMs", boot_ms);
  export_function(env, exports, "writable", writable);
  export_function(env, exports, "duplicate", duplicate);
}
