import fc from 'fast-check';
import { forEachArpKey } from '../../src/core/model/arp-settings.ts';
import { type Desired, emptyDesired } from '../../src/core/model/desired.ts';
import type { InterfaceName, Ip } from '../../src/core/model/names.ts';
import type { Address } from '../../src/core/model/observed.ts';
import { address, arpValues, type FakeLink, type FakeState } from './fake-host.ts';

const V4 = ['10.0.0.100', '10.0.0.101', '192.0.2.7'] as const;
const V6 = ['2001:db8::100', '2001:db8::101'] as const;
const NICS = ['eth0', 'eth0.100', 'br-x', 'eth9'] as const;

const ip = (text: string): Ip => text as Ip;
const arpValue = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(0, 1, 2) },
  { weight: 1, arbitrary: fc.integer({ min: -1, max: 9 }) },
);
const arp = fc.record(forEachArpKey(() => arpValue));

export const desiredHost: fc.Arbitrary<Desired> = fc
  .record({ v4: fc.subarray([...V4]), v6: fc.subarray([...V6]), persist: fc.boolean() })
  .filter(({ v4, v6 }) => v4.length + v6.length > 0)
  .map(({ v4, v6, persist }) => ({
    ...emptyDesired,
    persist,
    vips: [...v4, ...v6].map((text) => ({ address: ip(text), device: 'lo' as InterfaceName, services: [] })),
  }));

/** How one VIP stands on the host before rsprep was ever run. */
const placement = fc.constantFrom('none', 'none', 'lo', 'lo-global', 'lo-wide', 'lo-both', 'nic', 'nic-and-lo');

function placeOnLo(text: string, how: string): readonly Address[] {
  const host = text.includes(':') ? 128 : 32;
  const right = address(
    ip(text),
    host,
    how === 'lo-global' ? 'global' : 'host',
    how === 'lo-global' && host === 32 ? 'lo:0' : null,
  );
  const wide = address(ip(text), host === 32 ? 24 : 64);
  if (how === 'lo' || how === 'lo-global' || how === 'nic-and-lo') return [right];
  if (how === 'lo-wide') return [wide];
  // The kernel holds an IPv6 address once per device.
  if (how === 'lo-both') return host === 32 ? [wide, right] : [wide];
  return [];
}

/** Any host: NICs with odd names and values, VIPs right, wrong and twice, foreign addresses everywhere. */
export const hostState: fc.Arbitrary<FakeState> = fc
  .record({
    nics: fc.subarray([...NICS], { minLength: 1 }),
    arps: fc.array(arp, { minLength: 6, maxLength: 6 }),
    places: fc.array(placement, { minLength: 5, maxLength: 5 }),
    bare: fc.boolean(),
    loUp: fc.boolean(),
    file: fc.constantFrom(undefined, '# foreign\n', 'net.ipv4.conf.all.arp_ignore = 0\n'),
    promote: fc.boolean(),
  })
  .map(({ nics, arps, places, bare, loUp, file, promote }) => {
    const onLo = [...V4, ...V6].flatMap((text, i) => placeOnLo(text, places[i] ?? 'none'));
    const onNic = [...V4, ...V6].flatMap((text, i) =>
      (places[i] ?? '').startsWith('nic') ? [address(ip(text), text.includes(':') ? 64 : 24)] : [],
    );
    const lo: FakeLink = {
      name: 'lo',
      up: loUp,
      kind: 'loopback',
      addresses: [address(ip('127.0.0.1'), 8, 'host', 'lo'), address(ip('198.51.100.9'), 32), ...onLo],
      arp: arps[0] ?? arpValues(),
    };
    const links = nics.map((name, i): FakeLink => {
      const own = [address(ip(`10.0.0.${11 + i}`), 24), address(ip(`203.0.113.${i + 1}`), 29)];
      const addresses = i === 0 ? [...own, ...onNic] : bare ? [] : own;
      return { name, up: true, kind: 'nic', addresses, arp: arps[i + 1] ?? arpValues() };
    });
    return {
      links: [lo, ...links],
      all: arps[5] ?? arpValues(),
      default: arpValues(),
      promoteSecondaries: promote,
      files: file === undefined ? {} : { '/etc/sysctl.d/99-zz-rsprep.conf': file },
    };
  });

/** A copy nothing else holds on to. */
export const copy = (state: FakeState): FakeState => structuredClone(state);

const VIPS: ReadonlySet<string> = new Set([...V4, ...V6]);

/** A host that holds no VIP yet, with lo up: what it was before the first apply. */
export const freshState: fc.Arbitrary<FakeState> = hostState.map((state) => ({
  ...state,
  links: state.links.map((link) => ({
    ...link,
    up: true,
    addresses: link.addresses.filter(({ ip: text }) => !VIPS.has(text)),
  })),
}));
