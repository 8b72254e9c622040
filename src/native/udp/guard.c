#include "guard.h"

static u64 big64(const u8 *bytes) {
  u64 value;
  copy_bytes(&value, bytes, 8);
  return __builtin_bswap64(value);
}

struct wide wide6(const u8 address[16]) { return (struct wide){big64(address), big64(address + 8)}; }

struct wide wide4(const u8 address[4]) {
  u32 value;
  copy_bytes(&value, address, 4);
  return (struct wide){0, 0xffff00000000u | swap32(value)};
}

struct wide wide_mask(u32 bits) {
  u64 high = bits == 0 ? 0 : bits >= 64 ? ~0ull : ~0ull << (64 - bits);
  u64 low = bits <= 64 ? 0 : bits >= 128 ? ~0ull : ~0ull << (128 - bits);
  return (struct wide){high, low};
}

static int is_v4(struct wide address) { return address.high == 0 && address.low >> 32 == 0xffff; }

int guard_allows(const struct guard *guard, struct wide source) {
  if (guard->allow_all) return 1;
  for (u32 i = 0; i < guard->allow_count; i++) {
    const struct allow_rule *rule = &guard->allow[i];
    if (((source.high ^ rule->prefix.high) & rule->mask.high) == 0 &&
        ((source.low ^ rule->prefix.low) & rule->mask.low) == 0)
      return 1;
  }
  return 0;
}

static int take(u64 *full_at_ns, const struct rate *rate, u64 now) {
  u64 from = *full_at_ns > now ? *full_at_ns : now;
  if (from + rate->per_token_ns - now > rate->burst_ns) return 0;
  *full_at_ns = from + rate->per_token_ns;
  return 1;
}

static u64 mix(u64 value) { /* the finaliser of SplitMix64 */
  value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9ull;
  value = (value ^ value >> 27) * 0x94d049bb133111ebull;
  return value ^ value >> 31;
}

/* The prefix's own bucket, or the one longest unused in its set: at worst somebody else's bucket is filled again. */
static struct bucket *bucket_of(struct guard *guard, struct wide prefix) {
  u64 hash = mix(mix(prefix.high ^ guard->secret) ^ prefix.low);
  struct bucket *set = guard->buckets[hash % BUCKET_SETS];
  struct bucket *oldest = &set[0];
  for (u32 i = 0; i < BUCKET_WAYS; i++) {
    if (set[i].full_at_ns != 0 && set[i].prefix.high == prefix.high && set[i].prefix.low == prefix.low) return &set[i];
    if (set[i].full_at_ns < oldest->full_at_ns) oldest = &set[i];
  }
  oldest->prefix = prefix;
  oldest->full_at_ns = 0;
  return oldest;
}

int guard_admits(struct guard *guard, struct wide source, u64 now) {
  if (guard->per_source.per_token_ns != 0) {
    struct wide mask = wide_mask(is_v4(source) ? 96 + guard->prefix4 : guard->prefix6);
    struct wide prefix = {source.high & mask.high, source.low & mask.low};
    if (!take(&bucket_of(guard, prefix)->full_at_ns, &guard->per_source, now)) return 0;
  }
  return guard->total.per_token_ns == 0 || take(&guard->total_full_at_ns, &guard->total, now);
}
