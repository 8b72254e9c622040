// udpecho: the plainest UDP server: sends every datagram back to whom it came from.
//
//   udpecho --bind ADDRESS --port PORT [--pktinfo 1] [--device NAME] [--reuseport 1] [--only6 1]
//
// With --pktinfo a server on a wildcard address answers from the address it was asked at; without, the kernel chooses the
// source and a request to the VIP is answered from the RIP. No error of one datagram ends it: the VIP may go and come
// back under it. Prints {"ready":true}, and its counters at the end of standard input, SIGTERM or SIGINT.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static volatile sig_atomic_t stopping;

static void on_signal(int number) {
  (void)number;
  stopping = 1;
}

static void die(const char *what) {
  fprintf(stderr, "udpecho: %s: %s\n", what, strerror(errno));
  exit(1);
}

static int open_socket(const char *address, const char *port, int pktinfo, const char *device, int reuseport, int only6) {
  struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_PASSIVE, .ai_socktype = SOCK_DGRAM}, *found;
  if (getaddrinfo(address, port, &hints, &found) != 0) {
    fprintf(stderr, "udpecho: not an address: %s\n", address);
    exit(64);
  }
  int fd = socket(found->ai_family, SOCK_DGRAM, 0), one = 1, size = 32 << 20;
  if (fd < 0) die("socket");
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) < 0) die("SO_RCVBUFFORCE");
  if (pktinfo && found->ai_family == AF_INET && setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &one, sizeof one) < 0)
    die("IP_PKTINFO");
  if (pktinfo && found->ai_family == AF_INET6 &&
      setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &one, sizeof one) < 0)
    die("IPV6_RECVPKTINFO");
  if (*device && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device, strlen(device)) < 0) die("SO_BINDTODEVICE");
  if (reuseport && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one) < 0) die("SO_REUSEPORT");
  if (only6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one) < 0) die("IPV6_V6ONLY");
  if (bind(fd, found->ai_addr, found->ai_addrlen) < 0) die("bind");
  freeaddrinfo(found);
  return fd;
}

// The received control message goes back as it came, except that the interface is left to routing (ifindex 0).
static void keep_only_source(struct msghdr *message) {
  for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part; part = CMSG_NXTHDR(message, part)) {
    if (part->cmsg_level == IPPROTO_IP && part->cmsg_type == IP_PKTINFO)
      ((struct in_pktinfo *)CMSG_DATA(part))->ipi_ifindex = 0;
    if (part->cmsg_level == IPPROTO_IPV6 && part->cmsg_type == IPV6_PKTINFO)
      ((struct in6_pktinfo *)CMSG_DATA(part))->ipi6_ifindex = 0;
  }
}

int main(int argc, char **argv) {
  const char *address = "0.0.0.0", *port = "5353", *device = "";
  int pktinfo = 0, reuseport = 0, only6 = 0;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (!strcmp(argv[i], "--bind")) address = argv[i + 1];
    else if (!strcmp(argv[i], "--port")) port = argv[i + 1];
    else if (!strcmp(argv[i], "--pktinfo")) pktinfo = atoi(argv[i + 1]);
    else if (!strcmp(argv[i], "--device")) device = argv[i + 1];
    else if (!strcmp(argv[i], "--reuseport")) reuseport = atoi(argv[i + 1]);
    else if (!strcmp(argv[i], "--only6")) only6 = atoi(argv[i + 1]);
    else {
      fprintf(stderr, "udpecho: unknown option %s\n", argv[i]);
      return 64;
    }
  }
  signal(SIGTERM, on_signal);
  signal(SIGINT, on_signal);
  int fd = open_socket(address, port, pktinfo, device, reuseport, only6);
  printf("{\"ready\":true}\n");
  fflush(stdout);
  long received = 0, answered = 0, send_errors = 0;
  while (!stopping) {
    struct pollfd waits[2] = {{fd, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
    if (poll(waits, 2, 1000) < 0) continue;
    if (waits[1].revents) {
      char line[64];
      if (read(STDIN_FILENO, line, sizeof line) <= 0) break;
    }
    for (;;) {
      char data[2048], control[128];
      struct sockaddr_storage from;
      struct iovec vector = {data, sizeof data};
      struct msghdr message = {&from, sizeof from, &vector, 1, control, sizeof control, 0};
      ssize_t bytes = recvmsg(fd, &message, MSG_DONTWAIT);
      if (bytes < 0) break;
      received++;
      vector.iov_len = (size_t)bytes;
      keep_only_source(&message);
      if (message.msg_controllen == 0) message.msg_control = NULL;
      message.msg_flags = 0;
      // Never wait: answers to a neighbour that cannot be resolved would fill the send buffer and stop the server.
      if (sendmsg(fd, &message, MSG_DONTWAIT) < 0) send_errors++;
      else answered++;
    }
  }
  printf("{\"received\":%ld,\"answered\":%ld,\"sendErrors\":%ld}\n", received, answered, send_errors);
  return 0;
}
