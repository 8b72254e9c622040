#!/bin/sh
# Loads each ruleset in a network namespace of its own and keeps what nft makes of it: sh test/unit/checks/rulesets/capture.sh
# Captured on Debian 12, Linux 6.18, nftables 1.0.6.
cd "$(dirname "$0")" || exit 1
for rules in *.nft; do
  unshare -n sh -c 'nft -f "$0" && nft -j list ruleset' "$rules" >"${rules%.nft}.json" || exit 1
done
