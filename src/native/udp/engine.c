#include "engine.h"
#include "kernel.h"

/* ---- memory ---- */

static size_t slot_memory(u32 batch) {
  return batch * (sizeof(struct message) + sizeof(struct io_vector) + 32 + CONTROL_ROOM);
}

/* An odd number of cache lines: buffers a power of two apart all fall into the same few sets of the cache. */
static size_t stride(u32 max_payload) { return (((size_t)max_payload + 63) & ~(size_t)63) | 64; }

size_t engine_memory(u32 batch, u32 max_payload) { return 2 * slot_memory(batch) + batch * stride(max_payload); }

static u8 *slot_init(struct receive_slot *slot, u8 *at, u32 batch) {
  slot->messages = (struct message *)(void *)at;
  at += batch * sizeof(struct message);
  slot->vectors = (struct io_vector *)(void *)at;
  at += batch * sizeof(struct io_vector);
  slot->controls = at;
  at += batch * CONTROL_ROOM;
  slot->names = (union socket_address *)(void *)at;
  at += batch * 32u;
  for (u32 i = 0; i < batch; i++) {
    struct message_header *header = &slot->messages[i].header;
    header->name = &slot->names[i];
    header->vectors = &slot->vectors[i];
    header->vector_count = 1;
    header->control = slot->controls + (size_t)i * CONTROL_ROOM;
  }
  return at;
}

void engine_init(struct engine *engine, u8 *memory, u32 batch, u32 max_payload) {
  engine->batch = batch;
  engine->max_payload = max_payload;
  u8 *at = slot_init(&engine->in, memory, batch);
  at = slot_init(&engine->out, at, batch);
  engine->in.data = at;
  for (u32 i = 0; i < batch; i++) engine->in.vectors[i] = (struct io_vector){at + i * stride(max_payload), max_payload};
}

/* ---- receiving ---- */

int engine_receive(struct engine *engine, u32 flags) {
  for (u32 i = 0; i < engine->batch; i++) {
    struct message_header *header = &engine->in.messages[i].header;
    header->name_length = sizeof(union socket_address);
    header->control_length = CONTROL_ROOM;
  }
  long got = KERNEL(recvmmsg, engine->fd, engine->in.messages, engine->batch, flags, 0);
  if (got < 0 && got != -ERR_AGAIN && got != -ERR_INTR) count(engine, COUNT_RECEIVE_ERRORS, 1);
  return (int)got;
}

struct destinations { int have4, have6; struct packet_info4 v4; struct packet_info6 v6; };

/* Walks control data of any content; what does not fit is the end of it (CMSG_NXTHDR of cmsg(3), without its pointers). */
static void read_control(struct engine *engine, const u8 *control, u64 length, struct destinations *found) {
  u64 at = 0;
  while (length - at >= sizeof(struct control_header)) {
    struct control_header header;
    copy_bytes(&header, control + at, sizeof header);
    if (header.length < sizeof header || header.length > length - at) return;
    const u8 *data = control + at + sizeof header;
    u64 size = header.length - sizeof header;
    if (header.level == LEVEL_IP && header.type == CMSG_IP_PKTINFO && size >= sizeof found->v4) {
      copy_bytes(&found->v4, data, sizeof found->v4);
      found->have4 = 1;
    } else if (header.level == LEVEL_IPV6 && header.type == CMSG_IPV6_PKTINFO && size >= sizeof found->v6) {
      copy_bytes(&found->v6, data, sizeof found->v6);
      found->have6 = 1;
    } else if (header.level == LEVEL_SOCKET && header.type == CMSG_RXQ_OVFL && size >= 4) {
      u32 total;
      copy_bytes(&total, data, 4); /* since the socket was made; wraps */
      count(engine, COUNT_KERNEL_DROPS, (u32)(total - engine->overflow_seen));
      engine->overflow_seen = total;
    }
    u64 step = (header.length + 7) & ~7ull;
    if (step > length - at) return;
    at += step;
  }
}

static void map4(u8 out[16], const u8 address[4]) {
  clear_bytes(out, 0, 10);
  out[10] = out[11] = 0xff;
  copy_bytes(out + 12, address, 4);
}

static int is_mapped(const u8 address[16]) { return load64(address) == 0 && load32(address + 8) == 0xffff0000u; }

static int is_zero4(const u8 address[4]) { return (address[0] | address[1] | address[2] | address[3]) == 0; }

