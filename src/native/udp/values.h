/* What the functions for JavaScript take and give. */
#ifndef RSPREP_VALUES_H
#define RSPREP_VALUES_H

#include "abi.h"

/* Absent ones are undefined. */
struct call { napi_value arguments[6]; size_t count; };

static inline struct call arguments_of(napi_env env, napi_callback_info info) {
  struct call call = {{0}, 6};
  napi_get_cb_info(env, info, &call.count, call.arguments, NULL, NULL);
  return call;
}

static inline double number(napi_env env, napi_value value) {
  double result = 0;
  napi_get_value_double(env, value, &result);
  return result;
}

static inline napi_value integer(napi_env env, i64 value) {
  napi_value result = NULL;
  napi_create_double(env, (double)value, &result);
  return result;
}

enum array { BYTES = 1, WORDS = 5, DOUBLES = 8 }; /* napi_uint8_array (a Buffer too), napi_int32_array, napi_float64_array */

/*
 * The data of a typed array of this type and how many elements it has; NULL and 0 for anything else. Never NULL for one without
 * elements, to which V8 gives no memory: nothing at all and an empty list are different words.
 */
static inline void *elements(napi_env env, napi_value value, enum array wanted, size_t *length) {
  static u64 empty;
  int found = -1;
  size_t count = 0;
  void *data = NULL;
  *length = 0;
  if (napi_get_typedarray_info(env, value, &found, &count, &data, NULL, NULL) != 0 || found != (int)wanted) return NULL;
  if (data == NULL || count == 0) return &empty;
  *length = count;
  return data;
}

static inline void export_function(napi_env env, napi_value exports, const char *name, napi_callback callback) {
  napi_value function;
  if (napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, NULL, &function) == 0)
    napi_set_named_property(env, exports, name, function);
}

#endif
