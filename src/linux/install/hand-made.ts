import { type Stats, statSync } from 'node:fs';
import { errorCode } from '../files/errors.ts';
import { readText } from '../files/files.ts';
import { namesOrNone } from '../files/folders.ts';
import type { Paths } from '../files/paths.ts';

/** One line of a hand-made setup of a real server. */
export interface HandMade {
  readonly path: string;
  /** From 1. */
  readonly line: number;
  readonly text: string;
  /** What to do about it once `rsprep apply` has adopted what it made. */
  readonly advice: string;
}

const FOLDERS = [
  ...['/usr/local/bin', '/usr/local/sbin', '/opt', '/root', '/etc/init.d', '/etc/cron.d', '/etc/network/interfaces.d'],
  ...[
    '/etc/network/if-up.d',
    '/etc/network/if-pre-up.d',
    '/etc/sysctl.d',
    '/etc/systemd/system',
    '/var/spool/cron/crontabs',
  ],
  ...['/etc/sysconfig/network-scripts', '/etc/NetworkManager/dispatcher.d', '/etc/udev/rules.d', '/etc/dsr.d'],
];
const FILES = ['/etc/rc.local', '/etc/rc.d/rc.local', '/etc/crontab', '/etc/network/interfaces', '/etc/sysctl.conf'];
/** A script is small; anything larger is a program. */
const LARGEST_BYTES = 128 * 1024;
const OURS = /\/(rsprep[^/]*|99-zz-rsprep\.conf)$/;
/** dsr.conf(5) of dsrtools: one VIP a line, for L3DSR with `=` and a DSCP value. It reads only *.conf. */
const DSRTOOLS = /^\/etc\/dsr\.d\/[^/]+\.conf$/;
const SIGNS = /lvs_rs|arp_(?:ignore|announce)|\blo:\d+\b|\/32 dev lo\b|^DEVICE=lo:/;

/** Looks where people put such things: scripts that add the VIP to lo, what starts them, and ARP sysctls beside ours. */
export function findHandMade(paths: Paths): readonly HandMade[] {
  const listed = FOLDERS.flatMap((folder) => namesOrNone(paths.at(folder)).map((name) => `${folder}/${name}`));
  return [...FILES, ...listed].filter((path) => !OURS.test(path)).flatMap((path) => linesOf(paths, path).slice(0, 3));
}

/** Null for what cannot be looked at, such as a link that leads to itself. */
function statsOf(path: string): Stats | null {
  try {
    return statSync(path);
  } catch (error) {
    if (errorCode(error) === null) throw error;
    return null;
  }
}

function linesOf(paths: Paths, path: string): readonly HandMade[] {
  const stats = statsOf(paths.at(path));
  if (!stats?.isFile() || stats.size > LARGEST_BYTES) return [];
  const text = readText(paths.at(path));
  if (text.kind !== 'value' || text.value.includes('\u0000')) return [];
  return text.value.split('\n').flatMap((line, index): readonly HandMade[] => {
    const trimmed = line.trim();
    if (trimmed.startsWith('#') || !(DSRTOOLS.test(path) ? trimmed !== '' : SIGNS.test(trimmed))) return [];
    return [{ path, line: index + 1, text: trimmed.slice(0, 100), advice: adviceFor(path, trimmed) }];
  });
}

function adviceFor(path: string, line: string): string {
  if (DSRTOOLS.test(path)) {
    return line.includes('=')
      ? 'L3DSR, which rsprep does not do: leave this VIP to dsrtools, and out of the configuration'
      : `rm ${path}, then systemctl disable dsr.service (while the file is there, stopping it takes the VIP away)`;
  }
  if (/\.service$/.test(path)) {
    const unit = path.slice(path.lastIndexOf('/') + 1);
    return `systemctl disable ${unit} && rm ${path}`;
  }
  if (/^\/(usr\/local|opt|root|etc\/init\.d)\//.test(path) || /ifcfg-lo:/.test(path)) return `rm ${path}`;
  return `delete that line from ${path}`;
}
