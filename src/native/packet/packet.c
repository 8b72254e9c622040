/*
 * Plain blocking sockets for probes, packet sockets (packet(7)) and sockets of another network namespace included: nothing of
 * Node can open either. Every function returns the kernel's result, or a negative errno. src/linux/probe/native.ts has types.
 */
#include "../udp/kernel.h"
#include "../udp/values.h"

#if defined(__x86_64__)
enum { NR_sendto = 44, NR_recvfrom = 45, NR_listen = 50, NR_openat = 257, NR_unshare = 272, NR_setns = 308 };
#else
enum { NR_openat = 56, NR_unshare = 97, NR_listen = 201, NR_sendto = 206, NR_recvfrom = 207, NR_setns = 268 };
#endif
enum { NEW_NET = 0x40000000, AT_CWD = -100, OPEN_CLOEXEC = 02000000, SOCKET_FLAGS = 02004000 /* CLOEXEC, NONBLOCK */ };
enum { OPT_ATTACH_FILTER = 26, POLL_IN = 1, FDS_MAX = 64, ADDRESS_ROOM = 32, INFO_WORDS = 4, ARGUMENTS = 5 };

static size_t read_arguments(napi_env env, napi_callback_info info, napi_value *values) {
  size_t count = ARGUMENTS;
  napi_get_cb_info(env, info, &count, values, NULL, NULL);
  return count;
}

static i32 whole(napi_env env, napi_value value) {
  i32 result = -1;
  napi_get_value_int32(env, value, &result);
  return result;
}

/* /proc/thread-self, because a namespace belongs to a thread: only the one that runs JavaScript ever leaves it, and comes back. */
static long own_namespace(void) { return KERNEL(openat, AT_CWD, "/proc/thread-self/ns/net", OPEN_CLOEXEC, 0, 0); }

static long come_back(long own) {
  long status = KERNEL(setns, own, NEW_NET, 0, 0, 0);
  KERNEL(close, own, 0, 0, 0, 0);
  return status;
}

/* A network namespace that has no name: it lives as long as the descriptor, and devices in it end with it. */
static napi_value new_namespace(napi_env env, napi_callback_info info) {
  (void)info;
  long own = own_namespace();
  if (own < 0) return integer(env, own);
  long fresh = KERNEL(unshare, NEW_NET, 0, 0, 0, 0);
  if (fresh == 0) fresh = own_namespace();
  long back = come_back(own);
  return integer(env, back < 0 ? back : fresh);
}

static napi_value open_in(napi_env env, napi_callback_info info) { /* (namespace or -1, family, type, protocol) */
  napi_value given[ARGUMENTS];
  read_arguments(env, info, given);
  i32 space = whole(env, given[0]);
  long own = -1;
  if (space >= 0) {
    own = own_namespace();
    if (own < 0) return integer(env, own);
    long moved = KERNEL(setns, space, NEW_NET, 0, 0, 0);
    if (moved < 0) return KERNEL(close, own, 0, 0, 0, 0), integer(env, moved);
  }
  long fd = KERNEL(socket, whole(env, given[1]), whole(env, given[2]) | SOCKET_FLAGS, whole(env, given[3]), 0, 0);
  long back = own < 0 ? 0 : come_back(own);
  return integer(env, back < 0 ? back : fd);
}

static napi_value bind_to(napi_env env, napi_callback_info info) { /* (fd, sockaddr) */
  napi_value given[ARGUMENTS];
  size_t size;
  read_arguments(env, info, given);
  void *address = elements(env, given[1], BYTES, &size);
  return integer(env, KERNEL(bind, whole(env, given[0]), address, size, 0, 0));
}

static napi_value connect_to(napi_env env, napi_callback_info info) { /* (fd, sockaddr) */
  napi_value given[ARGUMENTS];
  size_t size;
  read_arguments(env, info, given);
  void *address = elements(env, given[1], BYTES, &size);
  return integer(env, KERNEL(connect, whole(env, given[0]), address, size, 0, 0));
}

static napi_value listen_on(napi_env env, napi_callback_info info) { /* (fd) */
  napi_value given[ARGUMENTS];
  read_arguments(env, info, given);
  return integer(env, KERNEL(listen, whole(env, given[0]), 8, 0, 0, 0));
}

static napi_value name_of(napi_env env, napi_callback_info info) { /* (fd, into 32 bytes) */
  napi_value given[ARGUMENTS];
  size_t size;
  read_arguments(env, info, given);
  void *into = elements(env, given[1], BYTES, &size);
  u32 length = (u32)size;
  return integer(env, KERNEL(getsockname, whole(env, given[0]), into, &length, 0, 0));
}

static napi_value send_bytes(napi_env env, napi_callback_info info) { /* (fd, bytes, sockaddr or null) */
  napi_value given[ARGUMENTS];
  size_t size, address_size;
  read_arguments(env, info, given);
  void *payload = elements(env, given[1], BYTES, &size), *address = elements(env, given[2], BYTES, &address_size);
  return integer(env, kernel_call(NR_sendto, whole(env, given[0]), (long)payload, (long)size, FLAG_NOSIGNAL, (long)address,
                               (long)address_size));
}

