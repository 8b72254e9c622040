#!/bin/bash
# The init of a guest without systemd: the few mounts everything expects, then the agent. MODULES comes from UML's
# command line, which becomes this process's environment.
export PATH=/usr/sbin:/usr/bin LC_ALL=C
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs -o mode=755 tmpfs /run
mount -t tmpfs -o mode=1777 tmpfs /tmp
mkdir -p /run/netns /run/lock
ip link set lo up
for module in ${MODULES//,/ }; do
  case $module in
    bonding) modprobe bonding max_bonds=0 ;;
    *) modprobe "$module" ;;
  esac || echo "modprobe $module failed" >&2
done
exec /usr/lib/rsp/agent.sh
