// lanpeer: a host of a LAN that says what it sees. Asks ARP, sends UDP with invented senders, answers ARP for them.
//
//   lanpeer --interface eth0
//
// Commands on standard input, one a line; every frame that another host sent is kept until `clear`:
//   arp TARGET SENDER                       who-has, broadcast
//   udp MAC SOURCE DESTINATION DPORT SPORT  a datagram with one byte, straight to that MAC
//   icmp MAC SOURCE DESTINATION             an echo request, likewise: the kernel answers it from the address it was sent to
//   claim FIRST LAST                        from now on answers ARP requests for these addresses
//   clear | report                          report prints a JSON array of distinct lines, then goes on:
//     "arp-reply IP MAC" · "arp-request SENDER TARGET MAC" · "udp SOURCE DESTINATION SPORT DPORT MAC"
// Prints {"ready":true} first. Ends with standard input.
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LINES = 512, LINE = 96 };

static int raw, interface_index;
static uint8_t own_mac[6];
static uint32_t claim_first = 1, claim_last; // host order; empty
static char seen[LINES][LINE];
static int seen_count;

static void die(const char *what) {
  fprintf(stderr, "lanpeer: %s: %s\n", what, strerror(errno));
  exit(1);
}

static void note(const char *line) {
  for (int i = 0; i < seen_count; i++)
    if (strcmp(seen[i], line) == 0) return;
  if (seen_count == LINES) {
    fprintf(stderr, "lanpeer: more than %d different frames\n", LINES);
    exit(1);
  }
  snprintf(seen[seen_count++], LINE, "%s", line);
}

static const char *ip_text(const uint8_t *bytes, char *into) {
  return inet_ntop(AF_INET, bytes, into, INET_ADDRSTRLEN);
}

static const char *mac_text(const uint8_t *mac, char *into) {
  sprintf(into, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
  return into;
}

static void transmit(const uint8_t *frame, size_t size) {
  struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = interface_index, .sll_halen = 6};
  memcpy(to.sll_addr, frame, 6);
  if (sendto(raw, frame, size, 0, (struct sockaddr *)&to, sizeof to) < 0) die("send");
}

// Ethernet (14 bytes) and an ARP packet of RFC 826 (28 bytes).
static void send_arp(const uint8_t *to_mac, uint8_t operation, const uint8_t *sender, const uint8_t *target_mac,
                     const uint8_t *target) {
  uint8_t frame[42] = {0};
  const uint8_t head[] = {0x08, 0x06, 0, 1, 0x08, 0, 6, 4, 0, operation};
  memcpy(frame, to_mac, 6);
  memcpy(frame + 6, own_mac, 6);
  memcpy(frame + 12, head, sizeof head);
  memcpy(frame + 22, own_mac, 6);
  memcpy(frame + 28, sender, 4);
  memcpy(frame + 32, target_mac, 6);
  memcpy(frame + 38, target, 4);
  transmit(frame, sizeof frame);
}

static uint16_t checksum(const uint8_t *bytes, int size) {
  uint32_t sum = 0;
  for (int i = 0; i < size; i += 2) sum += (uint32_t)(bytes[i] << 8 | bytes[i + 1]);
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return (uint16_t)~sum;
}

// Ethernet, an IPv4 header and eight bytes of UDP or ICMP header, and one more.
static void send_ip(const uint8_t *to_mac, const uint8_t *source, const uint8_t *destination, uint8_t protocol,
                    const uint8_t *head8) {
  uint8_t frame[14 + 20 + 8 + 1] = {0}, *ip = frame + 14;
  memcpy(frame, to_mac, 6);
  memcpy(frame + 6, own_mac, 6);
  frame[12] = 0x08;
  const uint8_t head[] = {0x45, 0, 0, 29, 0, 1, 0, 0, 64, protocol};
  memcpy(ip, head, sizeof head);
  memcpy(ip + 12, source, 4);
  memcpy(ip + 16, destination, 4);
  uint16_t sum = checksum(ip, 20);
  ip[10] = (uint8_t)(sum >> 8), ip[11] = (uint8_t)sum;
  memcpy(ip + 20, head8, 8);
  transmit(frame, sizeof frame);
}

static void send_udp(const uint8_t *to_mac, const uint8_t *source, const uint8_t *destination, uint16_t dport,
                     uint16_t sport) {
  // Checksum 0: none (RFC 768).
  const uint8_t head[8] = {(uint8_t)(sport >> 8), (uint8_t)sport, (uint8_t)(dport >> 8), (uint8_t)dport, 0, 9};
  send_ip(to_mac, source, destination, 17, head);
}

static void send_icmp(const uint8_t *to_mac, const uint8_t *source, const uint8_t *destination) {
  uint8_t head[10] = {8, 0, 0, 0, 0, 1, 0, 1}; // echo request; one byte of zero follows
  uint16_t sum = checksum(head, 10);
  head[2] = (uint8_t)(sum >> 8), head[3] = (uint8_t)sum;
  send_ip(to_mac, source, destination, 1, head);
}

