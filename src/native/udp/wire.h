/* The health protocol, docs/wire-protocol.md; src/udp/protocol.ts is the same in TypeScript. Pure. */
#ifndef RSPREP_WIRE_H
#define RSPREP_WIRE_H

#include "abi.h"

enum { WIRE_VERSION = 1, WIRE_VOTE = 0x01, WIRE_STATUS = 0x02, WIRE_REPLY_BIT = 0x80 };
enum { WIRE_REPLY_HEADER = 14, WIRE_REQUEST_MIN = 18, WIRE_MAX = 255, WIRE_KEY = 20 };
enum { VERDICT_VOUCHED = 1, VERDICT_DRIFT = 2, VERDICT_DRAINING = 3, VERDICT_NOT_OFFERED = 4, VERDICT_CANNOT_TELL = 5,
       VERDICT_STALE = 6 };

struct wire_request {
  u32 length;
  u8 type;
  u8 nonce[8];
  /* family, protocol, port (big-endian), address: bytes 14 to 33 of the request; also how an answer table is sorted */
  u8 key[WIRE_KEY];
};

/* 0 when the bytes are a request of this version, -1 when they are anything else; nothing is answered then. */
int wire_parse(const u8 *bytes, u32 length, struct wire_request *request);

/* Writes a reply of at most min(request->length, 255) bytes to `out`, which may be the request's own, and returns its length. */
u32 wire_reply(u8 *out, const struct wire_request *request, u8 verdict, const u8 *text, u32 text_length);

#endif
