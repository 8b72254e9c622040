import { join } from 'node:path';

/**
 * Where files are. `--root` goes before everything under /etc, /var, /run and /usr/lib; never before /proc and /sys,
 * which are the kernel and not files.
 */
export class Paths {
  readonly root: string;

  constructor(root: string) {
    this.root = root;
  }

  /** @param path absolute, below /etc, /var, /run or /usr/lib. */
  at(path: string): string {
    return this.root === '/' ? path : join(this.root, path);
  }
}

export const LOCK_PATH = '/run/rsprep/lock';
export const MACHINE_ID_PATH = '/etc/machine-id';
