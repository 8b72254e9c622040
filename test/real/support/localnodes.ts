import type { Guest } from './uml.ts';

/**
 * Two directors that are real servers too, `ln1` (10.0.0.2, master: the VIP is on its NIC) and `ln2` (10.0.0.3, the VIP
 * silent on lo), and `client` 10.0.0.50 on a segment inside the guest. IPVS is left empty.
 */
export async function makeLocalnodes(
  guest: Guest,
  options: { readonly vip: string; readonly macs: readonly [string, string] },
): Promise<void> {
  const hosts = [
    ['ln1', '10.0.0.2', options.macs[0]],
    ['ln2', '10.0.0.3', options.macs[1]],
    ['client', '10.0.0.50', '02:00:00:00:00:50'],
  ] as const;
  await guest.ok(`
    set -e
    ip netns add seg
    ip -n seg link add name br0 type bridge forward_delay 0 stp_state 0 mcast_snooping 0
    ip -n seg link set br0 up
    ${hosts
      .map(
        ([name, address, mac]) => `
    ip netns add ${name}
    ip link add name to-${name} netns seg type veth peer name eth0 netns ${name} address ${mac}
    ip -n seg link set to-${name} master br0 up
    ip -n ${name} -batch - <<END
link set lo up
link set eth0 up
address add ${address}/24 dev eth0
END`,
      )
      .join('')}
    for ns in ln1 ln2; do
      ip netns exec $ns sh -c 'echo 1 > /proc/sys/net/ipv4/conf/all/arp_ignore; echo 2 > /proc/sys/net/ipv4/conf/all/arp_announce
        echo 0 > /proc/sys/net/ipv4/conf/all/send_redirects; echo 0 > /proc/sys/net/ipv4/conf/eth0/send_redirects'
    done
    ip -n ln1 address add ${options.vip}/32 dev eth0
    ip -n ln2 address add ${options.vip}/32 dev lo scope host`);
}

/** Makes `to` the holder of the VIP instead of the other, as VRRP would; the client learns of it. */
export async function failOver(
  guest: Guest,
  options: { readonly vip: string; readonly to: 'ln1' | 'ln2' },
): Promise<void> {
  const from = options.to === 'ln1' ? 'ln2' : 'ln1';
  await guest.ok(`
    ip -n ${from} address del ${options.vip}/32 dev eth0 && ip -n ${from} address add ${options.vip}/32 dev lo scope host
    ip -n ${options.to} address del ${options.vip}/32 dev lo && ip -n ${options.to} address add ${options.vip}/32 dev eth0
    ip -n client neigh flush dev eth0`);
}

/** Sends UDP packets to VIP:53, each a flow of its own; returns how many frames went from one director to the other. */
export async function sendToVip(
  guest: Guest,
  options: { readonly vip: string; readonly packets: number; readonly from?: 'ln1' | 'ln2' },
): Promise<number> {
  const { from = 'ln1' } = options;
  const other = `02:00:00:00:00:0${from === 'ln1' ? 3 : 2}`;
  const send = Array.from({ length: options.packets }, () => `echo x > /dev/udp/${options.vip}/53`).join('; ');
  const counted = await guest.ok(
    `
    cd /run
    tcpdump -nli eth0 -Q out udp port 53 and ether dst ${other} >frames 2>frames.said &
    until grep -q listening frames.said; do sleep 0.05; done
    ip netns exec client bash -c '${send}'
    # A loop takes milliseconds; over when nothing more has come for a while.
    before=none
    while now=$(wc -l <frames); [ "$now" != "$before" ]; do before=$now; sleep 0.6; done
    kill $!
    wait
    grep -c . frames || true`, // it ends with an empty line
    { netns: from },
  );
  return Number(counted);
}
