// The lab: what it shows, on what it falls back, and that nothing of it is left, however it ends.
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { killTree, type Outcome, type RunOptions, run, type Started, sleep, start } from '../support/process.ts';
import { startReaper, uniqueFolder } from '../support/reaper.ts';
import { bundle } from '../support/rsprep.ts';

const NOBODY = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
const STEPS = ['unprepared', 'apply', 'verify', 'requests', 'arp'];
const BREAKS = ['break-arp', 'name-arp', 'fix-arp', 'break-vip', 'name-vip', 'fix-vip'];

let folder: string;
let program: string;

beforeAll(() => {
  startReaper();
  // Where nobody can read it, wherever the checkout is.
  folder = uniqueFolder();
  mkdirSync(folder);
  chmodSync(folder, 0o755);
  cpSync(dirname(bundle), join(folder, 'dist'), { recursive: true });
  program = join(folder, 'dist/rsprep.cjs');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Options extends RunOptions {
  readonly as?: readonly string[];
}

const lab = (words: readonly string[], { as = [], ...options }: Options = {}): Started =>
  start([...as, process.execPath, program, 'lab', ...words], { timeoutMs: 60_000, ...options });

interface Document {
  readonly exit_code: number;
  readonly director: { readonly mode: string; readonly why: string | null } | null;
  readonly steps: readonly { readonly id: string; readonly ok: boolean; readonly data: Record<string, unknown> }[];
  readonly failure: { readonly message: string; readonly next: string } | null;
}

const documentOf = ({ stdout }: Outcome): Document => JSON.parse(stdout);

/** Processes of the lab which that command started, and of its parts: by their titles and by this test's copy of the program. */
function processes(id: number | undefined): readonly string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
        return words.startsWith(`rsprep lab ${id}: `) || words.includes(program) ? [`${pid} ${words}`] : [];
      } catch {
        return []; // it ended meanwhile
      }
    });
}

/** What a lab could leave on the machine itself. */
const machine = (): unknown => ({
  links: run(['ip', '-br', 'link']).stdout,
  addresses: run(['ip', '-br', 'address']).stdout,
  namespaces: run(['ip', 'netns', 'list']).stdout.replace(/^rsp\d+-.*\n/gm, ''),
  mounts: readFileSync('/proc/self/mountinfo', 'utf8').includes('rsprep-lab'),
  sysctls: run(['sh', '-c', 'cat /proc/sys/net/ipv4/conf/*/arp_*']).stdout,
});

async function expectNothingLeft(id: number | undefined): Promise<void> {
  await expect.poll(() => processes(id), { timeout: 5_000, interval: 20 }).toEqual([]);
}

const mayMakeUserNamespaces = (): boolean =>
  run([...NOBODY, 'unshare', '--user', '--map-root-user', '--net', '--mount', 'mount', '-t', 'tmpfs', 't', '/mnt'])
    .code === 0;

