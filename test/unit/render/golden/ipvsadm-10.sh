#!/bin/sh
# Virtual services for a director without keepalived, rendered by rsprep. Render again instead of editing.
# Nothing here notices a real server that fails: cron may run `rsprep ask` and set a weight to 0.
#
# On the director, in /etc/sysctl.d:
#   net.ipv4.vs.expire_nodest_conn = 1
#       flows of a removed server go to another one at their next packet; without it they are lost until they expire
#   net.ipv4.vs.expire_quiescent_template = 1
#       a persistent client leaves a server whose weight became 0
#   net.ipv4.conf.all.promote_secondaries = 1
#       if the first address of a subnet is removed, the others stay; without this they are removed too, a VIP among them
#
# The director holds 192.0.2.10/32, 192.0.2.11/32, 2001:db8::10/128: with that prefix length, not the subnet's.
# With /24 the VIP becomes a second address of the subnet: it is removed with the first one (see promote_secondaries),
# and the director may use it as its own source, which every real server drops, because it has that address itself ("martian").
# On IPv6 give it preferred_lft 0 for the same reason.
set -eu

# service "FLAGS" SCHEDULER "RIP:PORT WEIGHT"…   flags and servers as ipvsadm -Sn writes them
service() {
  flags=$1 scheduler=$2 wanted=
  shift 2
  # shellcheck disable=SC2086 # flags are several words
  {
    ipvsadm -A $flags -s "$scheduler" 2>/dev/null || ipvsadm -E $flags -s "$scheduler"
    for server; do
      rip=${server% *} weight=${server#* }
      ipvsadm -a $flags -r "$rip" -g -w "$weight" 2>/dev/null || ipvsadm -e $flags -r "$rip" -g -w "$weight"
      wanted="$wanted $rip "
    done
    # Those that are no longer configured. The flows they have go on until they end, or are scheduled anew (see above).
    ipvsadm -Sn | grep -F -e "-a $flags -r " | while read -r line; do
      rip=${line#* -r }
      rip=${rip%% *}
      case $wanted in *" $rip "*) ;; *) ipvsadm -d $flags -r "$rip" ;; esac
    done
  }
}

# packets for 192.0.2.10 that carry mark 10
service '-f 10' wrr '10.0.0.11:0 1' '10.0.0.12:0 2'
# packets for 192.0.2.11 that carry mark 11
service '-f 11' wrr '10.0.0.11:0 1' '10.0.0.12:0 2'
# packets for 2001:db8::10 that carry mark 12
service '-f 12 -6' wrr '[fd00::11]:0 1'
