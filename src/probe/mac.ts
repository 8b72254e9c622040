/** An Ethernet address as `ip` prints it: lower case, colons. */
export type Mac = string;

export const macText = (bytes: Uint8Array): Mac => Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join(':');

export const macBytes = (mac: Mac): Uint8Array => Uint8Array.from(mac.split(':'), (part) => Number.parseInt(part, 16));

/** What a person typed, `-` and capitals included; null when it is no address of one host. */
export function parseMac(text: string): Mac | null {
  const mac = text.toLowerCase().replaceAll('-', ':');
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/.test(mac) || mac === '00:00:00:00:00:00') return null;
  return (macBytes(mac)[0] ?? 1) % 2 === 1 ? null : mac;
}

/** Locally administered and unicast (IEEE 802: bits 1 and 0 of the first byte), so that it is nobody's. */
export function inventedMac(random: Uint8Array): Mac {
  const bytes = Uint8Array.from({ length: 6 }, (_, index) => random[index] ?? 0);
  bytes[0] = ((bytes[0] ?? 0) & 0xfc) | 0x02;
  return macText(bytes);
}

/** RFC 5798, section 7.3: the virtual router's address moves with the master, whoever that is. */
export const isVrrpMac = (mac: Mac): boolean => /^00:00:5e:00:0[12]:/.test(mac);