describe('rsprep lab', () => {
  it('shows all of it to a person, in plain text in a pipe, and leaves nothing', async () => {
    const before = machine();
    const { child, done } = lab([]);
    const { code, stdout, stderr } = await done;
    expect(`${stderr}${stdout.split('\n').at(-2)}`).toMatch(/^lab: everything as expected, 11 steps/);
    expect(code).toBe(0);
    expect(stdout).not.toContain('\u001b');
    expect(stdout).toContain('switch');
    expect(stdout).toMatch(/director {2}(IPVS|nftables|none)/);
    expect(stdout).toMatch(/TCP 192\.0\.2\.100:80 .* answered from 192\.0\.2\.100$/m);
    expect(stdout).toMatch(/UDP 192\.0\.2\.100:7 .* answered from 192\.0\.2\.100$/m);
    expect(stdout).toContain('each asked alone: director answers, rs1 is silent, rs2 is silent');
    expect(stdout).toContain('each asked alone: director answers, rs1 answers, rs2 is silent');
    expect(stdout).toMatch(/\| CRITICAL arp-ignore@all/);
    expect(stdout).toMatch(/\| HIGH +vip-missing@192\.0\.2\.100/);
    await expectNothingLeft(child.pid);
    expect(machine()).toEqual(before);
  });

  it('gives one document for a program', async () => {
    const { code, stdout, stderr } = await lab(['--format', 'json']).done;
    expect(stderr).toBe('');
    expect(code).toBe(0);
    const { exit_code, steps, failure } = documentOf({ code, stdout, stderr, signal: null });
    expect({ exit_code, failure }).toEqual({ exit_code: 0, failure: null });
    expect(steps.filter(({ ok }) => ok).map(({ id }) => id)).toEqual([...STEPS, ...BREAKS]);
    const data = (id: string): unknown => steps.find((step) => step.id === id)?.data;
    expect(data('arp')).toMatchObject({
      vips: [{ answers_when_asked_alone: { director: true, rs1: false, rs2: false } }, {}],
    });
    expect(data('name-arp')).toEqual({ rs1: { exit_code: 2, findings: ['arp-ignore@all'] } });
    expect(data('name-vip')).toEqual({ rs2: { exit_code: 2, findings: ['vip-missing@192.0.2.100'] } });
    expect(data('break-vip')).toMatchObject({ requests: [{ flows_by_server: { rs1: expect.any(Number) } }, {}] });
  });

  it('works for a user who is not root, or says what would let it', async () => {
    const allowed = mayMakeUserNamespaces();
    const { child, done } = lab([], { as: NOBODY, cwd: '/' });
    const { code, stdout, stderr } = await done;
    if (allowed) {
      expect(`${stderr}${stdout.split('\n').at(-2)}`).toMatch(/^lab: everything as expected/);
      expect(code).toBe(0);
    } else {
      expect(stderr).toMatch(/may not make network namespaces.*\n {2}next: run it with sudo/s);
      expect(code).toBe(1);
    }
    await expectNothingLeft(child.pid);
  });

  it('runs beside another one', async () => {
    const [first, second] = [lab(['-q']), lab(['-q'])];
    for (const { child, done } of [first, second]) {
      expect(await done).toMatchObject({ code: 0, stdout: '', stderr: '' });
      await expectNothingLeft(child.pid);
    }
  });

  it('colours a terminal, unless NO_COLOR says otherwise', () => {
    const inTerminal = (env: NodeJS.ProcessEnv): string =>
      run(['script', '-qec', `${process.execPath} ${program} lab --director neighbour`, '/dev/null'], {
        env: { PATH: process.env.PATH, TERM: 'xterm', ...env },
        timeoutMs: 60_000,
      }).stdout;
    const green = '\u001b[32m';
    expect(inTerminal({})).toContain(`${green}lab: everything as expected`);
    expect(inTerminal({ NO_COLOR: '1' })).not.toContain(green);
  });
});

describe('the director', () => {
  it.each(['nft', 'neighbour'])('can be %s', async (mode) => {
    const outcome = await lab(['--director', mode, '--format', 'json']).done;
    const { director, steps, failure } = documentOf(outcome);
    expect(failure).toBeNull();
    expect(director).toMatchObject({ mode, why: `--director ${mode} was asked for` });
    // Both protocols reach both real servers, and a TCP connection stays with one.
    const requests = steps.find(({ id }) => id === 'requests')?.data.requests as Record<string, unknown>[];
    for (const row of requests) {
      expect(row).toMatchObject({
        unanswered: 0,
        torn: 0,
        replies_by_source: { [String(row.vip)]: expect.any(Number) },
      });
      expect(Object.keys(row.flows_by_server as object)).toEqual(['rs1', 'rs2']);
    }
    expect(outcome.code).toBe(0);
  });

  it('is IPVS, or the lab says why not', async () => {
    const outcome = await lab(['--director', 'ipvs', '--format', 'json']).done;
    const { director, failure } = documentOf(outcome);
    if (outcome.code === 0) expect(director).toEqual(expect.objectContaining({ mode: 'ipvs', why: null }));
    else expect(failure?.message).toMatch(/^--director ipvs: no IPVS: \w/);
  });

  it('is done without where neither ipvsadm nor nft is installed', async () => {
    const outcome = await lab(['--format', 'json'], { as: without('ipvsadm', 'nft', 'arping', 'modprobe') }).done;
    const { director, failure } = documentOf(outcome);
    expect(failure).toBeNull();
    expect(director?.mode).toBe('neighbour');
    expect(director?.why).toMatch(/^no IPVS: .*; no nftables: nft is not installed$/);
    expect(outcome.code).toBe(0);
  });
});

