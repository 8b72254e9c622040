#include "binding.h"
#include "kernel.h"

enum { BATCHES_PER_WAKE = 8 }; /* so that a flood cannot starve the event loop */

static void report_exception(struct binding *binding) {
  napi_value error;
  _Bool pending = 0;
  napi_is_exception_pending(binding->env, &pending);
  if (pending && napi_get_and_clear_last_exception(binding->env, &error) == 0) napi_fatal_exception(binding->env, error);
}

void binding_call(struct binding *binding, int event, i32 number, napi_value memory) {
  napi_value callback, resource, arguments[3];
  if (napi_get_reference_value(binding->env, binding->callback, &callback) != 0) return;
  if (napi_get_reference_value(binding->env, binding->resource, &resource) != 0) return;
  napi_create_int32(binding->env, event, &arguments[0]);
  napi_create_int32(binding->env, number, &arguments[1]);
  arguments[2] = memory;
  size_t count = memory == NULL ? 2 : 3;
  if (napi_make_callback(binding->env, binding->context, resource, callback, count, arguments, NULL) != 0) report_exception(binding);
}

static void store_address(u32 *words, u32 family, const u8 *address) {
  for (u32 i = 0; i < (family == 4 ? 1u : 4u); i++) {
    u32 word;
    copy_bytes(&word, address + 4 * i, 4);
    words[i] = swap32(word);
  }
}

static void load_address(u8 *address, u32 family, const u32 *words) {
  for (u32 i = 0; i < (family == 4 ? 1u : 4u); i++) {
    u32 word = swap32(words[i]);
    copy_bytes(address + 4 * i, &word, 4);
  }
}

enum { CHUNK_BYTES = 32768 }; /* what a single message that is kept holds in memory; node:buffer's pool has 8 KiB */

/* The chunk in use if `bytes` more fit; NULL also when JavaScript has transferred it away. */
static napi_value chunk_with_room(struct binding *binding, u32 bytes) {
  napi_value memory = NULL;
  void *data = NULL;
  size_t size = 0;
  if (binding->chunk == NULL || bytes > binding->chunk_size - binding->chunk_used) return NULL;
  if (napi_get_reference_value(binding->env, binding->chunk, &memory) != 0) return NULL;
  if (napi_get_arraybuffer_info(binding->env, memory, &data, &size) != 0 || size != binding->chunk_size) return NULL;
  binding->chunk_data = data;
  return memory;
}

/* Room for what was received, where nothing was handed out from before: an ArrayBuffer, or NULL when there is no memory. */
static napi_value make_room(struct binding *binding, u32 received) {
  u32 bytes = 0;
  void *data;
  for (u32 i = 0; i < received; i++) bytes += binding->engine.in.messages[i].length;
  napi_value memory = chunk_with_room(binding, bytes);
  if (memory != NULL) return memory;
  if (binding->chunk != NULL) napi_delete_reference(binding->env, binding->chunk);
  binding->chunk = NULL;
  binding->chunk_size = bytes > CHUNK_BYTES ? bytes : CHUNK_BYTES;
  binding->chunk_used = 0;
  if (napi_create_arraybuffer(binding->env, binding->chunk_size, &data, &memory) != 0) return NULL;
  binding->chunk_data = data;
  return napi_create_reference(binding->env, memory, 1, &binding->chunk) == 0 ? memory : NULL;
}

/* Packs what passed the guards into the chunk: how many. */
static u32 gather(struct binding *binding, u32 received) {
  struct engine *engine = &binding->engine;
  u32 kept = 0, at = binding->chunk_used;
  u64 now = engine->guard.per_source.per_token_ns | engine->guard.total.per_token_ns ? now_ns() : 0;
  for (u32 i = 0; i < received; i++) {
    struct packet packet;
    if (!engine_inspect(engine, i, &packet) || !engine_admit(engine, &packet, now)) continue;
    u32 *record = binding->in_records + kept++ * IN_WORDS;
    record[17] = i; /* for binding_flush alone */
    record[0] = at;
    record[1] = packet.length;
    record[2] = swap16((u16)packet.port);
    record[3] = packet.scope;
    record[4] = packet.interface;
    store_address(record + 5, packet.family, packet.peer);
    store_address(record + 9, packet.family, packet.local);
    store_address(record + 13, packet.family, packet.destination);
    copy_bytes(binding->chunk_data + at, packet.data, packet.length);
    at += packet.length;
  }
  count(engine, COUNT_RECEIVED, kept);
  binding->chunk_used = at;
  return kept;
}

static void hand_out(struct binding *binding, u32 received) {
  napi_handle_scope scope;
  if (napi_open_handle_scope(binding->env, &scope) != 0) return;
  napi_value memory = make_room(binding, received);
  u32 kept = memory == NULL ? 0 : gather(binding, received);
  if (memory == NULL) count(&binding->engine, COUNT_RECEIVE_ERRORS, 1);
  if (kept > 0) binding_call(binding, EVENT_MESSAGES, (i32)kept, memory);
  napi_close_handle_scope(binding->env, scope);
}

