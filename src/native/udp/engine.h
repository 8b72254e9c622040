/*
 * A UDP socket with IP_PKTINFO and IPV6_PKTINFO, read and written in batches, with the guards that stand before anything
 * is answered. Knows nothing of Node; test/native drives it alone under AddressSanitizer.
 */
#ifndef RSPREP_ENGINE_H
#define RSPREP_ENGINE_H

#include "guard.h"
#include "wire.h"

/* One datagram needs at most IP_PKTINFO 32 + IPV6_PKTINFO 40 + SO_RXQ_OVFL 24 bytes of control data. */
enum { BATCH_MAX = 256, CONTROL_ROOM = 96, CONTROL_SEND = 40 };

/* Read by JavaScript while the answer thread counts: each counter has one writer, and is a whole word. */
enum counter {
  COUNT_RECEIVED, COUNT_SENT, COUNT_KERNEL_DROPS, COUNT_TRUNCATED, COUNT_CONTROL_TRUNCATED, COUNT_MALFORMED, COUNT_DENIED,
  COUNT_LIMITED, COUNT_BAD_SOURCE, COUNT_NOT_UNICAST, COUNT_NO_ADDRESS, COUNT_ADDRESS_GONE, COUNT_FILTERED,
  COUNT_SEND_ERRORS, COUNT_WOULD_BLOCK, COUNT_RECEIVE_ERRORS, COUNT_VOTES, COUNT_STATUSES, COUNT_SILENT, COUNT_EXPIRED,
  COUNTERS
};

/* One datagram that passed the guards. Addresses in network order; IPv4 uses the first four bytes. */
struct packet {
  u8 *data;
  u32 length;
  u32 family; /* of the bytes below: 4, or 6 (IPv4-mapped on a dual-stack socket) */
  u32 port, scope, interface;
  u8 peer[16], local[16], destination[16];
};

/* One datagram to send; `family` as in struct packet. */
struct outgoing {
  const u8 *data;
  u32 length, family, port, scope, has_local, local_interface;
  u8 peer[16], local[16];
};

struct receive_slot { struct message *messages; struct io_vector *vectors; union socket_address *names; u8 *controls; u8 *data; };

struct engine {
  int fd;
  u32 family; /* FAMILY_INET or FAMILY_INET6 */
  u32 batch, max_payload;
  u32 strict; /* also refuse what could make two responders talk: own port, own address, not unicast */
  u32 own_port; /* network order; 0 until bound */
  u32 overflow_seen;
  u64 counters[COUNTERS];
  struct receive_slot in;
  struct receive_slot out; /* `data` unused: what is sent is not copied */
  struct guard guard;
};

size_t engine_memory(u32 batch, u32 max_payload);
/* Lays the buffers out in `memory` (engine_memory() bytes, zeroed, 16-aligned). */
void engine_init(struct engine *engine, u8 *memory, u32 batch, u32 max_payload);
/* Receives up to a batch: how many, or a negative errno. `flags`: FLAG_DONTWAIT, or FLAG_WAIT_FOR_ONE on a blocking socket. */
int engine_receive(struct engine *engine, u32 flags);
/* Empties the queue, into which nothing may come meanwhile (a filter): how many datagrams were in it, or a negative errno. */
int engine_discard(struct engine *engine);
/* Judges received datagram `index`: 1 and `packet` filled, or 0 when it was counted and dropped. */
int engine_inspect(struct engine *engine, u32 index, struct packet *packet);
/* After engine_inspect, and after whatever else must come first: allowlist and rate limits. */
int engine_admit(struct engine *engine, const struct packet *packet, u64 now_ns);
void engine_prepare(struct engine *engine, u32 index, const struct outgoing *outgoing);
/*
 * The same for an answer to received datagram `asked`: to where it came from, in the memory it came in, which is still in the
 * processor's cache. `outgoing` needs no port, scope and peer. Holds until the next engine_receive; engine_keep makes it last.
 */
void engine_prepare_answer(struct engine *engine, u32 index, u32 asked, const struct outgoing *outgoing);
void engine_keep(struct engine *engine, u32 first, u32 end);
/*
 * Sends prepared slots [first, end). A slot that fails is counted and passed over: sendmmsg(2) stops at it. Returns the
 * slot to go on with when the socket's buffer is full, else `end`. `results`, if not NULL, gets 0 or a negative errno each.
 */
u32 engine_send(struct engine *engine, u32 first, u32 end, i32 *results);

/* An IPv4 address on a dual-stack socket: ::ffff:a.b.c.d. */
static inline int is_mapped(const u8 address[16]) { return load64(address) == 0 && load32(address + 8) == 0xffff0000u; }

static inline void count(struct engine *engine, enum counter which, u64 more) {
  __atomic_store_n(&engine->counters[which], engine->counters[which] + more, __ATOMIC_RELAXED);
}

#endif
