/* The limit: a C echo server with IP_PKTINFO, recvmmsg and sendmmsg of 64. Prints its port. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum { BATCH = 64, PAYLOAD = 2048, CONTROL = 96 };
static struct mmsghdr messages[BATCH];
static struct iovec vectors[BATCH];
static struct sockaddr_in names[BATCH];
static _Alignas(8) unsigned char controls[BATCH][CONTROL];
static unsigned char data[BATCH][PAYLOAD];

int main(void) {
  int fd = socket(AF_INET, SOCK_DGRAM, 0), on = 1;
  struct sockaddr_in own = {.sin_family = AF_INET};
  socklen_t size = sizeof own;
  setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
  if (bind(fd, (struct sockaddr *)&own, sizeof own) != 0) return perror("bind"), 1;
  getsockname(fd, (struct sockaddr *)&own, &size);
  printf("%d\n", ntohs(own.sin_port));
  fflush(stdout);
  for (;;) {
    for (int i = 0; i < BATCH; i++) {
      vectors[i] = (struct iovec){data[i], PAYLOAD};
      messages[i].msg_hdr = (struct msghdr){&names[i], sizeof names[i], &vectors[i], 1, controls[i], CONTROL, 0};
    }
    int got = recvmmsg(fd, messages, BATCH, MSG_WAITFORONE, NULL);
    if (got <= 0) continue;
    for (int i = 0; i < got; i++) {
      vectors[i].iov_len = messages[i].msg_len;
      struct in_pktinfo *info = (struct in_pktinfo *)CMSG_DATA(CMSG_FIRSTHDR(&messages[i].msg_hdr));
      info->ipi_ifindex = 0;
      messages[i].msg_hdr.msg_controllen = CMSG_SPACE(sizeof *info);
    }
    for (int sent = 0; sent < got;) {
      int now = sendmmsg(fd, messages + sent, got - sent, 0);
      sent += now > 0 ? now : 1;
    }
  }
}
