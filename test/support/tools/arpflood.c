// arpflood: ask the LAN "who has VIP?" as fast as told, and count every ARP frame that claims the VIP.
//
// One JSON line when it is armed ({"ready":true}), one for every line read on standard input (counters so far), and one
// at the end. It ends at end of file on standard input, on SIGTERM or SIGINT, and after --seconds at the latest.
//
// Sending and receiving use separate sockets: the receiver has a kernel filter (sender address is a VIP or the control
// address), ignores our own frames and has its own thread, so that a flood cannot push a reply out of its buffer.
// `kernelDrops` says whether that held. `controlReplies` are answers for an address that must answer (the RIP), asked
// once every CONTROL_EVERY frames: they prove that the questions arrived and that replies would have been seen.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH 64
#define CONTROL_EVERY 512
#define MAX_MACS 8
#define RECEIVE_BUFFER (32 << 20)

struct arp_frame {
  uint8_t to[6], from[6];
  uint16_t ethertype, hardware, protocol;
  uint8_t hardware_length, protocol_length;
  uint16_t operation;
  uint8_t sender_mac[6];
  uint32_t sender_ip;
  uint8_t target_mac[6];
  uint32_t target_ip;
} __attribute__((packed));

// An ICMP echo request to the VIP from an invented on-link client: to answer it, the real server has to ask ARP for that
// client, and its sender address is what arp_announce decides.
struct echo_frame {
  uint8_t to[6], from[6];
  uint16_t ethertype;
  uint8_t version_ihl, tos;
  uint16_t total_length, id, fragment;
  uint8_t ttl, protocol;
  uint16_t ip_checksum;
  uint32_t source, destination;
  uint8_t type, code;
  uint16_t icmp_checksum, echo_id, sequence;
} __attribute__((packed));

static const char *interface_name;
static uint32_t vip_first, vip_count = 1, source_ip, control_ip; // host byte order
static uint8_t own_mac[6], rs_mac[6];
static long rate_per_s = 150000, provoke_per_s, broadcast_percent = 50, seconds = 60;

static atomic_int stopping;
static atomic_long sent, provoked, send_errors, replies, requests_with_vip, control_replies, kernel_drops;
static atomic_long first_claim_us = -1, last_claim_us = -1, longest_control_gap_us;
static uint8_t macs[MAX_MACS][6];
static atomic_int mac_count;
static long started_us;

static long now_us(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return at.tv_sec * 1000000L + at.tv_nsec / 1000;
}

static void die(const char *what) {
  fprintf(stderr, "arpflood: %s: %s\n", what, strerror(errno));
  exit(1);
}

static void on_signal(int number) {
  (void)number;
  stopping = 1;
}

static void note_mac(const uint8_t *mac) {
  int known = mac_count;
  for (int i = 0; i < known; i++)
    if (memcmp(macs[i], mac, 6) == 0) return;
  if (known == MAX_MACS) return;
  memcpy(macs[known], mac, 6);
  mac_count = known + 1;
}

static int is_vip(uint32_t ip) { return ip >= vip_first && ip - vip_first < vip_count; }

// Sender address within the VIPs, or equal to the control address. Offsets: Ethernet 14 + arp spa 14.
static void attach_filter(int fd) {
  struct sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 12),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETHERTYPE_ARP, 0, 5),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 28),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, control_ip, 2, 0),
      BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, vip_first, 0, 2),
      BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, vip_first + vip_count - 1, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, 64),
      BPF_STMT(BPF_RET | BPF_K, 0),
  };
  struct sock_fprog program = {sizeof code / sizeof code[0], code};
  if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) < 0) die("SO_ATTACH_FILTER");
}

static void bind_to(int fd, uint16_t protocol) {
  struct sockaddr_ll address = {
      .sll_family = AF_PACKET, .sll_protocol = htons(protocol), .sll_ifindex = (int)if_nametoindex(interface_name)};
  if (address.sll_ifindex == 0) die(interface_name);
  if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0) die("bind");
}

static int open_receiver(void) {
  // Protocol 0 until the filter is in place: nothing unfiltered can be queued before.
  int fd = socket(AF_PACKET, SOCK_RAW, 0);
  int one = 1, size = RECEIVE_BUFFER;
  if (fd < 0) die("socket");
  if (setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof one) < 0) die("PACKET_IGNORE_OUTGOING");
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) < 0) die("SO_RCVBUFFORCE");
  attach_filter(fd);
  bind_to(fd, ETH_P_ARP);
  return fd;
}

