import { ARP_KEYS, type ArpKey, type ArpMeaning, MANAGED, settingText } from '../model/arp-settings.ts';
import type { ArpSettings, Observed } from '../model/observed.ts';
import { type Reading, unreadable } from '../model/reading.ts';

/** What the kernel makes of a key that is set on `all` and on an interface. */
export const effective = (key: ArpKey, all: number, own: number): number => MANAGED[key].effective(all, own);

/** What an effective value means. */
export const meaningOf = (key: ArpKey, value: number): ArpMeaning => MANAGED[key].meanings[value] ?? 'leaks';

/** The settings, where every key of every interface could be read: what was there before can be put back only if it is known. */
export function readableArp(arp: Observed['arp']): Observed['arp'] {
  if (arp.kind !== 'value') return arp;
  for (const scope of ['all', 'default'])
    if (!arp.value.has(scope)) return unreadable('io', `net/ipv4/conf/${scope} is not there`);
  const scopes = [...arp.value.keys()].map((scope) => readableIn(scope, arp));
  return scopes.find(({ kind }) => kind !== 'value') ?? arp;
}

/** The same for one interface, if it is there. */
export function readableIn(scope: string, arp: Observed['arp']): Observed['arp'] {
  const settings = arp.kind === 'value' ? arp.value.get(scope) : undefined;
  const key = settings && ARP_KEYS.find((name) => settings[name].kind !== 'value');
  if (!settings || key === undefined) return arp;
  const reading: Reading<number> = settings[key];
  return reading.kind === 'unreadable' ? reading : unreadable('io', `${settingText({ scope, key })} is not there`);
}

/** The effective value of an interface; what cannot be read counts as the kernel's default. */
export function effectiveIn(arp: ReadonlyMap<string, ArpSettings>, key: ArpKey, name: string): number {
  const [all, own] = ['all', name].map((scope) => {
    const reading = arp.get(scope)?.[key];
    return reading?.kind === 'value' ? reading.value : 0;
  });
  return effective(key, all ?? 0, own ?? 0);
}

export const wantedOf = (key: ArpKey): number => MANAGED[key].wanted;

/** Whether an effective value keeps the VIP quiet without silencing the RIP. */
export function isAcceptable(key: ArpKey, value: number): boolean {
  const meaning = meaningOf(key, value);
  return meaning === 'right' || meaning === 'partly-deaf';
}

/** Whether an interface's own value makes the effective one wrong even though `all` is as wanted. */
export const overridesWrongly = (key: ArpKey, own: number): boolean =>
  !isAcceptable(key, effective(key, wantedOf(key), own));
