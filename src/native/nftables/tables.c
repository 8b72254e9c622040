/*
 * Whether the kernel has any table of nf_tables: where it has none, there are no rules to list, and nft(8) need not be started for
 * that on every verify. linux/netfilter/nf_tables.h, nfnetlink.h; the answer needs CAP_NET_ADMIN (nfnetlink_rcv()).
 */
#include "../udp/kernel.h"
#include "../udp/values.h"

#if defined(__x86_64__)
enum { NR_sendto = 44 };
#else
enum { NR_sendto = 206 };
#endif
enum { AF_NETLINK = 16, SOCK_RAW = 3, NONBLOCK_CLOEXEC = 02004000, NETLINK_NETFILTER = 12 };
enum { REQUEST_DUMP = 0x301, DUMP_INTERRUPTED = 0x10, MESSAGE_ERROR = 2, MESSAGE_DONE = 3 };
enum { NEW_TABLE = 10 << 8, GET_TABLE = 10 << 8 | 1, ERR_IO = 5, ERR_INTERRUPTED_DUMP = 4, BUFFER_BYTES = 32768 };

struct header { u32 length; u16 type, flags; u32 sequence, port; }; /* struct nlmsghdr */
struct request { struct header header; u8 family, version; u16 resource; }; /* with struct nfgenmsg */

void tables_register(napi_env env, napi_value exports);

/* @returns 1 or 0 when one message says so, -EAGAIN when the next one may, or another negative errno */
static i32 said(const struct header *message, size_t bytes) {
  if (message->type == NEW_TABLE) return 1;
  if (message->flags & DUMP_INTERRUPTED) return -ERR_INTERRUPTED_DUMP;
  if (message->type == MESSAGE_DONE) return 0;
  if (message->type != MESSAGE_ERROR || bytes < sizeof *message + sizeof(i32)) return -ERR_IO;
  i32 error = *(const i32 *)(message + 1);
  return error < 0 ? error : -ERR_IO;
}

static i32 answer(i32 fd, u8 *buffer) {
  for (;;) {
    /* The kernel has answered by now: it does so while it is asked (netlink_dump()). */
    long size = KERNEL(read, fd, buffer, BUFFER_BYTES, 0, 0);
    if (size == -ERR_INTR) continue;
    if (size <= 0) return size < 0 ? (i32)size : -ERR_IO;
    for (size_t at = 0, left = (size_t)size; left >= sizeof(struct header);) {
      const struct header *message = (const void *)(buffer + at);
      if (message->length < sizeof *message || message->length > left) return -ERR_IO;
      i32 result = said(message, message->length);
      if (result != -ERR_AGAIN) return result;
      size_t step = ((size_t)message->length + 3) & ~(size_t)3;
      if (step > left) break;
      at += step, left -= step;
    }
  }
}

static i32 has_tables(void) {
  struct request request = {{sizeof request, GET_TABLE, REQUEST_DUMP, 1, 0}, 0, 0, 0};
  i32 fd = (i32)KERNEL(socket, AF_NETLINK, SOCK_RAW | NONBLOCK_CLOEXEC, NETLINK_NETFILTER, 0, 0);
  if (fd < 0) return fd;
  u8 *buffer = map_memory(BUFFER_BYTES);
  long sent = buffer == NULL ? -12 : KERNEL(sendto, fd, &request, sizeof request, 0, NULL); /* ENOMEM */
  i32 result = sent == sizeof request ? answer(fd, buffer) : sent < 0 ? (i32)sent : -ERR_IO;
  if (buffer != NULL) unmap_memory(buffer, BUFFER_BYTES);
  KERNEL(close, fd, 0, 0, 0, 0);
  return result;
}

static napi_value tables(napi_env env, napi_callback_info info) {
  (void)info;
  return integer(env, has_tables());
}

void tables_register(napi_env env, napi_value exports) { export_function(env, exports, "nftTables", tables); }
