import type { Action } from '../model/action.ts';
import type { Check, CheckContext } from '../model/check.ts';
import { unknown, type Verdict, wrong } from '../model/finding.ts';
import { type ArpKey, arpSysctl } from '../model/names.ts';
import type { ArpSettings, Link } from '../model/observed.ts';
import { lacksPrivilege } from '../model/reading.ts';
import { effective, isAcceptable, judgeIgnore, overridesWrongly, WANTED } from '../sysctl/arp-rules.ts';

const setTo = (scope: string, key: ArpKey): Action => ({
  kind: 'set-sysctl',
  path: arpSysctl(scope, key),
  to: WANTED[key],
  onlyIf: null,
});

/** A frame that enters a bridge or bond port is handled by the master: the port's own value counts once it is freed. */
const isPort = (link: Link | undefined): boolean => /^(bridge|bond|team|ovs|openvswitch)/.test(link?.portKind ?? '');

interface Values {
  readonly all: number;
  readonly byInterface: readonly { readonly name: string; readonly own: number; readonly port: boolean }[];
  readonly fallback: number | null;
  readonly unknowns: readonly Verdict[];
}

const KEY_WORDS: Readonly<Record<ArpKey, { why: string; nobody: string }>> = {
  arp_ignore: {
    why: 'This host answers ARP requests for the VIP, so clients and routers send it the whole farm’s traffic.',
    nobody: 'an interface that appears later would answer ARP for the VIP at once',
  },
  arp_announce: {
    why: 'This host sends ARP requests with the VIP as their sender, so its neighbours replace the director’s entry for the VIP with this host.',
    nobody: 'an interface that appears later would announce the VIP at once',
  },
};

function collect(context: CheckContext, key: ArpKey): Values | Verdict {
  const { arp, links } = context.observed;
  const cannot = (reason: string, forLackOfPrivilege: boolean, subject: string): Verdict =>
    unknown({
      subject,
      severity: 'critical',
      reason,
      wouldHelp: 'readable /proc/sys/net/ipv4/conf',
      forLackOfPrivilege,
    });
  if (arp.kind !== 'value') {
    const reason = arp.kind === 'absent' ? '/proc/sys/net/ipv4/conf is not there' : arp.reason;
    return cannot(reason, lacksPrivilege(arp), 'all');
  }
  const all = arp.value.get('all')?.[key];
  if (all?.kind !== 'value') {
    const reason = all?.kind === 'unreadable' ? all.reason : `conf/all/${key} is not there`;
    return cannot(reason, all !== undefined && lacksPrivilege(all), 'all');
  }
  const byName = new Map(links.kind === 'value' ? links.value.map((link) => [link.name as string, link]) : []);
  const byInterface: { name: string; own: number; port: boolean }[] = [];
  const unknowns: Verdict[] = [];
  let fallback: number | null = null;
  for (const [name, settings] of arp.value) {
    if (name === 'all' || name === 'lo') continue;
    const own: ArpSettings[ArpKey] = settings[key];
    if (own.kind === 'unreadable') unknowns.push(cannot(own.reason, lacksPrivilege(own), name));
    if (own.kind !== 'value') continue;
    if (name === 'default') fallback = own.value;
    else byInterface.push({ name, own: own.value, port: isPort(byName.get(name)) });
  }
  return { all: all.value, byInterface, fallback, unknowns };
}

function judge(context: CheckContext, key: ArpKey): readonly Verdict[] {
  const values = collect(context, key);
  if (!('byInterface' in values)) return [values];
  const { all, byInterface, fallback } = values;
  const verdicts: Verdict[] = [...values.unknowns];
  const throughAll = byInterface.filter(
    ({ own, port }) => !port && !isAcceptable(key, effective(all, own)) && !overridesWrongly(key, own),
  );
  const newOnes = fallback !== null && !isAcceptable(key, effective(all, fallback)) && !overridesWrongly(key, fallback);
  if (throughAll.length > 0 || newOnes) verdicts.push(wrongAll(key, all, throughAll, fallback));
  for (const { name, own, port } of byInterface) {
    if (overridesWrongly(key, own)) verdicts.push(wrongInterface(key, all, fallback, name, own, port));
    else if (key === 'arp_ignore' && own === 2 && all < 2 && !port) verdicts.push(strict(name, all, own));
  }
  if (key === 'arp_ignore' && all === 2) verdicts.push(strict('all', all, all));
  if (fallback !== null) verdicts.push(...judgeDefault(key, all, fallback, newOnes || throughAll.length > 0));
  return verdicts;
}