static void receive(void) {
  uint8_t frame[2048];
  struct sockaddr_ll from;
  socklen_t length = sizeof from;
  ssize_t size = recvfrom(raw, frame, sizeof frame, 0, (struct sockaddr *)&from, &length);
  char line[LINE], a[INET_ADDRSTRLEN], b[INET_ADDRSTRLEN], mac[18];
  if (size < 42 || from.sll_pkttype == PACKET_OUTGOING) return;
  mac_text(frame + 6, mac);
  uint16_t type = (uint16_t)(frame[12] << 8 | frame[13]);
  if (type == ETH_P_ARP) {
    const uint8_t *sender = frame + 28, *target = frame + 38;
    if (frame[21] == 2) snprintf(line, LINE, "arp-reply %s %s", ip_text(sender, a), mac);
    else snprintf(line, LINE, "arp-request %s %s %s", ip_text(sender, a), ip_text(target, b), mac);
    note(line);
    uint32_t asked = ntohl(*(const uint32_t *)(const void *)(frame + 38));
    if (frame[21] == 1 && asked >= claim_first && asked <= claim_last) send_arp(frame + 6, 2, target, frame + 22, sender);
  } else if (type == ETH_P_IP && frame[14] == 0x45 && frame[23] == 17) {
    snprintf(line, LINE, "udp %s %s %d %d %s", ip_text(frame + 26, a), ip_text(frame + 30, b), frame[34] << 8 | frame[35],
             frame[36] << 8 | frame[37], mac);
    note(line);
  }
}

static void address(const char *text, uint8_t *into) {
  if (inet_pton(AF_INET, text, into) != 1) {
    fprintf(stderr, "lanpeer: not an address: %s\n", text);
    exit(64);
  }
}

static void command(char *line) {
  char word[16] = "", a[32] = "", b[32] = "", c[32] = "";
  unsigned dport = 0, sport = 0, m[6];
  uint8_t first[4], second[4], mac[6], broadcast[6] = {255, 255, 255, 255, 255, 255}, nobody[6] = {0};
  sscanf(line, "%15s %31s %31s %31s %u %u", word, a, b, c, &dport, &sport);
  if (strcmp(word, "clear") == 0) seen_count = 0;
  else if (strcmp(word, "arp") == 0) {
    address(a, first), address(b, second);
    send_arp(broadcast, 1, second, nobody, first);
  } else if (strcmp(word, "udp") == 0 || strcmp(word, "icmp") == 0) {
    if (sscanf(a, "%x:%x:%x:%x:%x:%x", m, m + 1, m + 2, m + 3, m + 4, m + 5) != 6) die(a);
    for (int i = 0; i < 6; i++) mac[i] = (uint8_t)m[i];
    address(b, first), address(c, second);
    if (word[0] == 'u') send_udp(mac, first, second, (uint16_t)dport, (uint16_t)sport);
    else send_icmp(mac, first, second);
  } else if (strcmp(word, "claim") == 0) {
    address(a, first), address(b, second);
    claim_first = ntohl(*(uint32_t *)(void *)first), claim_last = ntohl(*(uint32_t *)(void *)second);
  } else if (strcmp(word, "report") == 0) {
    putchar('[');
    for (int i = 0; i < seen_count; i++) printf("%s\"%s\"", i ? "," : "", seen[i]);
    puts("]");
    fflush(stdout);
  }
}

int main(int count, char **arguments) {
  if (count != 3 || strcmp(arguments[1], "--interface") != 0) {
    fprintf(stderr, "usage: lanpeer --interface NAME\n");
    return 64;
  }
  struct ifreq request = {0};
  snprintf(request.ifr_name, IFNAMSIZ, "%s", arguments[2]);
  raw = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
  if (raw < 0) die("socket");
  if (ioctl(raw, SIOCGIFINDEX, &request) < 0) die(arguments[2]);
  interface_index = request.ifr_ifindex;
  if (ioctl(raw, SIOCGIFHWADDR, &request) < 0) die("hardware address");
  memcpy(own_mac, request.ifr_hwaddr.sa_data, 6);
  struct sockaddr_ll here = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = interface_index};
  if (bind(raw, (struct sockaddr *)&here, sizeof here) < 0) die("bind");
  puts("{\"ready\":true}");
  fflush(stdout);
  char input[4096];
  size_t filled = 0;
  for (;;) {
    struct pollfd fds[] = {{.fd = raw, .events = POLLIN}, {.fd = 0, .events = POLLIN}};
    if (poll(fds, 2, -1) < 0) die("poll");
    if (fds[0].revents) receive();
    if (!fds[1].revents) continue;
    ssize_t size = read(0, input + filled, sizeof input - filled - 1);
    if (size <= 0) return 0;
    filled += (size_t)size;
    input[filled] = 0;
    char *start = input, *end;
    while ((end = strchr(start, '\n'))) {
      *end = 0;
      command(start);
      start = end + 1;
    }
    filled = strlen(start);
    memmove(input, start, filled + 1);
  }
}
