/*
 * Fuzzes the native code under AddressSanitizer and UndefinedBehaviorSanitizer: `fuzz SECONDS SEED`. Received slots are filled
 * with any name, control data, flags and lengths the kernel could, or could never, give; what passes is parsed, judged,
 * answered and prepared for sending, and the invariants of docs/wire-protocol.md are checked. A socket pair then carries some
 * of it through real system calls. Prints its counts; exits 1 on a broken invariant.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/native/udp/answer.h"
#include "../../src/native/udp/binding.h"
#include "../../src/native/udp/kernel.h"

enum { BATCH = 16, PAYLOAD = 300, ENTRIES = 40 };
static u64 state;
static u64 inspected, passed, parsed, answered, sent_bytes;

static u32 any(u32 below) {
  state ^= state << 13, state ^= state >> 7, state ^= state << 17;
  return (u32)((state >> 11) % below);
}

static void fill(void *at, size_t size) {
  for (size_t i = 0; i < size; i++) ((u8 *)at)[i] = (u8)any(256);
}

static void broken(const char *what) {
  fprintf(stderr, "broken invariant: %s (state %llx)\n", what, (unsigned long long)state);
  exit(1);
}

/* A request, possibly damaged. Returns its length. */
static u32 forge(u8 *out) {
  u32 family = (u32[]){0, 4, 6}[any(3)], length = 18 + any(238);
  memset(out, 0, PAYLOAD);
  memcpy(out, "RSP\1", 4);
  out[4] = (u8)(1 + any(2));
  fill(out + 6, 8);
  out[14] = (u8)family;
  if (family != 0 && any(2)) out[15] = (u8[]){6, 17, 132}[any(3)], out[17] = (u8)(1 + any(3));
  if (family != 0) out[18] = 192, out[21] = (u8)any(4);
  switch (any(5)) {
    case 0: fill(out, length); break;
    case 1: out[any(length)] = (u8)any(256); break;
    case 2: length = any(length + 1); break;
    case 3: out[4] |= 0x80; break;
    default: break;
  }
  return length;
}

/* What the kernel really gives, most of the time; else anything. */
static u32 control(u8 *out, u16 family) {
  u32 at = 0;
  if (any(4) != 0) {
    struct control_header header = {family == FAMILY_INET ? 28 : 36, family == FAMILY_INET ? 0 : 41, family == FAMILY_INET ? 8 : 50};
    memcpy(out, &header, sizeof header);
    memcpy(out + 24, out + 20, 4); /* spec_dst as the destination: unicast */
    out[16 + (family == FAMILY_INET ? 4 : 0)] &= 0x7f;
    memcpy(out + 24, out + 20, 4);
    return family == FAMILY_INET ? 32 : 40;
  }
  for (u32 i = any(4); i > 0 && at + 16 <= CONTROL_ROOM; i--) {
    struct control_header header = {16 + any(30), (i32[]){0, 41, 1, 7}[any(4)], (i32[]){8, 50, 40, 9}[any(4)]};
    if (any(8) == 0) header.length = any(3) ? any(64) : ((u64)any(1u << 30) << 34 | any(1u << 30));
    memcpy(out + at, &header, sizeof header);
    at += (u32)((header.length > CONTROL_ROOM ? CONTROL_ROOM : header.length) + 7) & ~7u;
  }
  return any(6) == 0 ? any(CONTROL_ROOM + 40) : at > CONTROL_ROOM ? CONTROL_ROOM : at;
}

static void receive_anything(struct engine *engine, u32 i) {
  struct message *message = &engine->in.messages[i];
  union socket_address *name = &engine->in.names[i];
  u8 *data = engine->in.vectors[i].base;
  message->length = forge(data);
  if (any(40) == 0) message->length = PAYLOAD + any(1000);
  message->header.flags = any(20) == 0 ? any(1u << 16) : 0;
  fill(name, sizeof *name);
  if (any(10) != 0) {
    name->family = any(2) ? FAMILY_INET : FAMILY_INET6;
    message->header.name_length = name->family == FAMILY_INET ? 16 : 28;
    if (any(8)) name->raw[4] &= 0x7f;
    if (name->family == FAMILY_INET6 && any(2)) memset(name->v6.address, 0, 10), memset(name->v6.address + 10, 0xff, 2);
  } else {
    message->header.name_length = any(29);
  }
  fill(message->header.control, CONTROL_ROOM);
  message->header.control_length = control(message->header.control, name->family);
}

