/*
 * The functions JavaScript calls (src/udp/native.ts has their types). Arguments are checked there, and here as far as memory
 * depends on them; errors are negative errnos.
 */
#include "binding.h"
#include "kernel.h"
#include "values.h"

#ifndef SOURCE_HASH
#define SOURCE_HASH "unknown"
#endif

/* NULL for what is no socket, and for one that is closed: its descriptor may be somebody else's by now. */
static struct binding *open_binding(napi_env env, napi_value value) {
  void *external = NULL;
  if (napi_get_value_external(env, value, &external) != 0) return NULL;
  struct binding *binding = external;
  return binding != NULL && binding->open ? binding : NULL;
}

static napi_value bind_socket(napi_env env, napi_callback_info info) { /* (socket, sockaddr) */
  struct call call = arguments_of(env, info);
  struct binding *binding = open_binding(env, call.arguments[0]);
  if (binding == NULL) return integer(env, -ERR_BADF);
  size_t size;
  u8 *address = elements(env, call.arguments[1], BYTES, &size);
  long status = address == NULL ? 0 : KERNEL(bind, binding->engine.fd, address, size, 0, 0);
  union socket_address own;
  u32 own_size = sizeof own;
  if (status == 0) status = KERNEL(getsockname, binding->engine.fd, &own, &own_size, 0, 0);
  if (status == 0) binding->engine.own_port = own.v4.port; /* at the same place in both families */
  return integer(env, status);
}

static napi_value socket_name(napi_env env, napi_callback_info info) { /* (socket, into 28 bytes) */
  struct call call = arguments_of(env, info);
  struct binding *binding = open_binding(env, call.arguments[0]);
  if (binding == NULL) return integer(env, -ERR_BADF);
  size_t size;
  u8 *into = elements(env, call.arguments[1], BYTES, &size);
  u32 length = (u32)size;
  return integer(env, KERNEL(getsockname, binding->engine.fd, into, &length, 0, 0));
}

static napi_value poll_events(napi_env env, napi_callback_info info) { /* (socket, readable | writable) */
  struct call call = arguments_of(env, info);
  struct binding *binding = open_binding(env, call.arguments[0]);
  if (binding == NULL) return integer(env, -ERR_BADF);
  return integer(env, binding->answering ? 0 : binding_poll(binding, (int)number(env, call.arguments[1])));
}

static napi_value flush(napi_env env, napi_callback_info info) { /* (socket, first, end): the slot to go on with */
  struct call call = arguments_of(env, info);
  struct binding *binding = open_binding(env, call.arguments[0]);
  if (binding == NULL) return integer(env, -ERR_BADF);
  if (binding->answering) return integer(env, -ERR_INVAL); /* the thread has the slots for itself */
  i32 first = 0, end = 0;
  napi_get_value_int32(env, call.arguments[1], &first);
  napi_get_value_int32(env, call.arguments[2], &end);
  if (first < 0 || end < first || (u32)end > binding->engine.batch) return integer(env, -ERR_INVAL);
  return integer(env, binding_flush(binding, (u32)first, (u32)end));
}

static napi_value set_option(napi_env env, napi_callback_info info) { /* (socket, level, name, value) */
  struct call call = arguments_of(env, info);
  struct binding *binding = open_binding(env, call.arguments[0]);
  if (binding == NULL) return integer(env, -ERR_BADF);
  size_t size;
  u8 *value = elements(env, call.arguments[3], BYTES, &size);
  return integer(env, KERNEL(setsockopt, binding->engine.fd, (i32)number(env, call.arguments[1]),
                             (i32)number(env, call.arguments[2]), value, size));
}

static napi_value get_option(napi_env env, napi_callback_info info) { /* (socket, level, name, into) */
  struct call call = arguments_of(env, info);
  struct binding *binding = open_binding(env, call.arguments[0]);
  if (binding == NULL) return integer(env, -ERR_BADF);
  size_t size;
  u8 *into = elements(env, call.arguments[3], BYTES, &size);
  u32 length = (u32)size;
  return integer(env, KERNEL(getsockopt, binding->engine.fd, (i32)number(env, call.arguments[1]),
                             (i32)number(env, call.arguments[2]), into, &length));
}