describe('what cannot be', () => {
  it('says so where ip is not installed', async () => {
    const { code, stdout, stderr } = await lab([], { as: without('ip') }).done;
    expect(stderr).toBe(
      'rsprep lab: `ip` is not installed, and the lab cannot be built without it\n  next: install the package iproute2\n',
    );
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  });

  it('says what it expected and received, and exits 1, when rsprep fails in it', async () => {
    const { child, done } = lab([], { as: withIpThatAddsNoVip() });
    const { code, stdout } = await done;
    expect(stdout).toMatch(/^FAILED rsprep apply, in both real servers/m);
    expect(stdout).toMatch(/expected `rsprep apply` in rs1 to exit 0\n +received exit \d+/);
    expect(stdout).toMatch(/^lab: not as expected: 1 steps? as expected, then `apply` was not/m);
    expect(code).toBe(1);
    await expectNothingLeft(child.pid);
  });

  it('refuses a director there is none of', async () => {
    const { code, stderr } = await lab(['--director', 'magic']).done;
    expect(stderr).toContain('--director: expected auto, ipvs, nft or neighbour, received "magic"');
    expect(code).toBe(64);
  });
});

describe('an interrupted lab', () => {
  const signals = [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const;
  it.each(signals.flatMap(([name, code]) => [150, 500, 1_200].map((ms) => [name, ms, code] as const)))(
    'by %s after %d ms leaves nothing',
    async (name, ms, code) => {
      const before = machine();
      const { child, done } = lab(['--keep']);
      await sleep(ms);
      child.kill(name);
      const outcome = await done;
      // Node itself takes some 50 ms until it can hear of a signal.
      expect(outcome.code ?? outcome.signal).toBe(outcome.code === null ? name : code);
      await expectNothingLeft(child.pid);
      expect(machine()).toEqual(before);
    },
  );

  it('says that it is gone', async () => {
    const { child, done } = lab([]);
    await new Promise((stands) => child.stdout?.once('data', stands));
    child.kill('SIGINT');
    const { code, stdout } = await done;
    expect(stdout).toMatch(/^interrupted by SIGINT after \d+\.\d s: the lab is gone: hosts, processes, files$/m);
    expect(code).toBe(130);
    expect(processes(child.pid)).toEqual([]); // at once, not a moment later
  });

  it.each([100, 300, 800, 1_500])('killed outright after %d ms leaves nothing either', async (ms) => {
    const { child, done } = lab([]);
    await sleep(ms);
    child.kill('SIGKILL');
    await done;
    await expectNothingLeft(child.pid);
  });
});

describe('--keep', () => {
  const users = [
    ['root', [] as readonly string[]],
    ['a user who is not root', NOBODY],
  ] as const;

  it.each(users)('leaves a lab standing that %s can enter, use and take down', async (_user, as) => {
    if (as === NOBODY && !mayMakeUserNamespaces()) {
      // Then there is nothing to keep; the test above sees to the message.
      expect((await lab(['--keep'], { as, cwd: '/' }).done).code).toBe(1);
      return;
    }
    const { child, done } = lab(['--keep', '--director', 'neighbour'], { as, cwd: '/' });
    try {
      const { code, stdout, stderr } = await done;
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(processes(child.pid).some((line) => line.includes(`rsprep lab ${child.pid}: kept`))).toBe(true);
      const commands = (what: RegExp): readonly string[] =>
        [...stdout.matchAll(what)].map(([, command]) => command ?? '');
      const shells = commands(/^ {2}(?:client|director|rs1|rs2) +(nsenter -t \d+ [-\w ]+ -p)$/gm);
      expect(shells).toHaveLength(4);
      const names = shells.map((shell) => run([...as, 'sh', '-c', `${shell} hostname`]).stdout.trim());
      expect(names).toEqual(['client', 'director', 'rs1', 'rs2']);
      const verifies = commands(/^ {2}rs[12] +(nsenter .* verify)$/gm);
      const verify = (): (number | null)[] => verifies.map((line) => run([...as, 'sh', '-c', line]).code);
      expect(verify()).toEqual([0, 0]);
      run([...as, 'sh', '-c', `${shells[2]} ip address del 192.0.2.100/32 dev lo`]);
      expect(verify()).toEqual([2, 0]);

      const second = await lab(['--keep'], { as, cwd: '/' }).done;
      expect(second.stderr).toContain('a lab was kept already');
      expect(second.code).toBe(1);

      const down = await lab(['down'], { as, cwd: '/' }).done;
      expect(down).toMatchObject({ code: 0, stderr: '' });
      expect(down.stdout).toMatch(/is gone: hosts, processes, files$/m);
      expect(processes(child.pid)).toEqual([]);
    } finally {
      for (const line of processes(child.pid)) killTree(Number(line.split(' ')[0]));
    }
  });

  it('down with nothing there says so', async () => {
    expect(await lab(['down'], { as: NOBODY, cwd: '/' }).done).toMatchObject({
      code: 0,
      stdout: 'there is no lab to remove\n',
      stderr: '',
    });
  });
});

/** A command line prefix under which those programs are not installed. */
const without = (...programs: readonly string[]): readonly string[] =>
  withFolders(`for name in ${programs.join(' ')}; do rm -f "$seen/$name"; done`);

/** A command line prefix under which `ip -batch` fails where it is to add an address with the label of rsprep. */
const withIpThatAddsNoVip = (): readonly string[] =>
  withFolders(`if [ -e "$seen/ip" ]; then
      rm "$seen/ip"
      cat > "$seen/ip" <<END
#!/bin/sh
case "\\$*" in *-batch*) ;; *) exec $real/ip "\\$@" ;; esac
input=\\$(cat)
case "\\$input" in *lo:rsprep*) echo 'no VIP today' >&2; exit 1 ;; esac
printf '%s\\\\n' "\\$input" | exec $real/ip "\\$@"
END
      chmod 755 "$seen/ip"
    fi`);

/** A command line prefix under which the folders of programs are as `change` makes them; it gets $real and $seen. */
function withFolders(change: string): readonly string[] {
  const script = `
    set -e
    work=$1; shift
    mount -t tmpfs rsp-without "$work"
    for folder in /usr/local/sbin /usr/local/bin /usr/sbin /usr/bin /sbin /bin; do
      [ -d $folder ] && [ ! -L $folder ] || continue
      mkdir -p "$work/real$folder" "$work/seen$folder"
      mount --bind $folder "$work/real$folder"
      ln -s "$work/real$folder"/* "$work/seen$folder/" 2>/dev/null || true
      real=$work/real$folder seen=$work/seen$folder
      ${change}
    done
    for folder in /usr/local/sbin /usr/local/bin /usr/sbin /usr/bin /sbin /bin; do
      [ -d "$work/seen$folder" ] || continue
      "$work/real/usr/bin/mount" --bind "$work/seen$folder" $folder
    done
    exec "$@"`;
  const work = join(folder, 'without');
  mkdirSync(work, { recursive: true });
  return ['unshare', '--mount', 'sh', '-c', script, 'without', work];
}
