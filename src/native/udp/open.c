/* A new socket, or one that somebody else has opened. */
#include "binding.h"
#include "kernel.h"
#include "values.h"

static void finalize(napi_env env, void *binding, void *hint) {
  (void)env, (void)hint;
  binding_release(binding);
}

static void tear_down(napi_async_cleanup_hook_handle handle, void *argument) {
  struct binding *binding = argument;
  (void)handle;
  binding->tearing_down = 1;
  binding_close(binding);
}

static int start(napi_env env, struct binding *binding, struct call *call) {
  size_t size;
  napi_value name;
  u32 batch = binding->engine.batch;
  u8 *shared = elements(env, call->arguments[4], BYTES, &size);
  size_t records = (size_t)batch * 4 * (IN_WORDS + OUT_WORDS);
  if (shared == NULL || size < records + 65536) return -ERR_INVAL;
  binding->in_records = (u32 *)(void *)shared;
  binding->out_records = binding->in_records + batch * IN_WORDS;
  binding->outbox = shared + records;
  binding->outbox_size = size - records;
  uv_loop_t *loop;
  if (napi_get_uv_event_loop(env, &loop) != 0) return -ERR_INVAL;
  int status = uv_poll_init(loop, binding->poll, binding->engine.fd);
  if (status < 0) return status;
  uv_handle_set_data(binding->poll, binding);
  napi_create_string_utf8(env, "RsprepUdpSocket", NAPI_AUTO_LENGTH, &name);
  napi_create_reference(env, call->arguments[5], 1, &binding->callback);
  napi_create_reference(env, call->arguments[3], 1, &binding->resource);
  napi_create_reference(env, call->arguments[4], 1, &binding->shared);
  napi_async_init(env, call->arguments[3], name, &binding->context);
  napi_add_async_cleanup_hook(env, tear_down, binding, &binding->cleanup);
  return 0;
}

/* open(fd or -1, config: Float64Array, allow: Uint8Array of {prefix length, address} 17 bytes each, resource, shared, onEvent) */
napi_value open_socket(napi_env env, napi_callback_info info) {
  struct call call = arguments_of(env, info);
  size_t ignored, allow_size;
  double config[10];
  u8 *values = elements(env, call.arguments[1], DOUBLES, &ignored);
  if (values == NULL || ignored != 10) return integer(env, -ERR_INVAL);
  copy_bytes(config, values, sizeof config);
  for (u32 i = 0; i < 10; i++) /* NaN is neither */
    if (!(config[i] >= 0 && config[i] <= (i < 6 ? UINT32_MAX : 1e15))) return integer(env, -ERR_INVAL); /* from 6 on, rates */
  u32 batch = (u32)config[2], max_payload = (u32)config[3];
  const u8 *allow = elements(env, call.arguments[2], BYTES, &allow_size);
  if (batch < 1 || batch > BATCH_MAX || max_payload < 1 || max_payload > 65535 || allow_size > ALLOW_MAX * 17)
    return integer(env, -ERR_INVAL);
  size_t size = ((sizeof(struct binding) + 15) & ~(size_t)15) + 2 * ((uv_handle_size(UV_HANDLE_POLL) + 15) & ~(size_t)15);
  struct binding *binding = map_memory(size);
  if (binding == NULL) return integer(env, -12); /* ENOMEM */
  binding->size = size;
  binding->env = env;
  binding->references = 1;
  binding->poll = (uv_handle_t *)(void *)((u8 *)binding + ((sizeof(struct binding) + 15) & ~(size_t)15));
  binding->memory_size = engine_memory(batch, max_payload);
  binding->memory = map_memory(binding->memory_size);
  if (binding->memory == NULL) return unmap_memory(binding, size), integer(env, -12);
  engine_init(&binding->engine, binding->memory, batch, max_payload);
  for (u32 i = 0; i < allow_size / 17; i++) {
    struct wide mask = wide_mask(allow[17 * i]), prefix = wide6(allow + 17 * i + 1);
    binding->engine.guard.allow[i] = (struct allow_rule){{prefix.high & mask.high, prefix.low & mask.low}, mask};
  }
  binding->engine.guard.allow_count = (u32)(allow_size / 17);
  int fd = (int)number(env, call.arguments[0]);
  int status = socket_setup(&binding->engine, fd, config);
  binding->adopted = fd >= 0;
  if (status == 0) {
    status = start(env, binding, &call);
    if (status < 0 && fd < 0) KERNEL(close, binding->engine.fd, 0, 0, 0, 0);
  }
  if (status < 0) return binding_release(binding), integer(env, status);
  binding->open = 1;
  binding->references = 2;
  napi_value result = NULL;
  napi_create_external(env, binding, finalize, NULL, &result);
  return result;
}
