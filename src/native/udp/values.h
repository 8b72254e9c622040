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

/* The data of a typed array and how many elements it has; NULL and 0 for anything else. */
static inline void *elements(napi_env env, napi_value value, size_t *length) {
  void *data = NULL;
  *length = 0;
  return napi_get_typedarray_info(env, value, NULL, length, &data, NULL, NULL) == 0 ? data : NULL;
}

static inline void export_function(napi_env env, napi_value exports, const char *name, napi_callback callback) {
  napi_value function;
  if (napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, NULL, &function) == 0)
    napi_set_named_property(env, exports, name, function);
}

#endif
