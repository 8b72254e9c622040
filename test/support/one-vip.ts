// The smallest host that apply and remove can be tried on: lo, one NIC, one VIP.
import type { ApplyOptions } from '../../src/app/apply/apply.ts';
import { emptyDesired } from '../../src/core/model/desired.ts';
import type { InterfaceName, Ip } from '../../src/core/model/names.ts';
import type { Observed } from '../../src/core/model/observed.ts';
import { unreadable } from '../../src/core/model/reading.ts';
import { address, arpValues, FakeHost } from './fake-host.ts';

export const ONE_VIP = '10.0.0.100' as Ip;
export const oneVip = {
  ...emptyDesired,
  vips: [{ address: ONE_VIP, device: 'lo' as InterfaceName, services: [] }],
};

export const APPLYING: ApplyOptions = {
  ...{ 'take-from-nic': false, prune: false, boot: false, confirmMs: null, strict: false },
  ...{ lockTimeoutMs: 0, timeoutMs: 1000, progress: () => undefined },
};
export const REMOVING = { force: false, drainWaitMs: 0, lockTimeoutMs: 0, timeoutMs: 1000, reason: 'a test' };

/** What a call that failed leaves behind. */
export const BLIND = unreadable('io', 'the file: input/output error (EIO)');

export const oneVipHost = (): FakeHost =>
  new FakeHost(
    {
      links: [
        { name: 'lo', up: true, kind: 'loopback', addresses: [], arp: arpValues() },
        { name: 'eth0', up: true, kind: 'nic', addresses: [address('10.0.0.11' as Ip, 24)], arp: arpValues() },
      ],
      ...{ all: arpValues(), default: arpValues(), promoteSecondaries: true, files: {} },
    },
    [ONE_VIP],
  );

export const holdsVip = (host: FakeHost): boolean =>
  host.state.links.some(({ addresses }) => addresses.some(({ ip }) => ip === ONE_VIP));

/** From now on these parts of an observation are others. */
export function observing(host: FakeHost, part: (observed: Observed) => Partial<Observed>): void {
  const observe = host.observe.bind(host);
  host.observe = (asked, forChange) => {
    const observed = observe(asked, forChange);
    return { ...observed, ...part(observed) };
  };
}