static void note_frame(const struct arp_frame *frame, long *last_control_us) {
  uint32_t sender = ntohl(frame->sender_ip);
  long at = now_us();
  if (is_vip(sender)) {
    if (ntohs(frame->operation) == 1) requests_with_vip++;
    else replies++;
    note_mac(frame->sender_mac);
    if (first_claim_us < 0) first_claim_us = at - started_us;
    last_claim_us = at - started_us;
  } else if (ntohs(frame->operation) == 2) {
    if (at - *last_control_us > longest_control_gap_us) longest_control_gap_us = at - *last_control_us;
    *last_control_us = at;
    control_replies++;
  }
}

static void *receive(void *argument) {
  int fd = *(int *)argument;
  long last_control_us = now_us(), stop_after_us = 0;
  for (;;) {
    struct pollfd ready = {fd, POLLIN, 0};
    int events = poll(&ready, 1, 20);
    if (events > 0) {
      struct arp_frame frame;
      while (recv(fd, &frame, sizeof frame, MSG_DONTWAIT) >= (ssize_t)sizeof frame) note_frame(&frame, &last_control_us);
    }
    // The last questions' answers may still be under way when the sender stops.
    if (stopping && stop_after_us == 0) stop_after_us = now_us() + 60000;
    if (stop_after_us != 0 && now_us() > stop_after_us) break;
    struct tpacket_stats statistics;
    socklen_t length = sizeof statistics;
    if (getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &statistics, &length) == 0) kernel_drops += statistics.tp_drops;
  }
  return NULL;
}

static void fill_arp(struct arp_frame *frame, const uint8_t *to, uint32_t target) {
  memcpy(frame->to, to, 6);
  memcpy(frame->from, own_mac, 6);
  frame->ethertype = htons(ETHERTYPE_ARP);
  frame->hardware = htons(1);
  frame->protocol = htons(ETHERTYPE_IP);
  frame->hardware_length = 6;
  frame->protocol_length = 4;
  frame->operation = htons(1);
  memcpy(frame->sender_mac, own_mac, 6);
  frame->sender_ip = htonl(source_ip);
  memset(frame->target_mac, 0, 6);
  frame->target_ip = htonl(target);
}

static uint16_t checksum(const void *data, size_t bytes) {
  const uint16_t *word = data;
  uint32_t sum = 0;
  for (size_t i = 0; i < bytes / 2; i++) sum += word[i];
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return (uint16_t)~sum;
}

static void send_echo(int fd, uint32_t serial) {
  struct echo_frame frame = {.version_ihl = 0x45, .ttl = 64, .protocol = 1, .type = 8};
  uint32_t network = source_ip & 0xffffff00;
  memcpy(frame.to, rs_mac, 6);
  memcpy(frame.from, own_mac, 6);
  frame.ethertype = htons(ETHERTYPE_IP);
  frame.total_length = htons(28);
  frame.source = htonl(network | (130 + serial % 120));
  frame.destination = htonl(vip_first + serial % vip_count);
  frame.sequence = htons((uint16_t)serial);
  frame.ip_checksum = checksum(&frame.version_ihl, 20);
  frame.icmp_checksum = checksum(&frame.type, 8);
  if (send(fd, &frame, sizeof frame, 0) == (ssize_t)sizeof frame) provoked++;
}

static int open_sender(void) {
  int fd = socket(AF_PACKET, SOCK_RAW, 0), one = 1;
  if (fd < 0) die("socket");
  if (setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof one) < 0) die("PACKET_QDISC_BYPASS");
  bind_to(fd, 0);
  struct ifreq request = {0};
  strncpy(request.ifr_name, interface_name, IFNAMSIZ - 1);
  if (ioctl(fd, SIOCGIFHWADDR, &request) < 0) die("SIOCGIFHWADDR");
  memcpy(own_mac, request.ifr_hwaddr.sa_data, 6);
  return fd;
}

static void *flood(void *argument) {
  int fd = *(int *)argument;
  static const uint8_t broadcast[6] = {255, 255, 255, 255, 255, 255};
  static struct arp_frame frames[BATCH];
  static struct iovec vectors[BATCH];
  static struct mmsghdr messages[BATCH];
  for (int i = 0; i < BATCH; i++) {
    vectors[i] = (struct iovec){&frames[i], sizeof frames[i]};
    messages[i].msg_hdr = (struct msghdr){.msg_iov = &vectors[i], .msg_iovlen = 1};
  }
  uint32_t serial = 0, echoes = 0;
  long begun_us = now_us(), debt_from_us = begun_us;
  double owed = 0;
  while (!stopping) {
    long at = now_us();
    if (at - begun_us > seconds * 1000000L) break;
    // A late wake-up is made up for, but never by more than 5 ms' worth: the flood stays bounded.
    if (at - debt_from_us > 5000) debt_from_us = at - 5000;
    owed += (double)(at - debt_from_us) * (double)rate_per_s / 1e6;
    debt_from_us = at;
    while (provoke_per_s > 0 && (at - begun_us) * provoke_per_s / 1000000L > echoes) send_echo(fd, echoes++);
    if (owed < BATCH) {
      struct timespec nap = {0, 200000};
      nanosleep(&nap, NULL);
      continue;
    }
    for (int i = 0; i < BATCH; i++, serial++) {
      int to_all = serial % 100 < (uint32_t)broadcast_percent;
      int control = control_ip != 0 && serial % CONTROL_EVERY == 0;
      fill_arp(&frames[i], to_all ? broadcast : rs_mac, control ? control_ip : vip_first + serial % vip_count);
    }
    int count = sendmmsg(fd, messages, BATCH, 0);
    if (count < 0) send_errors++;
    else sent += count;
    owed -= BATCH;
  }
  stopping = 1;
  return NULL;
}