/* Fills destination and local: the address to answer from. 0 when the kernel told none. */
static int place(struct packet *packet, const struct destinations *found) {
  if (packet->family == 4) {
    if (!found->have4) return 0;
    copy_bytes(packet->destination, found->v4.address, 4);
    /* spec_dst is 0.0.0.0 for datagrams queued before IP_PKTINFO was set (ipv4_pktinfo_prepare, net/ipv4/ip_sockglue.c) */
    copy_bytes(packet->local, is_zero4(found->v4.spec_dst) ? found->v4.address : found->v4.spec_dst, 4);
    packet->interface = (u32)found->v4.interface;
    return !is_zero4(packet->local);
  }
  if (found->have4 && is_mapped(packet->peer)) { /* only IP_PKTINFO knows the local address of a broadcast */
    map4(packet->destination, found->v4.address);
    map4(packet->local, is_zero4(found->v4.spec_dst) ? found->v4.address : found->v4.spec_dst);
    packet->interface = (u32)found->v4.interface;
    return 1;
  }
  if (!found->have6) return 0;
  copy_bytes(packet->destination, found->v6.address, 16);
  /* A multicast address is nobody's source: left zero, so that the kernel chooses one. */
  if (found->v6.address[0] != 0xff) copy_bytes(packet->local, found->v6.address, 16);
  packet->interface = (u32)found->v6.interface;
  return 1;
}

static int is_unicast4(const u8 address[4]) { return address[0] < 224 && !is_zero4(address); }

static int is_unicast(u32 family, const u8 address[16]) {
  if (family == 4) return is_unicast4(address);
  if (is_mapped(address)) return is_unicast4(address + 12);
  return address[0] != 0xff && (load64(address) | load64(address + 8)) != 0;
}

enum { LOOPBACK_INTERFACE = 1 }; /* lo has index 1 in every network namespace (net/core/dev.c) */

int engine_inspect(struct engine *engine, u32 index, struct packet *packet) {
  const struct message *message = &engine->in.messages[index];
  const union socket_address *name = &engine->in.names[index];
  u32 flags = message->header.flags;
  if (flags & FLAG_TRUNC || message->length > engine->max_payload) return count(engine, COUNT_TRUNCATED, 1), 0;
  /* Without its address a datagram must not be answered: the kernel would choose the RIP. */
  if (flags & FLAG_CTRUNC || message->header.control_length > CONTROL_ROOM)
    return count(engine, COUNT_CONTROL_TRUNCATED, 1), 0;
  clear_bytes(packet, 0, sizeof *packet);
  packet->data = engine->in.vectors[index].base;
  packet->length = message->length;
  if (message->header.name_length >= sizeof name->v4 && name->family == FAMILY_INET) {
    packet->family = 4;
    packet->port = name->v4.port;
    copy_bytes(packet->peer, name->v4.address, 4);
  } else if (message->header.name_length >= sizeof name->v6 && name->family == FAMILY_INET6) {
    packet->family = 6;
    packet->port = name->v6.port;
    packet->scope = name->v6.scope;
    copy_bytes(packet->peer, name->v6.address, 16);
  } else {
    return count(engine, COUNT_BAD_SOURCE, 1), 0;
  }
  struct destinations found;
  clear_bytes(&found, 0, sizeof found);
  read_control(engine, message->header.control, message->header.control_length, &found);
  if (packet->port == 0) return count(engine, COUNT_BAD_SOURCE, 1), 0; /* cannot be answered: sendmsg gives EINVAL */
  if (!place(packet, &found)) return count(engine, COUNT_NO_ADDRESS, 1), 0;
  if (!engine->strict) return 1;
  if (packet->port == engine->own_port || !is_unicast(packet->family, packet->peer))
    return count(engine, COUNT_BAD_SOURCE, 1), 0;
  if (!is_unicast(packet->family, packet->destination) || !same16(packet->destination, packet->local))
    return count(engine, COUNT_NOT_UNICAST, 1), 0;
  /* From the wire our own address is a forgery; the kernel refuses it for IPv4 only (fib_validate_source). */
  if (same16(packet->peer, packet->destination) && packet->interface != LOOPBACK_INTERFACE)
    return count(engine, COUNT_BAD_SOURCE, 1), 0;
  return 1;
}

int engine_admit(struct engine *engine, const struct packet *packet, u64 now) {
  struct wide source = packet->family == 4 ? wide4(packet->peer) : wide6(packet->peer);
  if (!guard_allows(&engine->guard, source)) return count(engine, COUNT_DENIED, 1), 0;
  if (!guard_admits(&engine->guard, source, now)) return count(engine, COUNT_LIMITED, 1), 0;
  return 1;
}

/* ---- sending ---- */

static void control_header(u8 *control, u64 size, i32 level, i32 type) {
  struct control_header header = {sizeof header + size, level, type};
  copy_bytes(control, &header, sizeof header);
}

