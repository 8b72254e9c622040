/* Sending of engine.h. */
#include "engine.h"
#include "kernel.h"

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
