/* child.c for JavaScript: childStart and childFinish (src/udp/native.ts has their types). */
#include "child.h"
#include "../udp/kernel.h"
#include "../udp/values.h"

enum { MOST_MS = 1000000000, MOST_BYTES = 1 << 30 };

void child_register(napi_env env, napi_value exports);

static napi_value start(napi_env env, napi_callback_info info) { /* (words, counts: Int32Array(3), child: Int32Array(4)) */
  napi_value arguments[3];
  size_t count = 3, size = 0, counts_length, child_length;
  napi_get_cb_info(env, info, &count, arguments, NULL, NULL);
  const u8 *words = elements(env, arguments[0], BYTES, &size);
  const i32 *counts = elements(env, arguments[1], WORDS, &counts_length);
  struct child *child = elements(env, arguments[2], WORDS, &child_length);
  if (words == NULL || counts == NULL || counts_length != 3 || child == NULL || child_length != 4)
    return integer(env, -ERR_INVAL);
  return integer(env, child_start(words, size, counts, child));
}

/* (child, input, timeoutMs, most bytes of output, result: its stdout, stderr and waitStatus are set) */
static napi_value finish(napi_env env, napi_callback_info info) {
  napi_value arguments[5], value;
  size_t count = 5, child_length, input_size;
  double timeout_ms = 0, most = 0;
  napi_get_cb_info(env, info, &count, arguments, NULL, NULL);
  struct child *child = elements(env, arguments[0], WORDS, &child_length);
  const u8 *input = elements(env, arguments[1], BYTES, &input_size);
  napi_get_value_double(env, arguments[2], &timeout_ms);
  napi_get_value_double(env, arguments[3], &most);
  if (child == NULL || child_length != 4 || child->pid <= 0 || input == NULL) return integer(env, -ERR_INVAL);
  if (!(timeout_ms >= 0 && timeout_ms <= MOST_MS && most >= 0 && most <= MOST_BYTES)) return integer(env, -ERR_INVAL); /* NaN too */
  struct output outputs[2] = {{NULL, 0, 0}, {NULL, 0, 0}};
  i32 wait_status = 0;
  i32 status = child_finish(child, input, input_size, (i64)timeout_ms, (size_t)most, outputs, &wait_status);
  static const char *const names[2] = {"stdout", "stderr"};
  for (u32 i = 0; i < 2; i++) {
    const char *text = outputs[i].bytes == NULL ? "" : (const char *)outputs[i].bytes;
    if (status == 0 && napi_create_string_utf8(env, text, outputs[i].length, &value) == 0)
      napi_set_named_property(env, arguments[4], names[i], value);
    else if (status == 0) status = -12; /* ENOMEM */
    if (outputs[i].bytes != NULL) unmap_memory(outputs[i].bytes, outputs[i].size);
  }
  napi_set_named_property(env, arguments[4], "waitStatus", integer(env, wait_status));
  return integer(env, status);
}

void child_register(napi_env env, napi_value exports) {
  export_function(env, exports, "childStart", start);
  export_function(env, exports, "childFinish", finish);
}
