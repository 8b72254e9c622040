#include "wire.h"

static int all_zero(const u8 *bytes, u32 from, u32 to) {
  u64 seen = 0;
  for (; to - from >= 8; from += 8) seen |= load64(bytes + from);
  for (; from < to; from++) seen |= bytes[from];
  return seen == 0;
}

int wire_parse(const u8 *bytes, u32 length, struct wire_request *request) {
  if (length < WIRE_REQUEST_MIN || length > WIRE_MAX) return -1;
  if (bytes[0] != 'R' || bytes[1] != 'S' || bytes[2] != 'P' || bytes[3] != WIRE_VERSION) return -1;
  /* Only requests pass: a reply has the high bit, so that no reply is ever answered (CVE-2024-2169). */
  if (bytes[4] != WIRE_VOTE && bytes[4] != WIRE_STATUS) return -1;
  if (bytes[5] != 0) return -1;
  u8 family = bytes[14], protocol = bytes[15];
  u32 end = family == 4 ? 22 : family == 6 ? 34 : 18;
  if (family != 0 && family != 4 && family != 6) return -1;
  if (length < end) return -1;
  u16 port = (u16)(bytes[16] << 8 | bytes[17]);
  if (protocol != 0 && protocol != 6 && protocol != 17 && protocol != 132) return -1;
  if ((protocol == 0) != (port == 0)) return -1;
  if (family == 0 && protocol != 0) return -1;
  if (!all_zero(bytes, end, length)) return -1;
  request->length = length;
  request->type = bytes[4];
  copy_bytes(request->nonce, bytes + 6, 8);
  clear_bytes(request->key, 0, WIRE_KEY);
  copy_bytes(request->key, bytes + 14, end - 14);
  return 0;
}

/* The longest prefix of at most `room` bytes that does not cut a UTF-8 character. */
static u32 whole_characters(const u8 *text, u32 length, u32 room) {
  if (length <= room) return length;
  while (room > 0 && (text[room] & 0xc0) == 0x80) room--;
  return room;
}

u32 wire_reply(u8 *out, const struct wire_request *request, u8 verdict, const u8 *text, u32 text_length) {
  u32 limit = request->length < WIRE_MAX ? request->length : WIRE_MAX;
  out[0] = 'R';
  out[1] = 'S';
  out[2] = 'P';
  out[3] = WIRE_VERSION;
  out[4] = request->type | WIRE_REPLY_BIT;
  out[5] = verdict;
  copy_bytes(out + 6, request->nonce, 8);
  if (request->type != WIRE_STATUS) return WIRE_REPLY_HEADER;
  u32 fits = whole_characters(text, text_length, limit - WIRE_REPLY_HEADER);
  copy_bytes(out + WIRE_REPLY_HEADER, text, fits);
  return WIRE_REPLY_HEADER + fits;
}
