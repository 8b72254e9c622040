import { existsSync, lstatSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

/** An open socket of the addon. */
export type Handle = { readonly __handle: unique symbol };

/** Events of the addon's one callback: (event), (error, errno) and (messages, how many, their memory). */
export const EVENT = { messages: 0, writable: 1, error: 2, closed: 3 } as const;

/** Bits of the second number of the configuration given to open(). */
export const OPEN = { reuseAddr: 1, reusePort: 2, ipv6Only: 4, strict: 8, allowAll: 16 } as const;

/** What src/native/udp/addon.c exports. A negative number is a negated errno. */
export interface Native {
  open(
    fd: number,
    config: Float64Array,
    allow: Uint8Array,
    resource: object,
    shared: Uint8Array,
    onEvent: (event: number, number: number, memory: ArrayBuffer) => void,
  ): Handle | number;
  bind(handle: Handle, socketAddress: Uint8Array | null): number;
  name(handle: Handle, into: Uint8Array): number;
  poll(handle: Handle, events: number): number;
  flush(handle: Handle, first: number, end: number): number;
  setOption(handle: Handle, level: number, name: number, value: Uint8Array): number;
  getOption(handle: Handle, level: number, name: number, into: Uint8Array): number;
  /** @param untilMs of CLOCK_BOOTTIME (bootMs): the answers hold until then. */
  answer(handle: Handle, entries: Uint8Array | null, untilMs: number): number;
  /** Attaches a classic BPF program (8 bytes an instruction); an empty one takes it away. 0, or a negative errno. */
  filter(handle: Handle, program: Uint8Array): number;
  /** Throws away what waits in the queue; a filter has to keep more from coming. How many, or a negative errno. */
  discard(handle: Handle): number;
  stats(handle: Handle, into: Float64Array): number;
  reference(handle: Handle, hold: 0 | 1): void;
  close(handle: Handle): void;
  interfaceIndex(name: string): number;
  interfaceName(index: number): string;
  pidfdGetsockopt(pid: number, fd: number, level: number, option: number): number;
  /** @param counts of programs to try, arguments and environment in `words`, each ended by NUL. @param child for childFinish */
  childStart(words: Uint8Array, counts: Int32Array, child: Int32Array): number;
  childFinish(
    child: Int32Array,
    input: Uint8Array,
    timeoutMs: number,
    maxBytes: number,
    result: { stdout: string; stderr: string; waitStatus: number },
  ): number;
  /** Whether the kernel has tables of nf_tables: 1 or 0, or a negative errno (-EPERM without CAP_NET_ADMIN). */
  nftTables(): number;
  /** flock(2), exclusive, without waiting: 0, or a negative errno (-EAGAIN: somebody else has it). */
  lock(fd: number): number;
  /** CLOCK_BOOTTIME, milliseconds: it counts a suspend, and no step of the wall clock. */
  bootMs(): number;
  /** Whether a write of at most 4096 bytes would not wait. */
  writable(fd: number): 0 | 1;
  /** Another descriptor for the same open file, which children do not inherit; or a negative errno. */
  duplicate(fd: number): number;
  readonly sourceHash: string;
}

let loaded: Native | undefined;

/**
 * The addon, loaded once. Looks beside the bundle (also beside a single executable, whose __dirname is its own folder), then
 * in the prebuilds/ of the same copy.
 * @throws Error naming every place that was tried: the platform has no addon, or the package is incomplete
 */
export function loadNative(): Native {
  loaded ??= load();
  return loaded;
}

/**
 * getsockopt(2) of an integer option on a descriptor of another process, through pidfd_open(2) and pidfd_getfd(2) (Linux 5.6).
 * @returns the value, or a negated errno: ESRCH, EBADF, EPERM (needs ptrace access: the same user, or CAP_SYS_PTRACE)
 */
export const pidfdGetsockopt = (pid: number, fd: number, level: number, option: number): number =>
  loadNative().pidfdGetsockopt(pid, fd, level, option);

/** Another descriptor for the same open file, which children do not inherit; or a negative errno. */
export const duplicateFd = (fd: number): number => loadNative().duplicate(fd);

function load(): Native {
  const file = `rsprep-${process.arch}.node`;
  const tried: string[] = [];
  for (const folder of folders()) {
    const candidate = path.join(folder, file);
    if (!existsSync(candidate)) {
      tried.push(`${candidate}: not there`);
      continue;
    }
    try {
      return createRequire(candidate)(candidate) as Native;
    } catch (error) {
      tried.push(`${candidate}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  throw new Error(
    `rsprep's UDP addon could not be loaded on ${process.platform} ${process.arch}; expected ${file} for Linux on x64 or arm64.\n` +
      `  ${tried.join('\n  ')}\nIn a checkout, build it with: node scripts/build-native.mjs`,
  );
}

/**
 * Of this very copy: where the program is, and what stands beside the dist/ of a package or checkout. Never further up: on a host the
 * program has a folder of its own, and who may write around that is nobody's business.
 */
function* folders(): Generator<string> {
  const [here, parent] = [path.basename(__dirname), path.dirname(__dirname)];
  if (here === 'udp' && path.basename(parent) === 'src') {
    // The sources, in tests.
    for (const name of ['dist', 'prebuilds']) yield path.join(path.dirname(parent), name);
    return;
  }
  yield __dirname;
  const beside = path.join(parent, 'prebuilds');
  if (here === 'dist' && isOfSameOwner(beside)) yield beside;
}

/** As the program's own folder, or root's; in a shared folder such as /tmp anybody could make it. */
function isOfSameOwner(folder: string): boolean {
  const [stats, own] = [lstatSync(folder, { throwIfNoEntry: false }), lstatSync(__dirname)];
  if (stats === undefined || !stats.isDirectory()) return false;
  return (stats.uid === 0 || stats.uid === own.uid) && (stats.mode & OTHERS_WRITE) === 0;
}

const OTHERS_WRITE = 0o022;
