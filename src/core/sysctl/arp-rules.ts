import { type ArpKey, type ArpMeaning, MANAGED } from '../model/arp-settings.ts';
import type { ArpSettings } from '../model/observed.ts';

/** What the kernel makes of a key that is set on `all` and on an interface. */
export const effective = (key: ArpKey, all: number, own: number): number => MANAGED[key].effective(all, own);

/** What an effective value means. */
export const meaningOf = (key: ArpKey, value: number): ArpMeaning => MANAGED[key].meanings[value] ?? 'leaks';

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
