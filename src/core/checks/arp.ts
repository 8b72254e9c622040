import type { Action } from '../model/action.ts';
import { ARP_KEYS_BACKWARDS, type ArpKey, type ArpMeaning, MANAGED } from '../model/arp-settings.ts';
import type { Check, CheckContext } from '../model/check.ts';
import { unknown, type Verdict, wrong } from '../model/finding.ts';

import type { ArpSettings, Link } from '../model/observed.ts';
import { lacksPrivilege } from '../model/reading.ts';
import { effective, isAcceptable, meaningOf, overridesWrongly, wantedOf } from '../sysctl/arp-rules.ts';

const setTo = (scope: string, key: ArpKey): Action => ({
  kind: 'set-sysctl',
  setting: { scope, key },
  to: wantedOf(key),
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
    ({ own, port }) => !port && !isAcceptable(key, effective(key, all, own)) && !overridesWrongly(key, own),
  );
  const newOnes =
    fallback !== null && !isAcceptable(key, effective(key, all, fallback)) && !overridesWrongly(key, fallback);
  if (throughAll.length > 0 || newOnes) verdicts.push(wrongAll(key, all, throughAll, fallback));
  for (const { name, own, port } of byInterface) {
    if (overridesWrongly(key, own)) verdicts.push(wrongInterface(key, all, fallback, name, own, port));
    else if (isTolerated(key, own) && all < own && !port) verdicts.push(strict(key, name, all, own));
  }
  if (isTolerated(key, all)) verdicts.push(strict(key, 'all', all, all));
  if (fallback !== null) verdicts.push(...judgeDefault(key, all, fallback, newOnes || throughAll.length > 0));
  return verdicts;
}

const isTolerated = (key: ArpKey, value: number): boolean => meaningOf(key, value) === 'partly-deaf';

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
    effective(key, all, own),
  );
  const { nextInterface } = MANAGED[key];
  const where =
    shown.length > 0
      ? `too ${all < wantedOf(key) ? 'low' : 'high'} for ${shown.join(', ')}`
      : (nextInterface[commonMeaning(key, values)] ?? nextInterface.leaks);
  const actions = [setTo('all', key)];
  if (fallback !== null && fallback !== wantedOf(key)) actions.push(setTo('default', key));
  return wrong({
    subject: 'all',
    severity: severityOf(key, values),
    wanted: MANAGED[key].wantedText.any,
    seen: `conf/all/${key}=${all}; ${where}`,
    why: whyOf(key, values),
    fix: `sysctl -w net/ipv4/conf/all/${key}=${wantedOf(key)}`,
    actions,
    demand: { kind: 'host' },
  });
}

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
    severity: port ? 'advice' : severityOf(key, [effective(key, all, own)]),
    wanted: MANAGED[key].wantedText.any,
    seen: `conf/${name}/${key}=${own} with conf/all=${all}: effective ${effective(key, all, own)}${port ? ` (${name} is a port of a bridge or bond: its value counts once it leaves it)` : ''}`,
    why: whyOf(key, [effective(key, all, own)]),
    fix: `sysctl -w net/ipv4/conf/${name}/${key}=${wantedOf(key)}`,
    actions: [...setShared(key, all, fallback), setTo(name, key)],
    demand: { kind: 'host' },
  });
}

const strict = (key: ArpKey, name: string, all: number, own: number): Verdict =>
  wrong({
    subject: name,
    severity: 'advice',
    wanted: MANAGED[key].wantedText.strict,
    seen:
      name === 'all'
        ? `conf/all/${key}=${all}`
        : `conf/${name}/${key}=${own} with conf/all=${all}: effective ${effective(key, all, own)}`,
    why: whyOf(key, [own]),
    fix: `sysctl -w net/ipv4/conf/${name}/${key}=${wantedOf(key)}`,
    demand: { kind: 'host' },
  });

function judgeDefault(key: ArpKey, all: number, fallback: number, folded: boolean): readonly Verdict[] {
  const leaks = overridesWrongly(key, fallback);
  if (!leaks && (folded || fallback === wantedOf(key) || isAcceptable(key, fallback))) return [];
  return [
    wrong({
      subject: 'default',
      severity: leaks ? severityOf(key, [effective(key, all, fallback)]) : 'advice',
      wanted: `conf/default/${key}=${wantedOf(key)}, copied to every new interface`,
      seen: `conf/default/${key}=${fallback} with conf/all=${all}`,
      why: leaks
        ? `It overrides conf/all on every new interface: ${MANAGED[key].nextInterface.leaks}.`
        : 'conf/all covers new interfaces for now; with this set as well they stay silent even if conf/all is changed.',
      fix: `sysctl -w net/ipv4/conf/default/${key}=${wantedOf(key)}`,
      actions: [...(isAcceptable(key, all) ? [] : [setTo('all', key)]), setTo('default', key)],
      demand: { kind: 'host' },
    }),
  ];
}

/** What all of these values mean; where they differ, the worst. */
function commonMeaning(key: ArpKey, values: readonly number[]): ArpMeaning {
  const [first = 'leaks', ...others] = values.map((value) => meaningOf(key, value));
  return others.every((meaning) => meaning === first) ? first : 'leaks';
}

const severityOf = (key: ArpKey, values: readonly number[]): 'critical' | 'high' =>
  commonMeaning(key, values) === 'deaf' ? 'high' : 'critical';

function whyOf(key: ArpKey, values: readonly number[]): string {
  const { why } = MANAGED[key];
  return why[commonMeaning(key, values)] ?? why.leaks;
}

/** One check for each managed key. */
export const ARP_CHECKS: readonly Check[] = ARP_KEYS_BACKWARDS.map(
  (key): Check => ({
    ...MANAGED[key].check,
    severity: 'critical',
    decisive: true,
    culprit: key,
    why: MANAGED[key].why.leaks,
    run: (context) => judge(context, key),
  }),
);
