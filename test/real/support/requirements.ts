import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const COMMANDS: readonly { readonly command: string; readonly from: string }[] = [
  { command: 'linux.uml', from: 'Debian package user-mode-linux' },
  { command: 'mmdebstrap', from: 'Debian package mmdebstrap' },
  { command: 'ip', from: 'Debian package iproute2' },
  { command: 'nft', from: 'Debian package nftables' },
  { command: 'unshare', from: 'Debian package util-linux' },
  { command: 'setpriv', from: 'Debian package util-linux' },
  { command: 'nsenter', from: 'Debian package util-linux' },
  { command: 'cc', from: 'Debian packages gcc and libc6-dev' },
];

/**
 * What this machine lacks for the real-kernel tests, one readable line each; empty when they can run.
 * The test runner prints these as "not run: needs …", so that an incapable machine never looks like a pass.
 */
export function missing(): string[] {
  const lacks: string[] = [];
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    lacks.push(
      `Linux on x86-64 (this is ${process.platform} on ${process.arch}): user-mode-linux exists for nothing else`,
    );
  }
  if (process.getuid?.() !== 0) lacks.push('root (namespaces, mounts and raw sockets)');
  for (const { command, from } of COMMANDS) {
    if (!onPath(command)) lacks.push(`${command} (${from})`);
  }
  if (onPath('linux.uml') && !existsSync(UML_MODULES)) {
    lacks.push(`${UML_MODULES} (Debian package user-mode-linux; a docker image may have excluded it)`);
  }
  return lacks;
}

/** Where Debian's user-mode-linux keeps its kernel modules; holds one directory, named after the kernel's release. */
const UML_MODULES = '/usr/lib/uml/modules';

function onPath(command: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, command), constants.X_OK);
      return true;
    } catch {
      return false; // not there, or not for us: the same to this question
    }
  });
}
