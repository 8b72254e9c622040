// udpload: sends RATE numbered requests a second to a UDP echo server and accounts for every single one.
//
//   udpload --to ADDRESS --port PORT [--rate N] [--seconds N]
//
// The socket is not connected, so that an answer from another source address than the one asked is seen and counted
// (`wrongSource`) instead of being dropped by the kernel. One JSON line when the first answer has arrived or 100 ms have
// passed ({"ready":true}), one for every line read on standard input, one at the end (end of file, SIGTERM, SIGINT,
// --seconds). `lost` = sent and not answered by the right address within the last 300 ms.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_REQUESTS (8u << 20)
#define MAX_BURST 40
#define DRAIN_US 300000

static long rate_per_s = 20000, seconds = 60;
static int fd;
static struct sockaddr_storage target;
static socklen_t target_length;
static uint8_t *answered_once; // one byte a request
static atomic_int stopping, drained;
static atomic_long sent, answered, duplicates, wrong_source, foreign, send_errors, longest_gap_us, first_lost = -1;
static char wrong_address[INET6_ADDRSTRLEN];

struct request {
  uint32_t magic, sequence;
  char padding[56];
};
#define MAGIC 0x72737030u

static long now_us(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return at.tv_sec * 1000000L + at.tv_nsec / 1000;
}

static void on_signal(int number) {
  (void)number;
  stopping = 1;
}

static void die(const char *what) {
  fprintf(stderr, "udpload: %s: %s\n", what, strerror(errno));
  exit(1);
}

static int same_address(const struct sockaddr_storage *a, const struct sockaddr_storage *b) {
  if (a->ss_family != b->ss_family) return 0;
  if (a->ss_family == AF_INET)
    return ((const struct sockaddr_in *)a)->sin_addr.s_addr == ((const struct sockaddr_in *)b)->sin_addr.s_addr;
  return memcmp(&((const struct sockaddr_in6 *)a)->sin6_addr, &((const struct sockaddr_in6 *)b)->sin6_addr, 16) == 0;
}

static void note_answer(const struct request *answer, const struct sockaddr_storage *from) {
  if (answer->magic != MAGIC || answer->sequence >= MAX_REQUESTS) {
    foreign++;
    return;
  }
  if (!same_address(from, &target)) {
    if (wrong_source++ == 0)
      getnameinfo((const struct sockaddr *)from, sizeof *from, wrong_address, sizeof wrong_address, NULL, 0,
                  NI_NUMERICHOST);
    return;
  }
  if (answered_once[answer->sequence]) duplicates++;
  else answered++;
  answered_once[answer->sequence] = 1;
}

static void *receive(void *unused) {
  (void)unused;
  long last_us = 0;
  while (!drained) {
    struct pollfd ready = {fd, POLLIN, 0};
    if (poll(&ready, 1, 20) <= 0) continue;
    struct request answer;
    struct sockaddr_storage from;
    socklen_t length = sizeof from;
    while (recvfrom(fd, &answer, sizeof answer, MSG_DONTWAIT, (struct sockaddr *)&from, &length) ==
           (ssize_t)sizeof answer) {
      note_answer(&answer, &from);
      length = sizeof from;
    }
    long at = now_us();
    if (last_us != 0 && at - last_us > longest_gap_us) longest_gap_us = at - last_us;
    last_us = at;
  }
  return NULL;
}

static void *send_requests(void *unused) {
  (void)unused;
  long begun_us = now_us(), from_us = begun_us;
  double owed = 0;
  while (!stopping && sent < (long)MAX_REQUESTS) {
    long at = now_us();
    if (at - begun_us > seconds * 1000000L) break;
    // No more than MAX_BURST at once: a burst larger than the kernel's backlog would lose packets by itself.
    owed += (double)(at - from_us) * (double)rate_per_s / 1e6;
    from_us = at;
    int burst = owed > MAX_BURST ? MAX_BURST : (int)owed;
    for (int i = 0; i < burst; i++) {
      struct request request = {.magic = MAGIC, .sequence = (uint32_t)sent};
      if (sendto(fd, &request, sizeof request, 0, (struct sockaddr *)&target, target_length) < 0) send_errors++;
      else sent++;
    }
    owed -= burst;
    if (owed > 2000) owed = 2000;
    struct timespec nap = {0, 250000};
    nanosleep(&nap, NULL);
  }
  stopping = 1;
  return NULL;
}

static void print_counters(int final) {
  if (final)
    for (long i = 0; i < sent && first_lost < 0; i++)
      if (!answered_once[i]) first_lost = i;
  printf("{\"final\":%s,\"sent\":%ld,\"answered\":%ld,\"lost\":%ld,\"firstLost\":%ld,\"duplicates\":%ld,\"wrongSource\":%ld,"
         "\"wrongAddress\":\"%s\",\"foreign\":%ld,\"sendErrors\":%ld,\"longestGapMs\":%.1f}\n",
         final ? "true" : "false", sent, answered, sent - answered, first_lost, duplicates, wrong_source, wrong_address,
         foreign, send_errors, (double)longest_gap_us / 1e3);
  fflush(stdout);
}

int main(int argc, char **argv) {
  const char *to = NULL, *port = "5353";
  for (int i = 1; i + 1 < argc; i += 2) {
    if (!strcmp(argv[i], "--to")) to = argv[i + 1];
    else if (!strcmp(argv[i], "--port")) port = argv[i + 1];
    else if (!strcmp(argv[i], "--rate")) rate_per_s = atol(argv[i + 1]);
    else if (!strcmp(argv[i], "--seconds")) seconds = atol(argv[i + 1]);
    else {
      fprintf(stderr, "udpload: unknown option %s\n", argv[i]);
      return 64;
    }
  }
  struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_DGRAM}, *found;
  if (!to || getaddrinfo(to, port, &hints, &found) != 0) {
    fprintf(stderr, "udpload: --to needs a numeric address\n");
    return 64;
  }
  memcpy(&target, found->ai_addr, found->ai_addrlen);
  target_length = found->ai_addrlen;
  signal(SIGTERM, on_signal);
  signal(SIGINT, on_signal);
  answered_once = calloc(MAX_REQUESTS, 1);
  fd = socket(found->ai_family, SOCK_DGRAM, 0);
  int size = 32 << 20;
  if (!answered_once || fd < 0) die("socket");
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) < 0) die("SO_RCVBUFFORCE");
  pthread_t receiver, sender;
  if (pthread_create(&receiver, NULL, receive, NULL) || pthread_create(&sender, NULL, send_requests, NULL))
    die("pthread_create");
  for (int i = 0; i < 100 && answered == 0; i++) usleep(1000);
  printf("{\"ready\":true}\n");
  fflush(stdout);
  while (!stopping) {
    struct pollfd input = {STDIN_FILENO, POLLIN, 0};
    if (poll(&input, 1, 20) <= 0) continue;
    char line[64];
    if (read(STDIN_FILENO, line, sizeof line) <= 0) stopping = 1;
    else print_counters(0);
  }
  pthread_join(sender, NULL);
  usleep(DRAIN_US);
  drained = 1;
  pthread_join(receiver, NULL);
  print_counters(1);
  return 0;
}