static napi_value answer(napi_env env, napi_callback_info info) { /* (socket, entries or null to renew, untilMs) */
  struct call call = arguments_of(env, info);
  struct binding *binding = open_binding(env, call.arguments[0]);
  if (binding == NULL) return integer(env, -ERR_BADF);
  size_t size;
  u8 *entries = elements(env, call.arguments[1], BYTES, &size);
  struct answer_table *table = NULL;
  if (entries != NULL) {
    table = answer_table_copy(entries, (u32)(size / sizeof(struct answer_entry)));
    if (table == NULL) return integer(env, -12);
  }
  return integer(env, binding_answer(binding, table, number(env, call.arguments[2])));
}

static napi_value filter(napi_env env, napi_callback_info info) { /* (socket, program: 8 bytes an instruction; an empty one is none) */
  struct call call = arguments_of(env, info);
  struct binding *binding = open_binding(env, call.arguments[0]);
  if (binding == NULL) return integer(env, -ERR_BADF);
  size_t size;
  u8 *program = elements(env, call.arguments[1], BYTES, &size);
  return integer(env, program == NULL ? -ERR_INVAL : socket_filter(binding->engine.fd, program, size / 8));
}

static napi_value discard(napi_env env, napi_callback_info info) { /* (socket): what waits in its queue is not answered */
  struct call call = arguments_of(env, info);
  struct binding *binding = open_binding(env, call.arguments[0]);
  if (binding == NULL) return integer(env, -ERR_BADF);
  if (binding->answering) return integer(env, -ERR_INVAL);
  return integer(env, engine_discard(&binding->engine));
}

static napi_value stats(napi_env env, napi_callback_info info) { /* (socket, into: Float64Array of COUNTERS) */
  struct call call = arguments_of(env, info);
  struct binding *binding = open_binding(env, call.arguments[0]);
  if (binding == NULL) return integer(env, -ERR_BADF);
  size_t length;
  double *into = (double *)(void *)elements(env, call.arguments[1], DOUBLES, &length);
  if (into == NULL || length < COUNTERS) return integer(env, -ERR_INVAL);
  for (u32 i = 0; i < COUNTERS; i++) into[i] = (double)__atomic_load_n(&binding->engine.counters[i], __ATOMIC_RELAXED);
  u32 memory[9] = {0}, size = sizeof memory; /* SO_MEMINFO (55): drops that no later datagram has told of yet */
  if (KERNEL(getsockopt, binding->engine.fd, LEVEL_SOCKET, 55, memory, &size) == 0 &&
      (double)memory[8] > into[COUNT_KERNEL_DROPS])
    into[COUNT_KERNEL_DROPS] = (double)memory[8];
  return integer(env, 0);
}

static napi_value reference(napi_env env, napi_callback_info info) { /* (socket, 1 ref | 0 unref) */
  struct call call = arguments_of(env, info);
  struct binding *binding = open_binding(env, call.arguments[0]);
  if (binding == NULL) return integer(env, -ERR_BADF);
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
  struct binding *binding = open_binding(env, call.arguments[0]);
  if (binding != NULL) binding_close(binding);
  return NULL;
}

struct interface_request { char name[16]; i32 index; u8 rest[20]; };

static napi_value interface_index(napi_env env, napi_callback_info info) { /* (name): index or negative errno */
  struct call call = arguments_of(env, info);
  struct interface_request request = {{0}, 0, {0}};
  size_t length = 0;
  /* A name that is longer than any is nobody's: cut off it could be another's. */
  if (napi_get_value_string_utf8(env, call.arguments[0], NULL, 0, &length) != 0 || length >= sizeof request.name)
    return integer(env, -19); /* ENODEV */
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
void lock_register(napi_env env, napi_value exports);   /* lock.c: flock(2) */
void process_register(napi_env env, napi_value exports); /* process.c: the clock, descriptors */
void child_register(napi_env env, napi_value exports);  /* child/binding.c: ip(8), to read the kernel's answers */

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
  export_function(env, exports, "filter", filter);
  export_function(env, exports, "discard", discard);
  export_function(env, exports, "stats", stats);
  export_function(env, exports, "reference", reference);
  export_function(env, exports, "close", close_socket);
  export_function(env, exports, "interfaceIndex", interface_index);
  export_function(env, exports, "interfaceName", interface_name);
  export_function(env, exports, "pidfdGetsockopt", foreign_option);
  packet_register(env, exports);
  child_register(env, exports);
  tables_register(env, exports);
  lock_register(env, exports);
  process_register(env, exports);
  napi_create_string_utf8(env, SOURCE_HASH, NAPI_AUTO_LENGTH, &hash);
  napi_set_named_property(env, exports, "sourceHash", hash);
  return exports;
}
