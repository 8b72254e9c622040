/* Who may be answered, and how often: an allowlist and token buckets of fixed size. No system call, no allocation. */
#ifndef RSPREP_GUARD_H
#define RSPREP_GUARD_H

#include "abi.h"

enum { ALLOW_MAX = 256, BUCKET_SETS = 1024, BUCKET_WAYS = 4 };

/* An address as 128 bits in host order; IPv4 as ::ffff:a.b.c.d, so that a dual-stack socket needs no second list. */
struct wide { u64 high, low; };
struct allow_rule { struct wide prefix, mask; };
/* One bucket of the generic cell rate algorithm (ITU-T I.371): the time at which the bucket would be full again. */
struct bucket { struct wide prefix; u64 full_at_ns; };
struct rate { u64 per_token_ns, burst_ns; }; /* per_token_ns 0: no limit */

struct guard {
  u32 allow_count; /* 0 with allow_all: everyone */
  u32 allow_all;
  u32 prefix4, prefix6; /* how long a source prefix shares one bucket, bits */
  struct rate per_source, total;
  u64 secret; /* random: which prefixes share a set cannot be chosen from outside */
  u64 total_full_at_ns;
  struct allow_rule allow[ALLOW_MAX];
  struct bucket buckets[BUCKET_SETS][BUCKET_WAYS];
};

struct wide wide4(const u8 address[4]);
struct wide wide6(const u8 address[16]);
struct wide wide_mask(u32 bits);
int guard_allows(const struct guard *guard, struct wide source);
/* 1 when a token was there for the source and for all together. */
int guard_admits(struct guard *guard, struct wide source, u64 now_ns);

#endif
