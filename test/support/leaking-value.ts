import { type ArpKey, MANAGED } from '../../src/core/model/arp-settings.ts';

/** The smallest value with which a host leaks, every other managed key being right. */
export function leakingValue(key: ArpKey): number {
  let value = 0;
  while (MANAGED[key].meanings[value] !== undefined) value += 1;
  return value;
}
