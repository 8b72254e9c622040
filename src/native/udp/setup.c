#include "binding.h"
#include "kernel.h"

enum { SOCK_DGRAM_CLOEXEC = 2 | 02000000, OPT_REUSEADDR = 2, OPT_TYPE = 3, OPT_REUSEPORT = 15, OPT_ATTACH_FILTER = 26, OPT_DETACH_FILTER = 27, OPT_DOMAIN = 39,
       OPT_RXQ_OVFL = 40, OPT_MEMINFO = 55, OPT_IP_PKTINFO = 8, OPT_IPV6_RECVPKTINFO = 49, OPT_V6ONLY = 26 };
/* src/udp/native.ts, CONFIG */
enum { CONFIG_FAMILY, CONFIG_FLAGS, CONFIG_BATCH, CONFIG_PAYLOAD, CONFIG_PREFIX4, CONFIG_PREFIX6, CONFIG_SOURCE_RATE,
       CONFIG_SOURCE_BURST, CONFIG_TOTAL_RATE, CONFIG_TOTAL_BURST };
enum { OPEN_REUSEADDR = 1, OPEN_REUSEPORT = 2, OPEN_V6ONLY = 4, OPEN_STRICT = 8, OPEN_ALLOW_ALL = 16 };

static long set_int(int fd, int level, int option, int value) {
  return KERNEL(setsockopt, fd, level, option, &value, sizeof value);
}

static long get_int(int fd, int option, int *value) {
  u32 size = sizeof *value;
  return KERNEL(getsockopt, fd, LEVEL_SOCKET, option, value, &size);
}

static struct rate rate_of(double per_second, double burst) {
  if (per_second <= 0) return (struct rate){0, 0};
  double each = 1e9 / per_second;
  return (struct rate){(u64)each < 1 ? 1 : (u64)each, (u64)(each * (burst < 1 ? 1 : burst))};
}

static long set_options(int fd, u32 family, u32 flags) {
  long status = 0;
  if (flags & OPEN_REUSEADDR) status = set_int(fd, LEVEL_SOCKET, OPT_REUSEADDR, 1);
  if (status == 0 && flags & OPEN_REUSEPORT) status = set_int(fd, LEVEL_SOCKET, OPT_REUSEPORT, 1);
  /* SO_MEMINFO (Linux 4.12) tells drops when asked; SO_RXQ_OVFL costs every datagram some 2 % and tells only with the next. */
  u32 memory[9], size = sizeof memory;
  if (status == 0 && KERNEL(getsockopt, fd, LEVEL_SOCKET, OPT_MEMINFO, memory, &size) < 0)
    status = set_int(fd, LEVEL_SOCKET, OPT_RXQ_OVFL, 1);
  if (status < 0) return status;
  if (family == FAMILY_INET) return set_int(fd, LEVEL_IP, OPT_IP_PKTINFO, 1);
  /* Also on the IPv6 socket: for IPv4 on a dual-stack socket only IP_PKTINFO tells the local address of a broadcast. */
  set_int(fd, LEVEL_IP, OPT_IP_PKTINFO, 1);
  return set_int(fd, LEVEL_IPV6, OPT_IPV6_RECVPKTINFO, 1);
}

int socket_filter(int fd, const u8 *program, size_t count) {
  struct { u16 length; const u8 *filter; } given = {(u16)count, program}; /* struct sock_fprog */
  if (count > 4096) return -ERR_INVAL;                                    /* BPF_MAXINSNS */
  return (int)KERNEL(setsockopt, fd, LEVEL_SOCKET, count == 0 ? OPT_DETACH_FILTER : OPT_ATTACH_FILTER, &given, sizeof given);
}

int socket_setup(struct engine *engine, int fd, const double *config) {
  u32 flags = (u32)config[CONFIG_FLAGS];
  engine->family = (u32)config[CONFIG_FAMILY];
  if (engine->family != FAMILY_INET && engine->family != FAMILY_INET6) return -ERR_INVAL;
  engine->strict = (flags & OPEN_STRICT) != 0;
  engine->guard.allow_all = (flags & OPEN_ALLOW_ALL) != 0;
  engine->guard.prefix4 = (u32)config[CONFIG_PREFIX4];
  engine->guard.prefix6 = (u32)config[CONFIG_PREFIX6];
  engine->guard.per_source = rate_of(config[CONFIG_SOURCE_RATE], config[CONFIG_SOURCE_BURST]);
  engine->guard.total = rate_of(config[CONFIG_TOTAL_RATE], config[CONFIG_TOTAL_BURST]);
  KERNEL(getrandom, &engine->guard.secret, sizeof engine->guard.secret, 0, 0, 0);
  int adopted = fd >= 0;
  if (adopted) {
    int type = 0, domain = 0;
    long status = get_int(fd, OPT_TYPE, &type);
    if (status == 0) status = get_int(fd, OPT_DOMAIN, &domain);
    if (status < 0) return (int)status;
    if (type != 2 || domain != (int)engine->family) return -ERR_INVAL;
  } else {
    fd = (int)KERNEL(socket, engine->family, SOCK_DGRAM_CLOEXEC, 0, 0, 0);
    if (fd < 0) return fd;
  }
  long status = adopted || engine->family == FAMILY_INET
                    ? 0
                    : set_int(fd, LEVEL_IPV6, OPT_V6ONLY, (flags & OPEN_V6ONLY) != 0);
  if (status == 0) status = set_options(fd, engine->family, flags);
  if (status < 0) {
    if (!adopted) KERNEL(close, fd, 0, 0, 0, 0);
    return (int)status;
  }
  engine->fd = fd;
  return 0;
}

i32 pidfd_getsockopt(i32 pid, i32 fd, i32 level, i32 option) {
  long pidfd = KERNEL(pidfd_open, pid, 0, 0, 0, 0);
  if (pidfd < 0) return (i32)pidfd;
  long copy = KERNEL(pidfd_getfd, pidfd, fd, 0, 0, 0);
  KERNEL(close, pidfd, 0, 0, 0, 0);
  if (copy < 0) return (i32)copy;
  i32 value = 0;
  u32 size = sizeof value;
  long status = KERNEL(getsockopt, copy, level, option, &value, &size);
  KERNEL(close, copy, 0, 0, 0, 0);
  return status < 0 ? (i32)status : value;
}