static void print_counters(int final) {
  double elapsed_s = (double)(now_us() - started_us) / 1e6;
  printf("{\"final\":%s,\"seconds\":%.3f,\"sent\":%ld,\"ratePerS\":%.0f,\"provoked\":%ld,\"sendErrors\":%ld,\"replies\":%ld,"
         "\"requestsWithSenderVip\":%ld,\"controlReplies\":%ld,\"longestControlGapMs\":%.1f,\"kernelDrops\":%ld,"
         "\"firstClaimMs\":%.1f,\"lastClaimMs\":%.1f,\"macs\":[",
         final ? "true" : "false", elapsed_s, sent, (double)sent / elapsed_s, provoked, send_errors, replies,
         requests_with_vip, control_replies, (double)longest_control_gap_us / 1e3, kernel_drops,
         (double)first_claim_us / 1e3, (double)last_claim_us / 1e3);
  for (int i = 0; i < mac_count; i++)
    printf("%s\"%02x:%02x:%02x:%02x:%02x:%02x\"", i ? "," : "", macs[i][0], macs[i][1], macs[i][2], macs[i][3],
           macs[i][4], macs[i][5]);
  printf("]}\n");
  fflush(stdout);
}

static uint32_t parse_ip(const char *text) {
  struct in_addr address;
  if (inet_pton(AF_INET, text, &address) != 1) {
    fprintf(stderr, "arpflood: expected an IPv4 address, got %s\n", text);
    exit(64);
  }
  return ntohl(address.s_addr);
}

static void parse(int argc, char **argv) {
  for (int i = 1; i + 1 < argc; i += 2) {
    const char *name = argv[i], *value = argv[i + 1];
    if (!strcmp(name, "--interface")) interface_name = value;
    else if (!strcmp(name, "--vip")) vip_first = parse_ip(value);
    else if (!strcmp(name, "--vips")) vip_count = (uint32_t)atol(value);
    else if (!strcmp(name, "--source")) source_ip = parse_ip(value);
    else if (!strcmp(name, "--control")) control_ip = parse_ip(value);
    else if (!strcmp(name, "--rate")) rate_per_s = atol(value);
    else if (!strcmp(name, "--provoke")) provoke_per_s = atol(value);
    else if (!strcmp(name, "--broadcast")) broadcast_percent = atol(value);
    else if (!strcmp(name, "--seconds")) seconds = atol(value);
    else if (!strcmp(name, "--rs-mac")) {
      unsigned int m[6];
      if (sscanf(value, "%x:%x:%x:%x:%x:%x", &m[0], &m[1], &m[2], &m[3], &m[4], &m[5]) != 6) exit(64);
      for (int b = 0; b < 6; b++) rs_mac[b] = (uint8_t)m[b];
    } else {
      fprintf(stderr, "arpflood: unknown option %s\n", name);
      exit(64);
    }
  }
  if (!interface_name || !vip_first || !source_ip) {
    fprintf(stderr, "arpflood: --interface, --vip and --source are needed\n");
    exit(64);
  }
}

int main(int argc, char **argv) {
  parse(argc, argv);
  signal(SIGTERM, on_signal);
  signal(SIGINT, on_signal);
  int receiver = open_receiver(), sender = open_sender();
  pthread_t receiving, flooding;
  started_us = now_us();
  if (pthread_create(&receiving, NULL, receive, &receiver) != 0) die("pthread_create");
  if (pthread_create(&flooding, NULL, flood, &sender) != 0) die("pthread_create");
  printf("{\"ready\":true}\n");
  fflush(stdout);
  while (!stopping) {
    struct pollfd input = {STDIN_FILENO, POLLIN, 0};
    if (poll(&input, 1, 20) <= 0) continue;
    char line[64];
    ssize_t bytes = read(STDIN_FILENO, line, sizeof line);
    if (bytes <= 0) stopping = 1;
    else print_counters(0);
  }
  pthread_join(flooding, NULL);
  pthread_join(receiving, NULL);
  print_counters(1);
  return 0;
}
