import type { ArpKey } from '../model/names.ts';

/**
 * What the kernel makes of the ARP knobs. Both are read with IN_DEV_MAXCONF (include/linux/inetdevice.h): the larger
 * of conf/all and conf/INTERFACE counts, whatever their order. conf/lo is consulted for no packet from the wire.
 */
export const effective = (all: number, own: number): number => Math.max(all, own);

export type ArpVerdict = 'right' | 'leaks' | 'fragile' | 'deaf' | 'partly-deaf';

/**
 * arp_ignore (net/ipv4/arp.c, arp_ignore()): 0 and below, 4 to 7 and 9 and above answer for every local address; 1 answers only
 * for addresses of the interface asked; 2 also wants the asker in the same subnet; 3 answers for scope global and link but not
 * host; 8 answers for nothing, the RIP included.
 */
export function judgeIgnore(value: number): ArpVerdict {
  if (value === 1) return 'right';
  if (value === 2) return 'partly-deaf';
  if (value === 3) return 'fragile';
  if (value === 8) return 'deaf';
  return 'leaks';
}

/** What rsprep sets: never above what the kernel understands. */
export const WANTED: Readonly<Record<ArpKey, number>> = { arp_ignore: 1, arp_announce: 2 };

/**
 * Whether an effective value keeps the VIP quiet without silencing the RIP. arp_announce (net/ipv4/arp.c, arp_solicit()):
 * only 2 never uses the VIP as ARP sender; 3 and above act as 0.
 */
export const isAcceptable = (key: ArpKey, value: number): boolean =>
  key === 'arp_ignore' ? value === 1 || value === 2 : value === 2;

/** Whether an interface's own value makes the effective one wrong even though `all` is as wanted. */
export const overridesWrongly = (key: ArpKey, own: number): boolean => !isAcceptable(key, effective(WANTED[key], own));
