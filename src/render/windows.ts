import type { Desired, DesiredVip } from '../core/model/desired.ts';
import { hostPrefixLength, isIpv6 } from '../core/model/names.ts';
import { type Rendered, refused } from './farm.ts';
import { WINDOWS_SCRIPT } from './windows-script.ts';

/**
 * A PowerShell script that prepares a Windows Server as a real server: apply, `-Verify`, `-Undo`. It was checked for
 * syntax and by golden files, not run on Windows; its header says so.
 */
export function renderWindows(desired: Desired): Rendered {
  if (desired.vips.length === 0) return refused('the configuration has no VIP', 'add at least one to vips');
  const vips = desired.vips.map(entry).join('\r\n');
  return { kind: 'text', text: WINDOWS_SCRIPT.replace('{{VIPS}}', () => vips).replaceAll(/\r?\n/g, '\r\n') };
}

function entry({ address, services }: DesiredVip): string {
  const ports = services.map(({ protocol, port }) => `'${protocol.toUpperCase()}/${port}'`).join(', ');
  const family = isIpv6(address) ? 'IPv6' : 'IPv4';
  return `    @{ Address = '${address}'; PrefixLength = ${hostPrefixLength(address)}; Family = '${family}'; Services = @(${ports}) }`;
}
