// The harness itself: what the other real-kernel tests rely on.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { run } from '../support/process.ts';
import { uniqueFolder } from '../support/reaper.ts';
import { missing } from './support/requirements.ts';
import { CHECKOUT, guestRoot } from './support/root.ts';
import { type Guest, startGuest } from './support/uml.ts';

let guest: Guest;

beforeAll(async () => {
  guest = await startGuest({ init: 'plain', files: { '/etc/seeded': 'from the test\n' } });
}, 300_000);
afterAll(() => guest?.stop());

it('returns exit code, standard output and standard error, several commands at once', async () => {
  const given = await Promise.all([
    guest.sh('echo out; echo err >&2; exit 7'),
    guest.exec(['printf', '%s|', 'a b', "it's", '$HOME', '']),
    guest.sh('cat /etc/seeded'),
  ]);
  expect(given).toEqual([
    { code: 7, stdout: 'out\n', stderr: 'err\n' },
    { code: 0, stdout: "a b|it's|$HOME||", stderr: '' },
    { code: 0, stdout: 'from the test\n', stderr: '' },
  ]);
});

it('ends a command that takes too long, with its children', async () => {
  await expect(guest.sh('sleep 1000 & sleep 1000', { timeoutMs: 300 })).rejects.toThrow('not finished after 300 ms');
  await expect.poll(async () => (await guest.sh('pgrep -x sleep')).stdout, { timeout: 3000 }).toBe('');
});

it('the guest writes to a file system of its own, never to the host, its checkout or the cached root', async () => {
  const name = `rsp-written-${process.pid}`;
  await guest.ok(`echo x >/etc/${name} && echo x >/root/${name} && echo x >/usr/${name}`);
  for (const base of ['/etc', '/root', '/usr', `${await guestRoot()}/etc`])
    expect(existsSync(`${base}/${name}`)).toBe(false);
  expect((await guest.sh(`echo x >/rsprep/${name}`)).stderr).toContain('Read-only file system');
  // hostfs can name any file of the host; the host's own mount stops it.
  await guest.ok('mkdir -p /tmp/host && mount -t hostfs -o /etc none /tmp/host');
  expect((await guest.sh(`echo x >/tmp/host/${name}`)).stderr).toContain('Read-only file system');
  await guest.ok('umount /tmp/host');
});

it('runs Node and sees the checkout', async () => {
  const version = (await guest.ok('/opt/node/node -p process.version')).trim();
  expect(version).toBe(process.version);
  expect(await guest.ok('cat /rsprep/package.json')).toBe(readFileSync(`${CHECKOUT}/package.json`, 'utf8'));
});

it('nothing of a guest outlives the process that started it, even killed', async () => {
  const folder = uniqueFolder();
  const program = `${folder}/hold-guest.mjs`;
  const support = fileURLToPath(new URL('./support', import.meta.url));
  await build({
    entryPoints: [`${support}/programs/hold-guest.ts`],
    outfile: program,
    ...{ bundle: true, platform: 'node', format: 'esm', logLevel: 'error' },
    define: { 'import.meta.url': JSON.stringify(pathToFileURL(`${support}/uml.ts`).href) },
  });
  const holder = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'inherit'] });
  const share = await new Promise<string>((resolve, reject) => {
    holder.stdout.setEncoding('utf8').once('data', (text: string) => resolve(text.trim()));
    holder.once('exit', () => reject(new Error('the guest was not started')));
  });
  const inhabitants = inhabitantsOf(dirname(share));
  expect(inhabitants.length).toBeGreaterThan(2); // UML, its helpers, the two sleeping processes of the guest
  holder.kill('SIGKILL');
  const left = () => [...inhabitants.filter((pid) => existsSync(`/proc/${pid}`)), ...[share].filter(existsSync)];
  await expect.poll(left, { timeout: 3000 }).toEqual([]);
  rmSync(folder, { recursive: true });
}, 30_000);

it('says what a machine lacks', () => {
  expect(missing()).toEqual([]);
  const path = process.env.PATH;
  process.env.PATH = '/nonexistent';
  expect(missing()).toContain('linux.uml (Debian package user-mode-linux)');
  process.env.PATH = path;
});

/** The processes in the pid namespace of the guest whose folder is `work`. */
function inhabitantsOf(work: string): string[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const main = pids.find(
    (pid) => commandLine(pid).includes(`uml_dir=${work}/`) && commandLine(pid).includes('linux.uml'),
  );
  if (main === undefined) throw new Error(`no guest of ${work} runs`);
  return pids.filter((pid) => namespaceOf(pid) === namespaceOf(main));
}

const commandLine = (pid: string): string => run(['cat', `/proc/${pid}/cmdline`]).stdout;
const namespaceOf = (pid: string): string => run(['readlink', `/proc/${pid}/ns/pid`]).stdout;
