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

enum { DISCARD_MAX = 1 << 20 }; /* more than any queue holds */

int engine_discard(struct engine *engine) {
  int discarded = 0;
  while (discarded < DISCARD_MAX) {
    int got = engine_receive(engine, FLAG_DONTWAIT);
    if (got > 0) discarded += got;
    else if (got != -ERR_INTR) return got == -ERR_AGAIN ? discarded : got;
  }
  return discarded;
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