/* The way of the answer thread: reply, name and control data in the memory of the request. Gives the same datagram. */
static void in_place(struct answerer *answerer, u32 i, struct packet *packet, const u8 *reply, u32 length, struct outgoing *outgoing) {
  struct engine *engine = answerer->engine;
  struct message_header copied = engine->out.messages[i].header;
  struct wire_request request;
  u8 name[28], control_data[CONTROL_SEND];
  memcpy(name, copied.name, copied.name_length);
  memcpy(control_data, copied.control, copied.control_length);
  if (wire_parse(packet->data, packet->length, &request) != 0) broken("a request that is none the second time");
  if (answer_compose(answerer, &request, 1, packet->data) != length || memcmp(packet->data, reply, length) != 0)
    broken("another reply in place");
  engine_prepare_answer(engine, i, i, outgoing);
  for (u32 kept = 0; kept < 2; kept++, engine_keep(engine, i, i + 1)) {
    struct message_header header = engine->out.messages[i].header;
    if (header.name_length != copied.name_length || memcmp(header.name, name, 8) != 0) broken("another peer in place");
    if (packet->family == 6 && memcmp((u8 *)header.name + 8, name + 8, 20) != 0) broken("another IPv6 peer in place");
    if (header.control_length != copied.control_length || (header.control_length > 0 && memcmp(header.control, control_data, header.control_length - 4) != 0))
      broken("another source in place"); /* the last four bytes are padding, in both families */
  }
}

static void one(struct answerer *answerer, u32 i) {
  struct engine *engine = answerer->engine;
  struct packet packet;
  struct wire_request request;
  u8 reply[WIRE_MAX + 1], again[WIRE_MAX + 1];
  inspected++;
  if (!engine_inspect(engine, i, &packet)) return;
  passed++;
  if (packet.length > engine->max_payload) broken("a datagram longer than its buffer was delivered");
  if (packet.port == 0) broken("source port 0 was delivered");
  if (engine->strict && packet.port == engine->own_port) broken("our own port was delivered");
  engine_admit(engine, &packet, now_ns());
  u8 *copy = malloc(packet.length); /* exactly its length: a read beyond it is seen */
  memcpy(copy, packet.data, packet.length);
  int is_request = wire_parse(copy, packet.length, &request) == 0;
  free(copy);
  if (!is_request) return;
  parsed++;
  memset(reply, 0xa5, sizeof reply);
  answerer->lease_until_ns = any(10) ? ~0ull : 0;
  u32 length = answer_compose(answerer, &request, 1, reply);
  if (length == 0) return;
  answered++;
  if (length > packet.length || length > WIRE_MAX) broken("a reply longer than its request");
  if (reply[WIRE_MAX] != 0xa5) broken("a reply beyond its buffer");
  if (wire_parse(reply, length, &request) == 0) broken("a reply that parses as a request");
  memcpy(again, reply, length);
  struct outgoing outgoing = {again, length, packet.family, packet.port, packet.scope, 1, packet.interface, {0}, {0}};
  memcpy(outgoing.peer, packet.peer, 16);
  memcpy(outgoing.local, packet.local, 16);
  engine_prepare(engine, i, &outgoing);
  if (engine->out.messages[i].header.control_length > CONTROL_SEND) broken("control data beyond its room");
  in_place(answerer, i, &packet, reply, length, &outgoing);
}

