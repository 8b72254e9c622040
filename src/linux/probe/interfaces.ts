import { existsSync } from 'node:fs';
import type { Ip } from '../../core/model/names.ts';
import { type Reading, unreadable, value } from '../../core/model/reading.ts';
import { DEVICE_PATTERN, type ProbeInterface } from '../../probe/interfaces.ts';
import type { Mac } from '../../probe/mac.ts';
import { parseArray, toLink } from '../observe/ip-json.ts';
import { change, commandFailure, read } from '../process/command.ts';

type Json = Readonly<Record<string, unknown>>;

export function listInterfaces(timeoutMs: number): Reading<readonly ProbeInterface[]> {
  const result = read(['ip', '-j', '-d', 'address', 'show'], { timeoutMs });
  if (result.kind !== 'ok') return unreadable('io', commandFailure(result, 'listing the interfaces'));
  try {
    return value(parseArray(result.stdout).flatMap(toInterface));
  } catch (error) {
    return unreadable('io', error instanceof Error ? error.message : String(error));
  }
}

function toInterface(entry: Json): readonly ProbeInterface[] {
  const link = toLink(entry);
  if (link === null) return [];
  const ethernet = entry.link_type === 'ether';
  const flags = Array.isArray(entry.flags) ? entry.flags : [];
  return [
    {
      ...link,
      ethernet,
      mac: ethernet && typeof entry.address === 'string' ? entry.address : null,
      carrier: flags.includes('LOWER_UP'),
    },
  ];
}

interface RouteAnswer {
  readonly device: string;
  readonly source: Ip | null;
  readonly gateway: Ip | null;
}

/** How this host would send to an address; null where it would not, or where the address is its own. */
export function routeTo(ip: Ip, timeoutMs: number): RouteAnswer | null {
  const result = read(['ip', '-j', 'route', 'get', ip], { timeoutMs });
  if (result.kind !== 'ok') return null;
  const [route] = parseArray(result.stdout);
  if (typeof route?.dev !== 'string' || route.type === 'local') return null;
  const text = (field: unknown): Ip | null => (typeof field === 'string' ? (field as Ip) : null);
  return { device: route.dev, source: text(route.prefsrc), gateway: text(route.gateway) };
}

export function neighbourMac(ip: Ip, timeoutMs: number): Mac | null {
  const result = read(['ip', '-j', 'neigh', 'show', 'to', ip], { timeoutMs });
  if (result.kind !== 'ok' || result.stdout.trim() === '') return null;
  const known = parseArray(result.stdout).find(({ lladdr }) => typeof lladdr === 'string');
  return typeof known?.lladdr === 'string' ? known.lladdr : null;
}

/**
 * Removes devices named like a probe's whose process is gone. There should never be any: their far ends live in a namespace that
 * ends with the process. @returns their names
 */
export async function cleanDevices(timeoutMs: number, lockFd: number | null): Promise<readonly string[]> {
  const interfaces = listInterfaces(timeoutMs);
  const names = interfaces.kind === 'value' ? interfaces.value.map(({ name }) => name) : [];
  const removed: string[] = [];
  for (const name of names) {
    const pid = DEVICE_PATTERN.exec(name)?.[1];
    if (pid === undefined || existsSync(`/proc/${Number.parseInt(pid, 36)}`)) continue;
    const result = await change(['ip', 'link', 'del', 'dev', name], { timeoutMs, lockFd });
    if (result.kind === 'ok') removed.push(name);
  }
  return removed;
}