const want = (key: ArpKey): string =>
  key === 'arp_ignore' ? 'max(all, interface) is 1 (2 is tolerated)' : 'max(all, interface) is exactly 2';

function wrongAll(
  key: ArpKey,
  all: number,
  through: readonly { name: string; own: number }[],
  fallback: number | null,
): Verdict {
  const names = through.map(({ name, own }) => `${name} (own value ${own})`);
  const shown = names.length > 6 ? [...names.slice(0, 6), `and ${names.length - 6} more`] : names;
  // Where no interface of today is concerned, the next one is: it gets the value of default.
  const values = (through.length > 0 ? through.map(({ own }) => own) : [fallback ?? 0]).map((own) =>
    effective(all, own),
  );
  const nobody = onlyDeaf(key, values)
    ? 'an interface that appears later would answer no ARP request at all'
    : KEY_WORDS[key].nobody;
  const where = shown.length > 0 ? `too ${verb(key, all)} for ${shown.join(', ')}` : nobody;
  const actions = [setTo('all', key)];
  if (fallback !== null && fallback !== WANTED[key]) actions.push(setTo('default', key));
  return wrong({
    subject: 'all',
    severity: severityOf(key, values),
    wanted: want(key),
    seen: `conf/all/${key}=${all}; ${where}`,
    why: whyOf(key, values),
    fix: `sysctl -w net/ipv4/conf/all/${key}=${WANTED[key]}`,
    actions,
    demand: { kind: 'host' },
  });
}

const verb = (key: ArpKey, all: number): string =>
  key === 'arp_ignore' && all < 1 ? 'low' : key === 'arp_announce' && all < 2 ? 'low' : 'high';

/**
 * An interface's own value is no ground to stand on: whoever resets it (keepalived's use_vmac, a container engine) would open
 * the leak again at once. So `all` and `default` are set with it.
 */
const setShared = (key: ArpKey, all: number, fallback: number | null): readonly Action[] => [
  ...(isAcceptable(key, all) ? [] : [setTo('all', key)]),
  ...(fallback === null || isAcceptable(key, fallback) ? [] : [setTo('default', key)]),
];

function wrongInterface(
  key: ArpKey,
  all: number,
  fallback: number | null,
  name: string,
  own: number,
  port: boolean,
): Verdict {
  return wrong({
    subject: name,
    severity: port ? 'advice' : severityOf(key, [effective(all, own)]),
    wanted: want(key),
    seen: `conf/${name}/${key}=${own} with conf/all=${all}: effective ${effective(all, own)}${port ? ` (${name} is a port of a bridge or bond: its value counts once it leaves it)` : ''}`,
    why: whyOf(key, [effective(all, own)]),
    fix: `sysctl -w net/ipv4/conf/${name}/${key}=${WANTED[key]}`,
    actions: [...setShared(key, all, fallback), setTo(name, key)],
    demand: { kind: 'host' },
  });
}

const strict = (name: string, all: number, own: number): Verdict =>
  wrong({
    subject: name,
    severity: 'advice',
    wanted: 'max(all, interface) is 1',
    seen: name === 'all' ? 'conf/all/arp_ignore=2' : `conf/${name}/arp_ignore=${own} with conf/all=${all}: effective 2`,
    why: 'With 2 this host does not answer ARP for its own address either, if the host that asks is in another subnet.',
    fix: `sysctl -w net/ipv4/conf/${name}/arp_ignore=1`,
    demand: { kind: 'host' },
  });