/* Real datagrams through real system calls: loopback, port of our own. */
static void through_the_kernel(struct answerer *answerer) {
  struct engine *engine = answerer->engine;
  struct sockaddr4 to = {FAMILY_INET, (u16)engine->own_port, {127, 0, 0, 1}, {0}};
  long fd = KERNEL(socket, FAMILY_INET, 2 | 04000, 0, 0, 0); /* SOCK_DGRAM | SOCK_NONBLOCK */
  KERNEL(connect, fd, &to, sizeof to, 0, 0);
  u8 bytes[PAYLOAD], reply[400];
  for (u32 i = 0; i < BATCH; i++) {
    u32 length = forge(bytes);
    KERNEL(write, fd, bytes, length, 0, 0);
  }
  int received = engine_receive(engine, FLAG_DONTWAIT);
  u32 ready = 0;
  u8 replies[BATCH][WIRE_MAX + 1];
  for (int i = 0; i < received; i++) {
    struct packet packet;
    struct wire_request request;
    if (!engine_inspect(engine, (u32)i, &packet)) continue;
    if (memcmp(packet.local, to.address, 4) != 0) broken("another address than was asked");
    if (wire_parse(packet.data, packet.length, &request) != 0 || !engine_admit(engine, &packet, now_ns())) continue;
    u32 length = answer_compose(answerer, &request, 1, replies[ready]);
    if (length == 0) continue;
    struct outgoing outgoing = {replies[ready], length, 4, packet.port, 0, 1, packet.interface, {0}, {0}};
    memcpy(outgoing.peer, packet.peer, 16);
    memcpy(outgoing.local, packet.local, 16);
    if (any(10) == 0) fill(outgoing.local, 4); /* an address that is not ours: fails, and is passed over */
    if (any(2)) engine_prepare(engine, ready++, &outgoing);
    else engine_prepare_answer(engine, ready++, (u32)i, &outgoing);
  }
  i32 results[BATCH_MAX];
  if (engine_send(engine, 0, ready, results) != ready) broken("sending stopped at an entry");
  for (long got; (got = KERNEL(read, fd, reply, sizeof reply, 0, 0)) > 0;) sent_bytes += (u64)got;
  KERNEL(close, fd, 0, 0, 0, 0);
}

static struct answer_entry *entries(u32 count) {
  struct answer_entry *list = calloc(count, sizeof *list);
  for (u32 i = 0; i < count; i++) { /* sorted: the key's second byte counts up within a family */
    struct answer_entry *entry = &list[i];
    fill(entry, sizeof *entry);
    memset(entry->key, 0, WIRE_KEY);
    entry->key[0] = i == 0 ? 0 : i < count / 2 ? 4 : 6;
    entry->key[3] = i == 0 ? 0 : (u8)i;
  }
  return list;
}

int main(int argc, char **argv) {
  double seconds = argc > 1 ? atof(argv[1]) : 5;
  state = argc > 2 ? strtoull(argv[2], NULL, 10) * 2654435761u + 88172645463325252ull : 88172645463325252ull;
  static struct engine engine;
  static struct answerer answerer;
  size_t size = engine_memory(BATCH, PAYLOAD);
  u8 *memory = aligned_alloc(16, (size + 15) & ~(size_t)15);
  memset(memory, 0, size);
  engine_init(&engine, memory, BATCH, PAYLOAD);
  double config[10] = {FAMILY_INET, 8 | 16, BATCH, PAYLOAD, 24, 56, 1e6, 1e5, 1e7, 1e6};
  if (socket_setup(&engine, -1, config) != 0) broken("no socket");
  struct sockaddr4 own = {FAMILY_INET, 0, {127, 0, 0, 1}, {0}};
  u32 own_size = sizeof own;
  KERNEL(bind, engine.fd, &own, sizeof own, 0, 0);
  KERNEL(getsockname, engine.fd, &own, &own_size, 0, 0);
  engine.own_port = own.port;
  answerer.engine = &engine;
  u64 end = now_ns() + (u64)(seconds * 1e9);
  for (u64 round = 0; now_ns() < end; round++) {
    if (round % 64 == 0) {
      u32 count = 1 + any(ENTRIES);
      struct answer_entry *list = entries(count);
      answer_table_free(answerer.current);
      answerer.current = answer_table_copy((u8 *)list, count);
      free(list);
      engine.strict = any(2);
      engine.guard.allow_all = any(2);
      engine.guard.allow_count = any(ALLOW_MAX + 1);
      fill(engine.guard.allow, sizeof engine.guard.allow);
      engine.guard.prefix4 = any(33), engine.guard.prefix6 = any(129);
    }
    for (u32 i = 0; i < BATCH; i++) {
      receive_anything(&engine, i);
      one(&answerer, i);
    }
    if (round % 16 == 0) {
      engine.guard.allow_all = 1;
      through_the_kernel(&answerer);
    }
  }
  KERNEL(close, engine.fd, 0, 0, 0, 0);
  answer_table_free(answerer.current);
  free(memory);
  printf("{\"inspected\":%llu,\"passed\":%llu,\"parsed\":%llu,\"answered\":%llu,\"bytesThroughTheKernel\":%llu}\n",
         (unsigned long long)inspected, (unsigned long long)passed, (unsigned long long)parsed, (unsigned long long)answered,
         (unsigned long long)sent_bytes);
  return 0;
}
