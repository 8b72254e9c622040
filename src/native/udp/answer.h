/* Answers health requests on a thread of its own, while JavaScript renews the lease. */
#ifndef RSPREP_ANSWER_H
#define RSPREP_ANSWER_H

#include "engine.h"

/* One word of the agent: for the host (key all zero), a VIP, or a service of a VIP. Sorted by key. */
struct answer_entry { u8 key[WIRE_KEY]; u8 verdict; u8 speaks; u8 text_length; u8 text[241]; };
struct answer_table { size_t size; u32 count; struct answer_entry entries[]; };

struct answerer {
  struct engine *engine;
  struct answer_table *current; /* the thread's own */
  struct answer_table *next;    /* handed over by JavaScript, taken with an atomic exchange: nobody ever waits */
  u64 lease_until_ns;
  int wake_fd;
  u32 waits; /* in recvmmsg(2), on a blocking socket; else in ppoll(2) */
  u32 stop;
};

/* Copies entries (each 264 bytes as above) into a table; NULL when there is no memory. */
struct answer_table *answer_table_copy(const u8 *entries, u32 count);
void answer_table_free(struct answer_table *table);
/* Composes the reply to one admitted packet into `out` (as many bytes as the request has; may be its own memory): its length, or 0 for silence. Counts. `in_force`: the lease holds. */
u32 answer_compose(struct answerer *answerer, const struct wire_request *request, int in_force, u8 *out);
void answer_thread(void *answerer);

#endif
