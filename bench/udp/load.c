/*
 * A client for loopback servers. `load PORT window W SECONDS` keeps W requests under way and prints requests/s;
 * `load PORT pace RATE SECONDS` sends at a fixed pace and prints percentiles of the latency, counting from when a request was
 * due. The 64-byte payload is a vote request of the health protocol whose nonce is the time: an echo returns it as well.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

enum { BATCH = 64, SIZE = 64, SAMPLES = 4000000 };
static struct mmsghdr out[BATCH], in[BATCH];
static struct iovec out_vectors[BATCH], in_vectors[BATCH];
static unsigned char out_data[BATCH][SIZE], in_data[BATCH][SIZE];
static uint32_t samples[SAMPLES];
static uint64_t taken;

static uint64_t now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void prepare(void) {
  for (int i = 0; i < BATCH; i++) {
    memcpy(out_data[i], "RSP\1\1\0", 6);
    out_vectors[i] = (struct iovec){out_data[i], SIZE};
    in_vectors[i] = (struct iovec){in_data[i], SIZE};
    out[i].msg_hdr = (struct msghdr){.msg_iov = &out_vectors[i], .msg_iovlen = 1};
    in[i].msg_hdr = (struct msghdr){.msg_iov = &in_vectors[i], .msg_iovlen = 1};
  }
}

static void send_all(int fd, int count, uint64_t due) {
  for (int i = 0; i < count; i++) memcpy(out_data[i] + 6, &due, 8);
  for (int sent = 0; sent < count;) {
    int more = sendmmsg(fd, out + sent, count - sent, 0);
    sent += more > 0 ? more : 1;
  }
}

static int receive(int fd, int flags) {
  int got = recvmmsg(fd, in, BATCH, flags, NULL);
  uint64_t now = now_ns();
  for (int i = 0; i < got && taken < SAMPLES; i++) {
    uint64_t due;
    memcpy(&due, in_data[i] + 6, 8);
    samples[taken++] = (uint32_t)(now - due);
  }
  return got;
}

static int ascending(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return (x > y) - (x < y);
}

int main(int argc, char **argv) {
  if (argc != 5) return fprintf(stderr, "usage: load PORT window|pace NUMBER SECONDS\n"), 2;
  int fd = socket(AF_INET, SOCK_DGRAM, 0), number = atoi(argv[3]), buffer = 4 << 20;
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[1])), .sin_addr.s_addr = htonl(0x7f000001)};
  struct timeval patience = {0, 50000};
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer);
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0) return perror("connect"), 1;
  prepare();
  uint64_t start = now_ns(), end = start + (uint64_t)(atof(argv[4]) * 1e9), sent = 0, received = 0, lost = 0;
  if (strcmp(argv[2], "window") == 0) {
    for (int left = number; left > 0; left -= BATCH) send_all(fd, left < BATCH ? left : BATCH, now_ns());
    while (now_ns() < end) {
      int got = receive(fd, MSG_WAITFORONE);
      if (got > 0) send_all(fd, got, now_ns()), received += (uint64_t)got;
      else { /* all of the window lost: begin again */
        lost += (uint64_t)number;
        for (int left = number; left > 0; left -= BATCH) send_all(fd, left < BATCH ? left : BATCH, now_ns());
      }
    }
  } else {
    double gap = 1e9 / number;
    while (now_ns() < end) {
      while ((double)(now_ns() - start) >= (double)sent * gap) send_all(fd, 1, start + (uint64_t)((double)sent * gap)), sent++;
      int got = receive(fd, MSG_DONTWAIT);
      if (got > 0) received += (uint64_t)got;
    }
    while (receive(fd, MSG_WAITFORONE) > 0) received++;
    lost = sent > received ? sent - received : 0;
  }
  double seconds = (double)(end - start) / 1e9;
  struct rusage used;
  getrusage(RUSAGE_SELF, &used);
  double cpu = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) + (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
  qsort(samples, taken, sizeof *samples, ascending);
  printf("{\"perSecond\":%.0f,\"p50Us\":%.1f,\"p99Us\":%.1f,\"lost\":%llu,\"cpuShare\":%.3f}\n", (double)received / seconds,
         taken ? samples[taken / 2] / 1e3 : -1, taken ? samples[taken * 99 / 100] / 1e3 : -1, (unsigned long long)lost, cpu / seconds);
  return 0;
}
