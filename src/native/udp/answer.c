#include "answer.h"
#include "kernel.h"

struct answer_table *answer_table_copy(const u8 *entries, u32 count) {
  size_t size = sizeof(struct answer_table) + (size_t)count * sizeof(struct answer_entry);
  struct answer_table *table = map_memory(size);
  if (table == NULL) return NULL;
  table->size = size;
  table->count = count;
  copy_bytes(table->entries, entries, (size_t)count * sizeof(struct answer_entry));
  return table;
}

void answer_table_free(struct answer_table *table) {
  if (table != NULL) unmap_memory(table, table->size);
}

/* Orders keys as memcmp(3) would. */
static int compare_keys(const u8 *left, const u8 *right) {
  u64 a = __builtin_bswap64(load64(left)), b = __builtin_bswap64(load64(right));
  if (a == b) a = __builtin_bswap64(load64(left + 8)), b = __builtin_bswap64(load64(right + 8));
  if (a == b) a = swap32(load32(left + 16)), b = swap32(load32(right + 16));
  return a < b ? -1 : a > b;
}

static const struct answer_entry *find(const struct answer_table *table, const u8 *key) {
  u32 low = 0, high = table == NULL ? 0 : table->count;
  while (low < high) {
    u32 middle = (low + high) / 2;
    int order = compare_keys(table->entries[middle].key, key);
    if (order == 0) return &table->entries[middle];
    if (order < 0) low = middle + 1;
    else high = middle;
  }
  return NULL;
}

static u32 status_only(struct answerer *answerer, const struct wire_request *request, u8 verdict, const char *text, u32 length,
                       enum counter otherwise, u8 *out) {
  if (request->type != WIRE_STATUS) return count(answerer->engine, otherwise, 1), 0;
  count(answerer->engine, COUNT_STATUSES, 1);
  return wire_reply(out, request, verdict, (const u8 *)text, length);
}

u32 answer_compose(struct answerer *answerer, const struct wire_request *request, int in_force, u8 *out) {
  static const char stale[] = "the agent has stopped renewing its word: hung, stopped or overloaded";
  static const char unknown[] = "this VIP or service is not in the state last applied on this host";
  if (!in_force)
    return status_only(answerer, request, VERDICT_STALE, stale, sizeof stale - 1, COUNT_EXPIRED, out);
  const struct answer_entry *entry = find(answerer->current, request->key);
  if (entry == NULL)
    return status_only(answerer, request, VERDICT_NOT_OFFERED, unknown, sizeof unknown - 1, COUNT_SILENT, out);
  if (request->type == WIRE_VOTE && !entry->speaks) return count(answerer->engine, COUNT_SILENT, 1), 0;
  count(answerer->engine, request->type == WIRE_STATUS ? COUNT_STATUSES : COUNT_VOTES, 1);
  u32 length = entry->text_length < sizeof entry->text ? entry->text_length : sizeof entry->text;
  return wire_reply(out, request, entry->verdict, entry->text, length);
}

static void take_table(struct answerer *answerer) {
  if (__atomic_load_n(&answerer->next, __ATOMIC_RELAXED) == NULL) return;
  answer_table_free(answerer->current);
  answerer->current = __atomic_exchange_n(&answerer->next, NULL, __ATOMIC_ACQ_REL);
}

static void answer_batch(struct answerer *answerer, u32 received) {
  struct engine *engine = answerer->engine;
  u32 ready = 0;
  /* Both after receiving: a word given before a request arrived holds for it. The lease first: JavaScript hands over a table, then its lease, so
   * that a new lease never makes an old table good again. */
  u64 until = __atomic_load_n(&answerer->lease_until_ns, __ATOMIC_ACQUIRE);
  take_table(answerer);
  u64 now = now_ns();
  for (u32 i = 0; i < received; i++) {
    struct packet packet;
    struct wire_request request;
    if (!engine_inspect(engine, i, &packet)) continue;
    if (wire_parse(packet.data, packet.length, &request) != 0) {
      count(engine, COUNT_MALFORMED, 1);
      continue;
    }
    if (!engine_admit(engine, &packet, now)) continue;
    count(engine, COUNT_RECEIVED, 1);
    u32 length = answer_compose(answerer, &request, now < until, packet.data); /* over the request: never longer than it */
    if (length == 0) continue;
    struct outgoing reply = {.data = packet.data, .length = length, .family = packet.family, .has_local = 1,
                             .local_interface = packet.interface};
    copy_bytes(reply.local, packet.local, 16);
    engine_prepare_answer(engine, ready++, i, &reply);
  }
  /* Frozen since `now`, or the lease was ended meanwhile: what was composed then is no longer anybody's word. */
  u64 present = __atomic_load_n(&answerer->lease_until_ns, __ATOMIC_ACQUIRE);
  if (now < until && now_ns() >= (present < until ? present : until)) return count(engine, COUNT_EXPIRED, ready);
  /* What does not fit the socket's buffer is lost, as on a wire; the director asks again. */
  engine_send(engine, 0, ready, NULL);
}

struct poll_fd { int fd; int16_t events, returned; };

struct scheduling { u32 size, policy; u64 flags; i32 nice; u32 priority; u64 runtime, deadline, period; };

/*
 * Asks for short turns on the processor, and so gets them at once, also where JavaScript uses up that core: since Linux 6.12 a
 * task with a shorter slice preempts when it wakes (PREEMPT_SHORT, kernel/sched/fair.c). Needs no privilege; earlier it has no effect.
 */
static void ask_for_short_turns(void) {
  struct scheduling mine = {sizeof mine, 0, 0, 0, 0, 0, 0, 0};
  if (KERNEL(sched_getattr, 0, &mine, sizeof mine, 0, 0) < 0 || mine.policy != 0) return; /* SCHED_OTHER */
  mine.runtime = 100000;                                                                  /* ns: the least there is */
  KERNEL(sched_setattr, 0, &mine, 0, 0, 0);
}

void answer_thread(void *argument) {
  struct answerer *answerer = argument;
  ask_for_short_turns();
  for (;;) {
    int received = engine_receive(answerer->engine, answerer->waits ? FLAG_WAIT_FOR_ONE : FLAG_DONTWAIT);
    if (__atomic_load_n(&answerer->stop, __ATOMIC_ACQUIRE)) return;
    if (received > 0) answer_batch(answerer, (u32)received);
    if (answerer->waits || received >= 0 || received == -ERR_INTR) continue; /* waits only when there was nothing */
    struct poll_fd wait[2] = {{answerer->engine->fd, 1, 0}, {answerer->wake_fd, 1, 0}}; /* POLLIN */
    kernel_call(NR_ppoll, (long)wait, 2, 0, 0, 0, 0);
  }
}
