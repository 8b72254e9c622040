#!/bin/sh
# Real ledgers, for the next step of their format: runs a build of rsprep in throwaway network namespaces and keeps what it wrote,
# as {before, after, ledger}: the host before the first run, the host with that ledger, and the ledger.
#   test/unit/linux/state/ledgers/capture.sh /path/to/dist/rsprep.cjs test/unit/linux/state/ledgers/format-N
# Needs root, ip(8) and unshare(1). README.md says what the kept ones were written by.
set -eu
program=$(realpath "$1")
mkdir -p "$2"
out=$(realpath "$2")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat >"$work/look.mjs" <<'LOOK'
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
const links = JSON.parse(execFileSync('ip', ['-j', 'address', 'show'], { encoding: 'utf8' }));
const value = (scope, key) => Number(readFileSync(`/proc/sys/net/ipv4/conf/${scope}/${key}`, 'utf8'));
const keys = ['arp_announce', 'arp_ignore'];
const arp = (scope) => Object.fromEntries(keys.map((key) => [key, value(scope, key)]));
const address = ({ local, prefixlen, scope, label }) => ({ ip: local, prefixLength: prefixlen, scope, label: label ?? null });
// Link-local addresses are made by the kernel, in its own time.
const own = ({ addr_info: list }) => list.filter(({ scope }) => scope !== 'link').map(address);
const seen = links.map((link) => ({ name: link.ifname, arp: arp(link.ifname), addresses: own(link) }));
process.stdout.write(JSON.stringify({ all: arp('all'), default: arp('default'), links: seen }));
LOOK

cat >"$work/host.sh" <<'HOST'
set -eu
root=$work/$name
mkdir -p "$root/etc/rsprep"
printf 'version: 1\nvips: [%s]\n' "$vips" >"$root/etc/rsprep/rsprep.yaml"
rsprep() { node "$program" --root "$root" --no-color "$@" >>"$work/log" 2>&1; }
arp() { echo "$3" >"/proc/sys/net/ipv4/conf/$1/$2"; }
ip link set lo up
ip link add eth0 type veth peer name peer0
ip link add eth0.100 type veth peer name peer1
for device in eth0 peer0 eth0.100 peer1; do ip link set "$device" up; done
ip address add 10.0.0.11/24 dev eth0
case $name in
  applied|restored) arp eth0 arp_ignore 3; arp eth0.100 arp_announce 1; arp default arp_ignore 2 ;;
  adopted) ip address add 10.0.0.100/32 dev lo label lo:0 ;;
  taken) ip address add 10.0.0.100/24 dev eth0 ;;
esac
node "$work/look.mjs" >"$root/before"
case $name in
  applied|adopted) rsprep apply || true ;;
  taken) rsprep apply --take-from-nic || true ;;
  restored) rsprep apply || true; rsprep remove; rsprep apply || true ;;
  unconfirmed) rsprep apply --confirm 600 || true ;;
  unconfirmed-change)
    rsprep apply || true
    printf 'version: 1\nvips: [10.0.0.101]\n' >"$root/etc/rsprep/rsprep.yaml"
    arp all arp_ignore 0
    rsprep apply --confirm 600 || true ;;
  rejected) rsprep apply --confirm 600 || true; rsprep confirm --revert ;;
  killed)
    node "$program" --root "$root" apply >>"$work/log" 2>&1 &
    pid=$!
    # The ledger is there before anything is changed.
    until [ -s "$root/var/lib/rsprep/state.json" ]; do :; done
    kill -9 "$pid" ;;
esac
node "$work/look.mjs" >"$root/after"
printf '{"before":%s,\n"after":%s,\n"ledger":%s}\n' "$(cat "$root/before")" "$(cat "$root/after")" "$(cat "$root/var/lib/rsprep/state.json")" >"$out/$name.json"
HOST

for name in applied restored adopted taken unconfirmed unconfirmed-change rejected killed; do
  vips='10.0.0.100, 2001:db8::10'
  export work name vips program out
  unshare --net --pid --fork --kill-child --mount-proc sh "$work/host.sh" || { cat "$work/log"; exit 1; }
done
cat "$work/log"
