#!/bin/sh
# Installs the Debian packages that tests need and this machine lacks; nothing where none is missing. Needs root and apt.
#   install-packages.sh        all of them (.ci/run)
#   install-packages.sh real   those of the real-kernel tests (npm run test:real)
set -eu
real='user-mode-linux mmdebstrap iproute2 nftables util-linux gcc libc6-dev'
rest='iputils-ping iputils-arping procps iptables arptables strace tcpdump clang lld libclang-rt-14-dev keepalived ipvsadm cron prometheus systemd man-db fish zsh'
case ${1-all} in
  all) packages="$real $rest" ;;
  real) packages=$real ;;
  *) echo "install-packages.sh: expected real or nothing, received $1" >&2; exit 64 ;;
esac
missing=
for package in $packages; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
echo "installing:$missing"
apt-get update -qq
# shellcheck disable=SC2086 # several words
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
