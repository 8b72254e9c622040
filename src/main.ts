import { fstatSync, writeSync } from 'node:fs';
import { calledCommand } from './cli/commands/registry.ts';
import type { Io } from './cli/context.ts';
import { runProgram } from './cli/program.ts';
import { type CodeCache, WRITE_CODE_CACHE, writeCache } from './code-cache.ts';
import { escapeText } from './core/escape.ts';
import { EXIT, PLUGIN } from './core/report/exit-code.ts';
import { safe } from './format/safe-text.ts';
import { errorCode } from './linux/files/errors.ts';

/** sysexits(3) EX_SOFTWARE: a bug of ours, never mistaken for a verdict. */
const EXIT_BUG = 70;

/** Of the loader. */
declare const codeCache: CodeCache;

/** The composition root: the only place that knows process, and the only caller of process.exit. */
function main(): void {
  // A hardened root shell has 077: then nobody but root could read the ledger and the sysctl file, verify among them.
  process.umask(0o022);
  let exitCode = EXIT_BUG;
  const io: Io = {
    out: (text) => write(1, text.toString()),
    err: (text) => write(2, text.toString()),
    outIsTerminal: isTerminal(1),
    errIsTerminal: isTerminal(2),
    env: process.env,
    self: [process.execPath, process.argv[1] ?? ''],
    deferSignals,
    onStop: (handler) => {
      process.on('SIGINT', handler);
      process.on('SIGTERM', handler);
    },
    setExitCode: (code) => {
      exitCode = code;
    },
  };
  process.on('uncaughtException', bug);
  const argv = process.argv.slice(2);
  const ended = argv[0] === WRITE_CODE_CACHE ? writeCodeCache(io) : runProgram(argv, io);
  ended.then(() => process.exit(exitCode), bug);
}

/** `rsprep.cjs --write-code-cache`, for build and install alone: prints where the cache is, and whether this run started from one. */
async function writeCodeCache(io: Io): Promise<void> {
  const { warmUp } = await import('./cli/warm-up.ts');
  await warmUp(io);
  writeCache(codeCache.path, codeCache.program, codeCache.compiled());
  io.out(safe`${codeCache.isUsed ? 'renewed' : 'made'} ${codeCache.path}\n`);
  io.setExitCode(0);
}

/** process.stdout loads Node's streams and sockets, a fifth of a start: it is asked only where there can be a terminal. */
function isTerminal(fd: 1 | 2): boolean {
  try {
    const { rdev, ...stats } = fstatSync(fd);
    // Major 1 are the memory devices, /dev/null among them (Documentation/admin-guide/devices.txt).
    if ((stats.mode & S_IFMT) !== S_IFCHR || (rdev >> 8) % 4096 === 1) return false;
  } catch {
    return false; // closed
  }
  return (fd === 1 ? process.stdout : process.stderr).isTTY === true;
}

/** inode(7): the kind of file, and that of a character device. */
const [S_IFMT, S_IFCHR] = [0o170000, 0o020000];

/** What a machine can do to any program at any call, where that call had no answer of its own to it: a broken disk, a full table. */
const OF_THE_MACHINE = [
  'EDQUOT',
  'EFBIG',
  'EIO',
  'EMFILE',
  'ENFILE',
  'ENOMEM',
  'ENOSPC',
  'EROFS',
  'ESTALE',
  'ERR_SYSTEM_ERROR',
];

/** Node would end with 1, which is WARNING to a monitoring system and "could not tell" to everybody else. */
function bug(error: unknown): never {
  const isPlugin = calledCommand(process.argv.slice(2)) === 'check';
  if (error instanceof Error && OF_THE_MACHINE.includes(errorCode(error) ?? '')) {
    if (isPlugin) write(1, 'RSPREP UNKNOWN - this machine failed; what it said is on standard error\n');
    const next = 'see `dmesg`, `df` and `ulimit -n`; then run it again: what was begun is finished or taken back';
    write(
      2,
      `rsprep: this machine failed, and the run ended before it was through: ${escapeText(error.message)}\n  next: ${next}\n`,
    );
    process.exit(isPlugin ? PLUGIN.unknown : EXIT.failed);
  }
  if (isPlugin) write(1, 'RSPREP UNKNOWN - rsprep itself failed; its message is on standard error\n');
  const [said, where] =
    error instanceof Error ? [`${error.name}: ${error.message}`, framesOf(error)] : [String(error), ''];
  write(2, `rsprep: this is a bug in rsprep: ${escapeText(said)}\n${where}`);
  process.exit(isPlugin ? PLUGIN.unknown : EXIT_BUG);
}

/** Where it was thrown: the stack behind the message, which may hold text of others. */
function framesOf({ stack = '', message }: Error): string {
  const frames = stack.slice(stack.indexOf(message) + message.length).split('\n');
  return frames.map((line) => (line === '' ? '' : `${escapeText(line)}\n`)).join('');
}

/** Whole and in order, also into a pipe: process.exit would cut off what a stream still holds. */
function write(fd: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let offset = 0; offset < bytes.length; ) {
    try {
      offset += writeSync(fd, bytes, offset);
    } catch (error) {
      const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
      // Nobody reads the result any more; but a message that nobody reads must not stop an apply in the middle.
      if (code === 'EPIPE' && fd === 1) process.exit(141);
      if (code !== 'EAGAIN' && fd === 1) {
        write(2, `rsprep: the result could not be written: ${code}\n`);
        process.exit(1);
      }
      if (code !== 'EAGAIN') return;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}

function deferSignals(): () => boolean {
  let seen = 0;
  const onSignal = (signal: NodeJS.Signals): void => {
    seen += 1;
    if (seen > 1) process.exit(128 + (signal === 'SIGINT' ? 2 : 15));
    write(
      2,
      `rsprep: ${signal}: finishing the current step, then taking back what was done; send it again to stop at once\n`,
    );
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  process.on('SIGHUP', onSignal);
  return () => seen > 0;
}

main();
