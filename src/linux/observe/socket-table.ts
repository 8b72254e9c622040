import { closeSync, openSync, readSync } from 'node:fs';
import type { Ip } from '../../core/model/names.ts';
import { type Reading, unreadable, value } from '../../core/model/reading.ts';
import { causeOf, errorText, isAbsent } from '../files/errors.ts';
import { ipOfWords } from './kernel-hex.ts';

/** One line of /proc/net/{tcp,tcp6,udp,udp6} (proc(5)). */
export interface TableSocket {
  readonly protocol: 'tcp' | 'udp';
  readonly family: 4 | 6;
  readonly address: Ip;
  readonly port: number;
  readonly inode: string;
}

const TABLES = [
  ['tcp', 4, 'tcp'],
  ['tcp', 6, 'tcp6'],
  ['udp', 4, 'udp'],
  ['udp', 6, 'udp6'],
] as const;

/** TCP_LISTEN and TCP_CLOSE (include/net/tcp_states.h): the latter is what an unconnected UDP socket has. */
const WAITS = { tcp: '0A', udp: '07' } as const;

/**
 * Sockets that wait for anybody's packets on one of the ports.
 * @param ports `tcp/443`, `udp/53` …
 * @param net of another process's network namespace, `/proc/PID/net`
 */
export function readSocketTable(ports: ReadonlySet<string>, net = '/proc/net'): Reading<readonly TableSocket[]> {
  const found: TableSocket[] = [];
  for (const [protocol, family, name] of TABLES) {
    const numbers = [...ports].filter((port) => port.startsWith(protocol)).map((port) => Number(port.slice(4)));
    if (numbers.length === 0) continue;
    const wanted = new Set(numbers.map((port) => port.toString(16).toUpperCase().padStart(4, '0')));
    const file = `${net}/${name}`;
    try {
      found.push(...readTable(file, protocol, family, wanted));
    } catch (error) {
      // A kernel without IPv6 has no tcp6.
      if (!isAbsent(error) || family === 4) return unreadable(causeOf(error), `${file}: ${errorText(error)}`);
    }
  }
  return value(found);
}

/**
 * Of TCP's table only the listeners, which come first (tcp_get_idx), so that a host with 100 000 connections does not print them
 * all for us.
 */
function readTable(file: string, protocol: 'tcp' | 'udp', family: 4 | 6, wanted: ReadonlySet<string>): TableSocket[] {
  const found: TableSocket[] = [];
  const fd = openSync(file, 'r');
  const chunk = Buffer.allocUnsafe(65_536);
  try {
    let rest = '';
    for (let size = readSync(fd, chunk); size > 0; size = readSync(fd, chunk)) {
      const lines = (rest + chunk.toString('latin1', 0, size)).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const { address, port, state } = columns(line, family);
        if (state === 'st') continue; // the heading
        if (protocol === 'tcp' && state !== WAITS.tcp) return found;
        if (state !== WAITS[protocol] || !wanted.has(port)) continue;
        const inode = line.trim().split(/\s+/)[9] ?? '';
        found.push({ protocol, family, address: toIp(address), port: Number.parseInt(port, 16), inode });
      }
    }
  } finally {
    closeSync(fd);
  }
  return found;
}

/** `  12: 0100007F:0035 00000000:0000 0A …`: by position, because most lines are of no interest. */
function columns(line: string, family: 4 | 6): { address: string; port: string; state: string } {
  const digits = family === 4 ? 8 : 32;
  const start = line.indexOf(':') + 2;
  const port = start + digits + 1;
  const state = port + 5 + digits + 6;
  if (line.trimStart().startsWith('sl')) return { address: '', port: '', state: 'st' };
  return {
    address: line.slice(start, start + digits),
    port: line.slice(port, port + 4),
    state: line.slice(state, state + 2),
  };
}

/** A dual-stack socket prints IPv4 as IPv4-mapped. */
const toIp = (hex: string): Ip => ipOfWords(hex.replace(/^0{16}FFFF0{4}(?=.{8}$)/i, ''));
