#!/bin/bash
# Guest side of channel.ts: runs the scripts the host puts in /share, all that are asked for at once.
#   host to guest:  run ID | kill ID
#   guest to host:  ready BOOT_ID | done ID EXIT_CODE
set -m # every command its own process group, so that `kill` takes all of it
tty=/dev/ttyS0
stty -F $tty raw -echo
exec 3<>$tty
declare -A group
read -r boot </proc/sys/kernel/random/boot_id
echo "ready $boot" >&3
while read -r verb id <&3; do
  case $verb in
    run)
      {
        # shellcheck source=/dev/null
        ( . "/share/$id.sh" ) </dev/null >"/share/$id.out" 2>"/share/$id.err" 3>&-
        echo "done $id $?" >&3
      } &
      group[$id]=$!
      ;;
    kill) kill -KILL -- "-${group[$id]}" ;;
  esac
done