static u32 write_control(u8 *control, const struct outgoing *outgoing) {
  static const u32 none = 0;
  u8 *info = control + sizeof(struct control_header);
  if (!outgoing->has_local) return 0;
  if (outgoing->family == 4 || is_mapped(outgoing->local)) { /* struct in_pktinfo */
    control_header(control, 12, LEVEL_IP, CMSG_IP_PKTINFO);
    copy_bytes(info, &none, 4); /* interface 0: with an asymmetric route a kept index loses the reply */
    copy_bytes(info + 4, outgoing->family == 4 ? outgoing->local : outgoing->local + 12, 4);
    copy_bytes(info + 8, &none, 4);
    return 32;
  }
  int link_local = outgoing->local[0] == 0xfe && (outgoing->local[1] & 0xc0) == 0x80;
  control_header(control, 20, LEVEL_IPV6, CMSG_IPV6_PKTINFO); /* struct in6_pktinfo */
  copy_bytes(info, outgoing->local, 16);
  copy_bytes(info + 16, link_local ? &outgoing->local_interface : &none, 4);
  return 40;
}

void engine_prepare_answer(struct engine *engine, u32 index, u32 asked, const struct outgoing *outgoing) {
  const struct message_header *received = &engine->in.messages[asked].header;
  struct message_header *header = &engine->out.messages[index].header;
  engine->out.vectors[index] = (struct io_vector){(void *)(uintptr_t)outgoing->data, outgoing->length};
  header->name = received->name;
  if (outgoing->family == 6) ((union socket_address *)header->name)->v6.flow = 0;
  header->name_length = outgoing->family == 4 ? sizeof(struct sockaddr4) : sizeof(struct sockaddr6);
  header->control = received->control;
  header->control_length = write_control(header->control, outgoing);
}

static u8 *out_control(struct engine *engine, u32 index) { return engine->out.controls + (size_t)index * CONTROL_ROOM; }

void engine_keep(struct engine *engine, u32 first, u32 end) {
  for (u32 i = first; i < end; i++) {
    struct message_header *header = &engine->out.messages[i].header;
    if (header->name == &engine->out.names[i]) continue;
    copy_bytes(&engine->out.names[i], header->name, sizeof(union socket_address));
    copy_bytes(out_control(engine, i), header->control, CONTROL_SEND);
    header->name = &engine->out.names[i];
    header->control = out_control(engine, i);
  }
}

void engine_prepare(struct engine *engine, u32 index, const struct outgoing *outgoing) {
  struct message_header *header = &engine->out.messages[index].header;
  union socket_address *name = &engine->out.names[index];
  header->name = name;
  header->control = out_control(engine, index);
  engine->out.vectors[index] = (struct io_vector){(void *)(uintptr_t)outgoing->data, outgoing->length};
  if (outgoing->family == 4) {
    struct sockaddr4 to = {FAMILY_INET, (u16)outgoing->port, {0}, {0}};
    copy_bytes(to.address, outgoing->peer, 4);
    name->v4 = to;
    header->name_length = sizeof to;
  } else {
    struct sockaddr6 to = {FAMILY_INET6, (u16)outgoing->port, 0, {0}, outgoing->scope};
    copy_bytes(to.address, outgoing->peer, 16);
    name->v6 = to;
    header->name_length = sizeof to;
  }
  header->control_length = write_control(header->control, outgoing);
}

static void count_send_error(struct engine *engine, u32 index, long error) {
  int with_local = engine->out.messages[index].header.control_length != 0;
  if (error == -ERR_PERM) count(engine, COUNT_FILTERED, 1); /* netfilter dropped it */
  else if (with_local && (error == -ERR_NETUNREACH || error == -ERR_INVAL || error == -ERR_ADDRNOTAVAIL))
    count(engine, COUNT_ADDRESS_GONE, 1); /* IPv4 ENETUNREACH, IPv6 EINVAL */
  else count(engine, COUNT_SEND_ERRORS, 1);
}

u32 engine_send(struct engine *engine, u32 first, u32 end, i32 *results) {
  u32 at = first;
  while (at < end) {
    long sent = KERNEL(sendmmsg, engine->fd, engine->out.messages + at, end - at, FLAG_DONTWAIT | FLAG_NOSIGNAL, 0);
    if (sent > 0) {
      count(engine, COUNT_SENT, (u64)sent);
      for (long i = 0; results != NULL && i < sent; i++) results[at + (u32)i] = 0;
      at += (u32)sent;
    } else if (sent == -ERR_AGAIN) {
      count(engine, COUNT_WOULD_BLOCK, 1);
      return at;
    } else if (sent != -ERR_INTR) {
      count_send_error(engine, at, sent);
      if (results != NULL) results[at] = (i32)sent;
      at++;
    }
  }
  return end;
}