function judgeDefault(key: ArpKey, all: number, fallback: number, folded: boolean): readonly Verdict[] {
  const leaks = overridesWrongly(key, fallback);
  if (!leaks && (folded || fallback === WANTED[key] || isAcceptable(key, fallback))) return [];
  return [
    wrong({
      subject: 'default',
      severity: leaks ? severityOf(key, [effective(all, fallback)]) : 'advice',
      wanted: `conf/default/${key}=${WANTED[key]}, copied to every new interface`,
      seen: `conf/default/${key}=${fallback} with conf/all=${all}`,
      why: leaks
        ? `It overrides conf/all on every new interface: ${KEY_WORDS[key].nobody}.`
        : 'conf/all covers new interfaces for now; with this set as well they stay silent even if conf/all is changed.',
      fix: `sysctl -w net/ipv4/conf/default/${key}=${WANTED[key]}`,
      actions: [...(isAcceptable(key, all) ? [] : [setTo('all', key)]), setTo('default', key)],
      demand: { kind: 'host' },
    }),
  ];
}

const onlyDeaf = (key: ArpKey, values: readonly number[]): boolean =>
  key === 'arp_ignore' && values.length > 0 && values.every((value) => judgeIgnore(value) === 'deaf');

const severityOf = (key: ArpKey, values: readonly number[]): 'critical' | 'high' =>
  onlyDeaf(key, values) ? 'high' : 'critical';

function whyOf(key: ArpKey, values: readonly number[]): string {
  if (onlyDeaf(key, values))
    return 'With 8 this host answers no ARP request at all, not even for its own address: it drops off the LAN.';
  if (key === 'arp_ignore' && values.length > 0 && values.every((value) => judgeIgnore(value) === 'fragile')) {
    return 'With 3 this host answers ARP for a VIP of scope global. A VIP of scope host leaks as soon as another tool changes its scope.';
  }
  return KEY_WORDS[key].why;
}

export const arpIgnore: Check = {
  id: 'arp-ignore',
  title: 'The host does not answer ARP for the VIP',
  severity: 'critical',
  decisive: true,
  culprit: 'arp_ignore',
  looksAt:
    'The larger of conf/all/arp_ignore and conf/INTERFACE/arp_ignore, for every interface except lo; and conf/default, which a new interface starts with. 1 is right; 2 is tolerated; 3 leaks a VIP of scope global; 8 silences the RIP too; 0, 4 to 7, and 9 or more answer for every local address. The value of a bridge or bond port counts only once the port leaves the bridge or bond.',
  why: KEY_WORDS.arp_ignore.why,
  fix: 'rsprep apply, or by hand: sysctl -w net/ipv4/conf/all/arp_ignore=1, and the same for each interface with a greater value. Neighbours keep a wrong ARP entry for a while: `arping -U -c1 VIP` on the director (never on this host) corrects them at once.',
  source:
    'net/ipv4/arp.c arp_ignore(); include/linux/inetdevice.h IN_DEV_ARP_IGNORE; Documentation/networking/ip-sysctl.rst',
  run: (context) => judge(context, 'arp_ignore'),
};

export const arpAnnounce: Check = {
  id: 'arp-announce',
  title: 'The host does not announce the VIP as ARP sender',
  severity: 'critical',
  decisive: true,
  culprit: 'arp_announce',
  looksAt:
    'The larger of conf/all/arp_announce and conf/INTERFACE/arp_announce, for every interface except lo; and conf/default, which a new interface starts with. It must be exactly 2: 1 leaks a VIP of the same subnet, 3 and above act as 0.',
  why: KEY_WORDS.arp_announce.why,
  fix: 'rsprep apply, or by hand: sysctl -w net/ipv4/conf/all/arp_announce=2, and the same for each interface with a greater value. Neighbours keep a wrong ARP entry for a while: `arping -U -c1 VIP` on the director (never on this host) corrects them at once.',
  source:
    'net/ipv4/arp.c arp_solicit(); include/linux/inetdevice.h IN_DEV_ARP_ANNOUNCE; Documentation/networking/ip-sysctl.rst',
  run: (context) => judge(context, 'arp_announce'),
};
