import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';

export interface Output {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** After this long the command's process group is killed and the call rejects. Default 20 000. */
  readonly timeoutMs?: number;
  /** A network namespace inside the guest (`ip netns`). */
  readonly netns?: string;
}

interface Pending {
  readonly resolve: (code: number) => void;
  readonly reject: (error: Error) => void;
  readonly what: string;
}

/**
 * Runs commands in a guest: the script goes into the shared folder, a line over the guest's first serial port starts
 * it, a line says that it ended, what it printed is in the shared folder (`guest/agent.sh` is the other side). About
 * 30 ms a command, nearly all of it the guest's fork and exec.
 *
 * What a command leaves running must not keep its standard output: the file reaches the host when the last one closes it.
 */
export class Channel {
  readonly #share: string;
  readonly #toGuest: Writable;
  readonly #pending = new Map<string, Pending>();
  #lastId = 0;
  #boots: string[] = [];
  #onBoot: ((bootId: string) => void)[] = [];
  #ended: Error | null = null;

  constructor(share: string, toGuest: Writable, fromGuest: Readable) {
    this.#share = share;
    this.#toGuest = toGuest;
    toGuest.on('error', () => this.end(new Error('the guest closed its serial port')));
    let rest = '';
    fromGuest.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) this.#received(line.trim());
    });
  }

  /** Ids of the boots whose agent reported, oldest first. */
  get boots(): readonly string[] {
    return this.#boots;
  }

  /** Runs a bash script. A non-zero exit code is a result, not an error. */
  async sh(script: string, options: RunOptions = {}): Promise<Output> {
    if (this.#ended) throw this.#ended;
    const id = String(++this.#lastId);
    const file = (suffix: string): string => join(this.#share, `${id}.${suffix}`);
    const inside =
      options.netns === undefined ? script : `exec ip netns exec ${options.netns} bash -c ${quote(script)}`;
    writeFileSync(file('sh'), `${inside}\n`);
    const timeoutMs = options.timeoutMs ?? 60_000;
    try {
      const code = await this.#run(id, script, timeoutMs);
      return { code, stdout: readFileSync(file('out'), 'utf8'), stderr: readFileSync(file('err'), 'utf8') };
    } finally {
      for (const suffix of ['sh', 'out', 'err']) rmSync(file(suffix), { force: true });
    }
  }

  /** Runs one command without a shell's word splitting. */
  exec(argv: readonly string[], options: RunOptions = {}): Promise<Output> {
    return this.sh(`exec ${argv.map(quote).join(' ')}`, options);
  }

  /** Like `sh`, but rejects unless the script succeeds; resolves to its standard output. */
  async ok(script: string, options: RunOptions = {}): Promise<string> {
    const { code, stdout, stderr } = await this.sh(script, options);
    if (code !== 0) throw new Error(`in the guest, exit ${code}:\n${script}\n${stderr}${stdout}`);
    return stdout;
  }

  /** Resolves with the boot id once the agent has reported for the `count`th time (1 is the first boot). */
  async booted(count: number, timeoutMs: number): Promise<string> {
    return await new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`boot ${count} of the guest did not report within ${timeoutMs} ms`)),
        timeoutMs,
      );
      const look = (): void => {
        const bootId = this.#boots[count - 1];
        if (bootId === undefined && !this.#ended) this.#onBoot.push(look);
        else {
          clearTimeout(timer);
          if (bootId !== undefined) resolve(bootId);
          else reject(this.#ended ?? new Error('unreachable'));
        }
      };
      look();
    });
  }

  /** The guest is gone: everything under way fails with `why`. */
  end(why: Error): void {
    this.#ended ??= why;
    this.#failPending(why.message);
    for (const look of this.#onBoot.splice(0)) look('');
  }

  #run(id: string, what: string, timeoutMs: number): Promise<number> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        clearInterval(poke);
        this.#pending.delete(id);
        this.#toGuest.write(`kill ${id}\n`);
        reject(new Error(`in the guest, not finished after ${timeoutMs} ms, killed:\n${what}`));
      }, timeoutMs);
      // UML can miss the signal that says its serial port has input; the next byte is then what makes it look. The agent
      // ignores empty lines.
      const poke = setInterval(() => this.#toGuest.write('\n'), POKE_MS);
      const settled = <T>(settle: (value: T) => void) => {
        return (value: T): void => {
          clearTimeout(timer);
          clearInterval(poke);
          settle(value);
        };
      };
      this.#pending.set(id, { resolve: settled(resolve), reject: settled(reject), what });
      this.#toGuest.write(`run ${id}\n`);
    });
  }

  #received(line: string): void {
    const [verb, a = '', b = ''] = line.split(' ');
    if (verb === 'ready') {
      this.#failPending('the guest rebooted');
      this.#boots.push(a);
      for (const look of this.#onBoot.splice(0)) look(a);
    } else if (verb === 'done') {
      this.#pending.get(a)?.resolve(Number(b));
      this.#pending.delete(a);
    }
  }

  #failPending(why: string): void {
    for (const pending of this.#pending.values()) pending.reject(new Error(`${why} during:\n${pending.what}`));
    this.#pending.clear();
  }
}

const POKE_MS = 250;

/** For bash: one word, whatever it contains. */
const quote = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;
