/* The functions JavaScript calls (src/udp/native.ts has their types). Arguments are checked there; errors are negative errnos. */
#include "binding.h"
#include "kernel.h"
#include "values.h"

#ifndef SOURCE_HASH
#define SOURCE_HASH "unknown"
#endif

struct call { napi_value arguments[6]; size_t count; };

static struct call arguments_of(napi_env env, napi_callback_info info) {
  struct call call = {{0}, 6};
  napi_get_cb_info(env, info, &call.count, call.arguments, NULL, NULL);
  return call;
}

static struct binding *binding_of(napi_env env, napi_value value) {
  void *binding = NULL;
  napi_get_value_external(env, value, &binding);
  return binding;
}

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
  u8 *shared = elements(env, call->arguments[4], &size);
  size_t records = (size_t)batch * 4 * (IN_WORDS + OUT_WORDS);
  if (shared == NULL || size < records + 65536) return -ERR_INVAL;
  binding->in_records = (u32 *)(void *)shared;
  binding->out_records = binding->in_records + batch * IN_WORDS;
  binding->outbox = shared + records;
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
static napi_value open_socket(napi_env env, napi_callback_info info) {
  struct call call = arguments_of(env, info);
  size_t ignored, allow_size;
  double config[10];
  u8 *values = elements(env, call.arguments[1], &ignored);
  if (values == NULL || ignored != 10) return integer(env, -ERR_INVAL);
  copy_bytes(config, values, sizeof config);
  u32 batch = (u32)config[2], max_payload = (u32)config[3];
  const u8 *allow = elements(env, call.arguments[2], &allow_size);
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

static napi_value bind_socket(napi_env env, napi_callback_info info) { /* (socket, sockaddr) */
  struct call call = arguments_of(env, info);
  struct binding *binding = binding_of(env, call.arguments[0]);
  size_t size;
  u8 *address = elements(env, call.arguments[1], &size);
  long status = address == NULL ? 0 : KERNEL(bind, binding->engine.fd, address, size, 0, 0);
  union socket_address own;
  u32 own_size = sizeof own;
  if (status == 0) status = KERNEL(getsockname, binding->engine.fd, &own, &own_size, 0, 0);
  if (status == 0) binding->engine.own_port = own.v4.port; /* at the same place in both families */
  return integer(env, status);
}

static napi_value socket_name(napi_env env, napi_callback_info info) { /* (socket, into 28 bytes) */
  struct call call = arguments_of(env, info);
  size_t size;
  u8 *into = elements(env, call.arguments[1], &size);
  u32 length = (u32)size;
  return integer(env, KERNEL(getsockname, binding_of(env, call.arguments[0])->engine.fd, into, &length, 0, 0));
}

static napi_value poll_events(napi_env env, napi_callback_info info) { /* (socket, readable | writable) */
  struct call call = arguments_of(env, info);
  struct binding *binding = binding_of(env, call.arguments[0]);
  return integer(env, binding->answering ? 0 : binding_poll(binding, (int)number(env, call.arguments[1])));
}

static napi_value flush(napi_env env, napi_callback_info info) { /* (socket, first, end): the slot to go on with */
  struct call call = arguments_of(env, info);
  struct binding *binding = binding_of(env, call.arguments[0]);
  i32 first = 0, end = 0;
  napi_get_value_int32(env, call.arguments[1], &first);
  napi_get_value_int32(env, call.arguments[2], &end);
  return integer(env, binding_flush(binding, (u32)first, (u32)end));
}

static napi_value set_option(napi_env env, napi_callback_info info) { /* (socket, level, name, value) */
  struct call call = arguments_of(env, info);
  size_t size;
  u8 *value = elements(env, call.arguments[3], &size);
  return integer(env, KERNEL(setsockopt, binding_of(env, call.arguments[0])->engine.fd, (i32)number(env, call.arguments[1]),
                             (i32)number(env, call.arguments[2]), value, size));
}

static napi_value get_option(napi_env env, napi_callback_info info) { /* (socket, level, name, into) */
  struct call call = arguments_of(env, info);
  size_t size;
  u8 *into = elements(env, call.arguments[3], &size);
  u32 length = (u32)size;
  return integer(env, KERNEL(getsockopt, binding_of(env, call.arguments[0])->engine.fd, (i32)number(env, call.arguments[1]),
                             (i32)number(env, call.arguments[2]), into, &length));
}

static napi_value answer(napi_env env, napi_callback_info info) { /* (socket, entries or null to renew, leaseMs) */
  struct call call = arguments_of(env, info);
  size_t size;
  u8 *entries = elements(env, call.arguments[1], &size);
  struct answer_table *table = NULL;
  if (entries != NULL) {
    table = answer_table_copy(entries, (u32)(size / sizeof(struct answer_entry)));
    if (table == NULL) return integer(env, -12);
  }
  return integer(env, binding_answer(binding_of(env, call.arguments[0]), table, number(env, call.arguments[2])));
}

static napi_value stats(napi_env env, napi_callback_info info) { /* (socket, into: Float64Array of COUNTERS) */
  struct call call = arguments_of(env, info);
  struct binding *binding = binding_of(env, call.arguments[0]);
  size_t length;
  double *into = (double *)(void *)elements(env, call.arguments[1], &length);
  if (into == NULL || length < COUNTERS) return integer(env, -ERR_INVAL);
  for (u32 i = 0; i < COUNTERS; i++) into[i] = (double)__atomic_load_n(&binding->engine.counters[i], __ATOMIC_RELAXED);
  u32 memory[9] = {0}, size = sizeof memory; /* SO_MEMINFO (55): drops that no later datagram has told of yet */
  if (binding->open && KERNEL(getsockopt, binding->engine.fd, LEVEL_SOCKET, 55, memory, &size) == 0 &&
      (double)memory[8] > into[COUNT_KERNEL_DROPS])
    into[COUNT_KERNEL_DROPS] = (double)memory[8];
  return integer(env, 0);
}

static napi_value reference(napi_env env, napi_callback_info info) { /* (socket, 1 ref | 0 unref) */
  struct call call = arguments_of(env, info);
  struct binding *binding = binding_of(env, call.arguments[0]);
  binding->unreferenced = number(env, call.arguments[1]) == 0;
  for (u32 i = 0; i < 2; i++) {
    uv_handle_t *handle = i == 0 ? binding->poll : binding->keeper;
    if (handle == NULL) continue;
    if (binding->unreferenced) uv_unref(handle);
    else uv_ref(handle);
  }
  return NULL;
}

static napi_value close_socket(napi_env env, napi_callback_info info) {
  struct call call = arguments_of(env, info);
  binding_close(binding_of(env, call.arguments[0]));
  return NULL;
}

struct interface_request { char name[16]; i32 index; u8 rest[20]; };

static napi_value interface_index(napi_env env, napi_callback_info info) { /* (name): index or negative errno */
  struct call call = arguments_of(env, info);
  struct interface_request request = {{0}, 0, {0}};
  size_t length;
  napi_get_value_string_utf8(env, call.arguments[0], request.name, sizeof request.name, &length);
  long fd = KERNEL(socket, FAMILY_INET, 2 | 02000000, 0, 0, 0);
  if (fd < 0) return integer(env, fd);
  long status = KERNEL(ioctl, fd, 0x8933, &request, 0, 0); /* SIOCGIFINDEX */
  KERNEL(close, fd, 0, 0, 0, 0);
  return integer(env, status < 0 ? status : request.index);
}

static napi_value interface_name(napi_env env, napi_callback_info info) { /* (index): name or '' */
  struct call call = arguments_of(env, info);
  struct interface_request request = {{0}, (i32)number(env, call.arguments[0]), {0}};
  long fd = KERNEL(socket, FAMILY_INET, 2 | 02000000, 0, 0, 0);
  long status = fd < 0 ? fd : KERNEL(ioctl, fd, 0x8910, &request, 0, 0); /* SIOCGIFNAME */
  if (fd >= 0) KERNEL(close, fd, 0, 0, 0, 0);
  napi_value result = NULL;
  napi_create_string_utf8(env, status < 0 ? "" : request.name, NAPI_AUTO_LENGTH, &result);
  return result;
}

static napi_value foreign_option(napi_env env, napi_callback_info info) { /* (pid, fd, level, option): value or negative errno */
  struct call call = arguments_of(env, info);
  i32 values[4] = {0};
  for (u32 i = 0; i < 4; i++) napi_get_value_int32(env, call.arguments[i], &values[i]);
  return integer(env, pidfd_getsockopt(values[0], values[1], values[2], values[3]));
}

#define EXPORT __attribute__((visibility("default")))
EXPORT i32 node_api_module_get_api_version_v1(void);
EXPORT napi_value napi_register_module_v1(napi_env env, napi_value exports);

i32 node_api_module_get_api_version_v1(void) { return 8; }

void packet_register(napi_env env, napi_value exports); /* packet.c: sockets for probes */
void tables_register(napi_env env, napi_value exports); /* tables.c: whether there are rules of nft */
void child_register(napi_env env, napi_value exports);  /* child-binding.c: ip(8), to read the kernel's answers */

napi_value napi_register_module_v1(napi_env env, napi_value exports) {
  napi_value hash;
  export_function(env, exports, "open", open_socket);
  export_function(env, exports, "bind", bind_socket);
  export_function(env, exports, "name", socket_name);
  export_function(env, exports, "poll", poll_events);
  export_function(env, exports, "flush", flush);
  export_function(env, exports, "setOption", set_option);
  export_function(env, exports, "getOption", get_option);
  export_function(env, exports, "answer", answer);
  export_function(env, exports, "stats", stats);
  export_function(env, exports, "reference", reference);
  export_function(env, exports, "close", close_socket);
  export_function(env, exports, "interfaceIndex", interface_index);
  export_function(env, exports, "interfaceName", interface_name);
  export_function(env, exports, "pidfdGetsockopt", foreign_option);
  packet_register(env, exports);
  child_register(env, exports);
  tables_register(env, exports);
  napi_create_string_utf8(env, SOURCE_HASH, NAPI_AUTO_LENGTH, &hash);
  napi_set_named_property(env, exports, "sourceHash", hash);
  return exports;
}
