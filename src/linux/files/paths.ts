import { chase } from './chase.ts';

/** Of all file systems that Linux has (limits.h). */
const NAME_MAX = 255;

/**
 * Where files are. `--root` goes before everything under /etc, /var, /run and /usr/lib; never before /proc and /sys,
 * which are the kernel and not files.
 */
export class Paths {
  readonly root: string;

  constructor(root: string) {
    this.root = root;
  }

  /**
   * For reading what is there. Below a `--root` every link is followed as on the host that the root is for.
   * @param path absolute, below /etc, /var, /run or /usr/lib.
   */
  at(path: string): string {
    return this.root === '/' ? path : this.below(path, 'follow');
  }

  /** The same, but a link at the end is not followed: for who asks about the link itself. */
  linkAt(path: string): string {
    return this.root === '/' ? path : this.below(path, 'keep');
  }

  private below(path: string, last: 'follow' | 'keep'): string {
    const base = this.root.replace(/\/+$/, '');
    try {
      return base + chase(this.root, path, { last });
    } catch {
      // The kernel would follow the same links outside of the root. A name that no file system takes is refused to whoever uses it.
      return `${base}/(links that lead in a circle: ${path.replaceAll('/', ' ').trim()})${'.'.repeat(NAME_MAX)}`;
    }
  }
}

export const LOCK_PATH = '/run/rsprep/lock';
export const MACHINE_ID_PATH = '/etc/machine-id';