/*
 * While the socket is in epoll, the kernel calls epoll back for every datagram that comes and every one that is gone
 * (sock_def_write_space, ep_poll_callback): some 7 % of a request. So a busy wake-up takes the socket out and puts it back.
 */
enum { BUSY_BATCH = 8 };

static void attach(struct binding *binding) {
  if (!binding->detached) return;
  binding->detached = 0;
  if (binding->open && !binding->answering) binding_poll(binding, (int)binding->polling);
}

/* A listener may have closed the socket, stopped reading, or left it to the answer thread, which then has the buffers for itself. */
static int may_receive(const struct binding *binding) {
  return binding->open && !binding->answering && binding->polling & UV_POLL_READABLE;
}

static void on_poll(uv_handle_t *handle, int status, int events) {
  struct binding *binding = uv_handle_get_data(handle);
  napi_handle_scope scope;
  if (napi_open_handle_scope(binding->env, &scope) != 0) return;
  if (status < 0) { /* libuv has stopped polling: take the socket's error away and go on */
    i32 error = 0;
    u32 size = sizeof error;
    KERNEL(getsockopt, binding->engine.fd, LEVEL_SOCKET, 4, &error, &size);
    binding_poll(binding, binding->polling);
    binding_call(binding, EVENT_ERROR, error == 0 ? -status : error, NULL);
  } else if (!binding->answering) {
    if (events & UV_POLL_WRITABLE) binding_call(binding, EVENT_WRITABLE, 0, NULL);
    for (u32 i = 0; i < BATCHES_PER_WAKE && may_receive(binding); i++) {
      int received = engine_receive(&binding->engine, FLAG_DONTWAIT);
      if (received >= BUSY_BATCH && !binding->detached) {
        uv_poll_stop(binding->poll);
        binding->detached = 1;
      }
      if (received > 0) hand_out(binding, (u32)received);
      if (received < (int)binding->engine.batch && (received <= 0 || !binding->detached)) break;
    }
    attach(binding);
  }
  napi_close_handle_scope(binding->env, scope);
}

int binding_poll(struct binding *binding, int events) {
  binding->polling = (u32)events;
  if (binding->detached) return 0;
  return events == 0 ? uv_poll_stop(binding->poll) : uv_poll_start(binding->poll, events, on_poll);
}

static void send_to(struct outgoing *outgoing, const u32 *record) {
  outgoing->port = swap16((u16)record[2]);
  outgoing->scope = record[3];
  outgoing->has_local = record[8];
  outgoing->local_interface = record[13];
  load_address(outgoing->peer, outgoing->family, record + 4);
  load_address(outgoing->local, outgoing->family, record + 9);
}

static void answer_to(struct binding *binding, u32 index, struct outgoing *outgoing, const u32 *asked) {
  u32 slot = asked[17] % binding->engine.batch; /* JavaScript could have written anything there */
  outgoing->has_local = (asked[9] | asked[10] | asked[11] | asked[12]) != 0;
  outgoing->local_interface = asked[4];
  load_address(outgoing->local, outgoing->family, asked + 9);
  engine_prepare_answer(&binding->engine, index, slot, outgoing);
}

i32 binding_flush(struct binding *binding, u32 first, u32 end) {
  i32 results[BATCH_MAX];
  for (u32 i = first; i < end; i++) { /* all before any: what is sent cannot be taken back */
    const u32 *record = binding->out_records + i * OUT_WORDS;
    if (record[0] > binding->outbox_size || record[1] > binding->outbox_size - record[0]) return -ERR_INVAL;
  }
  u32 family = binding->engine.family == FAMILY_INET ? 4 : 6;
  /* What has been prepared and could not be sent yet stays so: the received datagrams it answers may be gone. */
  for (u32 i = first > binding->prepared ? first : binding->prepared; i < end; i++) {
    const u32 *record = binding->out_records + i * OUT_WORDS;
    struct outgoing outgoing = {.data = binding->outbox + record[0], .length = record[1], .family = family};
    u32 asked = record[15] - 1;
    if (asked < binding->engine.batch) {
      answer_to(binding, i, &outgoing, binding->in_records + asked * IN_WORDS);
    } else {
      send_to(&outgoing, record);
      engine_prepare(&binding->engine, i, &outgoing);
    }
  }
  u32 next = engine_send(&binding->engine, first, end, results);
  binding->prepared = next < end ? end : 0;
  if (next < end) engine_keep(&binding->engine, next, end);
  for (u32 i = first; i < next; i++) binding->out_records[i * OUT_WORDS + 14] = (u32)results[i];
  return (i32)next;
}
