import type { Injector } from '../../app/ports/probe.ts';
import { neighbourFilter } from '../../probe/filter.ts';
import { deviceName } from '../../probe/interfaces.ts';
import type { Mac } from '../../probe/mac.ts';
import { failed, ok, type Tried } from '../../probe/result.ts';
import type { Namespace } from './namespace.ts';
import type { Packets } from './native.ts';
import { openTap } from './tap.ts';

/** Both take every packet; kernels are built with one of them at least. */
const EVERYTHING = [['u32', 'match', 'u32', '0', '0'], ['matchall']] as const;
const PEER = 'probe';

/**
 * A veth with its far end in the namespace. What is sent there arrives at the near end, and tc hands it to the interface as if it
 * had come in there (act_mirred, `ingress redirect`). Nothing is put on the interface itself. Unicast frames go to the near end's
 * own MAC: whether a frame is for this host is decided there (eth_type_trans), and not again. It never has the interface's
 * MAC, by which systemd-networkd or NetworkManager might take it for that. It takes part in nothing (arp off, no address).
 */
export async function injectInto(packets: Packets, space: Namespace, nic: string, mac: Mac): Promise<Tried<Injector>> {
  const near = deviceName(process.pid, 'a');
  const created = await space.outside(
    ['ip', '-batch', '-'],
    `link add name ${near} address ${mac} arp off type veth peer name ${PEER} netns ${space.path}\n`,
  );
  if (created.kind === 'failed') return created;
  const close = async (): Promise<void> => {
    await space.outside(['ip', 'link', 'del', 'dev', near]);
  };
  const ready = await prepare(space, near, nic);
  if (ready.kind === 'failed') {
    await close();
    return ready;
  }
  const tap = openTap(packets, space.fd, ready.value, neighbourFilter());
  if (tap.kind === 'failed') {
    await close();
    return tap;
  }
  return ok({
    mac,
    send: tap.value.send,
    close: async () => {
      tap.value.close();
      await close();
    },
  });
}

/** @returns index of the far end */
async function prepare(space: Namespace, near: string, nic: string): Promise<Tried<number>> {
  const clsact = await space.outside(['tc', 'qdisc', 'add', 'dev', near, 'clsact']);
  if (clsact.kind === 'failed') return clsact;
  for (const protocol of ['arp', 'ipv6']) {
    const filtered = await redirect(space, near, nic, protocol);
    if (filtered.kind === 'failed') return filtered;
  }
  // Without a link-local address the far end says nothing by itself: it would all be put into the interface too. A kernel
  // without IPv6 refuses addrgenmode and needs none.
  await space.outside(
    ['ip', '-force', '-batch', '-'],
    `link set dev ${near} addrgenmode none\nlink set dev ${near} up\n`,
  );
  const shown = await space.ip(
    [`link set dev ${PEER} addrgenmode none`, `link set dev ${PEER} up`, `link show dev ${PEER}`],
    { lenient: true },
  );
  if (shown.kind === 'failed') return shown;
  const index = Number(/"ifindex":(\d+)/.exec(shown.value)?.[1] ?? Number.NaN);
  return Number.isInteger(index)
    ? ok(index)
    : failed({ kind: 'failed', message: `the far end of ${near} is not there`, next: 'try again' });
}

async function redirect(space: Namespace, near: string, nic: string, protocol: string): Promise<Tried<string>> {
  let last: Tried<string> = ok('');
  for (const everything of EVERYTHING) {
    const filter = ['tc', 'filter', 'add', 'dev', near, 'ingress', 'protocol', protocol, ...everything] as const;
    last = await space.outside([...filter, 'action', 'mirred', 'ingress', 'redirect', 'dev', nic]);
    if (last.kind === 'ok') return last;
  }
  return last;
}