static napi_value set_socket_option(napi_env env, napi_callback_info info) { /* (fd, level, name, bytes) */
  napi_value given[ARGUMENTS];
  size_t size;
  read_arguments(env, info, given);
  void *value = elements(env, given[3], BYTES, &size);
  return integer(env, KERNEL(setsockopt, whole(env, given[0]), whole(env, given[1]), whole(env, given[2]), value, size));
}

static napi_value get_socket_option(napi_env env, napi_callback_info info) { /* (fd, level, name): the integer */
  napi_value given[ARGUMENTS];
  i32 value = 0;
  u32 size = sizeof value;
  read_arguments(env, info, given);
  long status = KERNEL(getsockopt, whole(env, given[0]), whole(env, given[1]), whole(env, given[2]), &value, &size);
  return integer(env, status < 0 ? status : value);
}

static napi_value attach_filter(napi_env env, napi_callback_info info) { /* (fd, struct sock_filter[] as bytes) */
  napi_value given[ARGUMENTS];
  size_t size;
  read_arguments(env, info, given);
  void *code = elements(env, given[1], BYTES, &size);
  struct { u16 count, pad[3]; void *code; } program = {(u16)(size / 8), {0}, code};
  return integer(env, KERNEL(setsockopt, whole(env, given[0]), LEVEL_SOCKET, OPT_ATTACH_FILTER, &program, sizeof program));
}

struct poll_entry { i32 fd; u16 events, revents; };

static long wait_for(struct poll_entry *entries, size_t count, i32 timeout_ms) {
  i64 time[2] = {timeout_ms / 1000, (i64)(timeout_ms % 1000) * 1000000};
  return KERNEL(ppoll, entries, count, time, 0, 0);
}

static napi_value wait_on(napi_env env, napi_callback_info info) { /* (fd, events, timeoutMs): revents, 0 when none came */
  napi_value given[ARGUMENTS];
  read_arguments(env, info, given);
  struct poll_entry entry = {whole(env, given[0]), (u16)whole(env, given[1]), 0};
  long status = wait_for(&entry, 1, whole(env, given[2]));
  return integer(env, status <= 0 ? status : entry.revents);
}

/*
 * (fds: Int32Array, timeoutMs, into: Uint8Array, info: Int32Array): how many. Each is 32 bytes of socket address and then the
 * datagram, at `offset` in `into`; info has four words: index in fds, offset, length of the datagram, negative errno or 0.
 */
static napi_value receive_bytes(napi_env env, napi_callback_info info) {
  napi_value given[ARGUMENTS];
  size_t count, room, words, used = 0, received = 0;
  read_arguments(env, info, given);
  i32 *fds = elements(env, given[0], WORDS, &count);
  u8 *into = elements(env, given[2], BYTES, &room);
  i32 *record = elements(env, given[3], WORDS, &words);
  struct poll_entry entries[FDS_MAX];
  if (fds == NULL || into == NULL || record == NULL || count > FDS_MAX) return integer(env, -ERR_INVAL);
  for (size_t i = 0; i < count; i++) entries[i] = (struct poll_entry){fds[i], POLL_IN, 0};
  long ready = wait_for(entries, count, whole(env, given[1]));
  if (ready <= 0) return integer(env, ready);
  for (size_t i = 0; i < count; i++) {
    while (entries[i].revents != 0 && (received + 1) * INFO_WORDS <= words && used + ADDRESS_ROOM + 2048 <= room) {
      u32 address_size = ADDRESS_ROOM;
      long length = kernel_call(NR_recvfrom, fds[i], (long)(into + used + ADDRESS_ROOM),
                                (long)(room - used - ADDRESS_ROOM), FLAG_DONTWAIT, (long)(into + used), (long)&address_size);
      if (length == -ERR_AGAIN || length == -ERR_INTR) break;
      i32 *words_of = record + received * INFO_WORDS;
      words_of[0] = (i32)i;
      words_of[1] = (i32)used;
      words_of[2] = length < 0 ? 0 : (i32)length;
      words_of[3] = length < 0 ? (i32)length : 0;
      used = (used + ADDRESS_ROOM + (size_t)words_of[2] + 7) & ~(size_t)7;
      received++;
      if (length < 0) break;
    }
  }
  return integer(env, (long)received);
}

void packet_register(napi_env env, napi_value exports);

void packet_register(napi_env env, napi_value exports) {
  static const struct { const char *name; napi_callback call; } functions[] = {
      {"newNamespace", new_namespace}, {"openIn", open_in},       {"bindTo", bind_to},
      {"connectTo", connect_to},       {"listenOn", listen_on},   {"nameOf", name_of},
      {"sendBytes", send_bytes},       {"setSocketOption", set_socket_option},
      {"getSocketOption", get_socket_option},                     {"attachFilter", attach_filter},
      {"waitOn", wait_on},             {"receiveBytes", receive_bytes},
  };
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
    export_function(env, exports, functions[i].name, functions[i].call);
}
