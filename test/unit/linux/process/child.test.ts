// Real programs, through the addon: what observation depends on when ip(8) is missing, hangs, floods or is killed.
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type Child, type Ended, startChild } from '../../../../src/linux/process/child.ts';

const PATH = '/usr/sbin:/usr/bin:/sbin:/bin';
const folder = mkdtempSync(join(tmpdir(), 'rsprep-child-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function run(argv: readonly [string, ...string[]], input = '', timeoutMs = 20_000, environment = { PATH }): Ended {
  const child: Child = startChild(argv, environment);
  child.send(input);
  return child.finish(timeoutMs);
}

const shell = (script: string, input = '', timeoutMs = 20_000): Ended => run(['sh', '-c', script], input, timeoutMs);
const read = (file: string): string => readFileSync(file, 'utf8');
const openFiles = (): number => readdirSync('/proc/self/fd').length;

describe('a child that only reads', () => {
  it('gives its exit status, standard output and standard error', () => {
    expect(shell('echo out; echo err >&2; exit 7')).toEqual({
      kind: 'exited',
      status: 7,
      stdout: 'out\n',
      stderr: 'err\n',
    });
  });

  it('gets exactly the environment given, an empty signal mask, and SIGPIPE as usual', () => {
    const text = run(['cat', '/proc/self/environ', '/proc/self/status'], '', 20_000, { PATH, LC_ALL: 'C' } as {
      PATH: string;
    });
    expect(text).toMatchObject({ kind: 'exited', status: 0 });
    const { stdout } = text as Extract<Ended, { kind: 'exited' }>;
    expect(stdout.slice(0, stdout.indexOf('Name:'))).toBe(`PATH=${PATH}\0LC_ALL=C\0`);
    expect(stdout).toMatch(/SigBlk:\t0+\n/);
    const ignored = BigInt(`0x${/SigIgn:\t([0-9a-f]+)/.exec(stdout)?.[1]}`);
    expect(ignored & (1n << 12n)).toBe(0n); // SIGPIPE is 13, and Node ignores it
  });

  it('inherits no descriptor but its three', () => {
    // What this test was itself given to pass on (FD_CLOEXEC is 02000000 in fdinfo) comes through any exec.
    const flags = (fd: string): number =>
      Number.parseInt(/flags:\s*(\d+)/.exec(read(`/proc/self/fdinfo/${fd}`))?.[1] ?? '0', 8);
    const given = readdirSync('/proc/self/fd').filter((fd) => Number(fd) > 2 && existsSync(`/proc/self/fd/${fd}`));
    const passed = given.filter((fd) => (flags(fd) & 0o2000000) === 0);
    const { stdout } = shell('ls /proc/self/fd') as Extract<Ended, { kind: 'exited' }>;
    const theirs = stdout.split('\n').filter((fd) => fd !== '' && !passed.includes(fd));
    expect(theirs.sort()).toEqual(['0', '1', '2', '3']); // 3 is the directory itself
  });

  it('takes input and gives output larger than a pipe, as UTF-8', () => {
    const text = 'wörd '.repeat(400_000);
    expect(run(['cat'], text)).toEqual({ kind: 'exited', status: 0, stdout: text, stderr: '' });
  });

  it('may end without reading its input', () => {
    expect(shell('exec <&-; exit 3', 'x'.repeat(1_000_000))).toMatchObject({ kind: 'exited', status: 3 });
    expect(run(['true'], 'x'.repeat(1_000_000))).toMatchObject({ kind: 'exited', status: 0 });
  });

  it('works before it is asked', () => {
    const file = join(folder, 'begun');
    const child = startChild(['sh', '-c', `echo yes > ${file}; cat`], { PATH });
    const until = Date.now() + 10_000;
    while (!readdirSync(folder).includes('begun') && Date.now() < until);
    expect(readdirSync(folder)).toContain('begun');
    child.send('later');
    expect(child.finish(20_000)).toMatchObject({ stdout: 'later' });
  });

  it('is killed when it hangs, also when a child of its own holds the pipes', () => {
    const started = performance.now();
    expect(run(['sleep', '60'], '', 200)).toEqual({ kind: 'timeout' });
    expect(shell('sleep 5 & sleep 60', '', 200)).toEqual({ kind: 'timeout' });
    expect(performance.now() - started).toBeLessThan(4000);
  });

  it('tells what it was killed by', () => {
    expect(shell('kill -SEGV $$')).toEqual({ kind: 'killed', signal: 'SIGSEGV' });
  });

  it('is missing, or there and no program', () => {
    expect(run(['rsprep-no-such-program'])).toEqual({ kind: 'missing' });
    expect(run(['/nonexistent/ip'])).toEqual({ kind: 'missing' });
    const file = join(folder, 'ip');
    writeFileSync(file, 'neither script nor ELF');
    expect(run(['ip'], '', 20_000, { PATH: folder })).toEqual({
      kind: 'broken',
      reason: 'cannot be started: permission denied (EACCES)',
    });
    chmodSync(file, 0o755);
    expect(run(['ip'], '', 20_000, { PATH: folder })).toEqual({ kind: 'broken', reason: 'cannot be started: ENOEXEC' });
    // The next folder in PATH has a good one.
    expect(run(['ip', '-V'], '', 20_000, { PATH: `${folder}:${PATH}` })).toMatchObject({ kind: 'exited', status: 0 });
  });

  it('leaves no descriptor and no zombie behind', () => {
    run(['true']);
    const before = openFiles();
    for (let i = 0; i < 50; i += 1) {
      run(['true'], 'input');
      run(['rsprep-no-such-program']);
    }
    run(['sleep', '60'], '', 50);
    expect(openFiles()).toBe(before);
    expect(shell(`ps -o stat= --ppid ${process.pid} | grep -c Z`)).toMatchObject({ stdout: '0\n' });
  });
});
