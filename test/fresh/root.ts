// Fresh Debian roots with nothing but Node, npm and git, in which the README's commands are run as a newcomer would. What the machine needs to
// reach its registries (apt's ways, certificates, npm's configuration, the environment) goes in as it is here; what the commands
// do in there ends with the root.
import { spawn } from 'node:child_process';
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { must, run } from '../support/process.ts';

const CHECKOUT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
const CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt';

/** Nothing here outlives a crash: no need to wait for a disk, nor for what nobody reads. */
const DPKG = `force-unsafe-io
path-exclude=/usr/share/doc/*
path-exclude=/usr/share/man/*
path-exclude=/usr/share/locale/*
`;

export interface FreshRoot {
  /** Runs a command in the clone, in namespaces of its own (mounts, processes); everything it starts ends with it. */
  run(command: string): Promise<{ readonly code: number | null; readonly lines: readonly string[] }>;
  remove(): Promise<void>;
}

/** @throws where the mirror cannot be reached: with mmdebstrap's last words */
export async function freshRoot(suite: string): Promise<FreshRoot> {
  const folder = mkdtempSync(join(tmpdir(), 'rsp-fresh-'));
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true });
  try {
    const root = join(folder, 'root');
    writeFileSync(join(folder, 'apt.conf'), aptConfiguration());
    writeFileSync(join(folder, 'dpkg.cfg'), DPKG);
    const put = (name: string, to: string): string =>
      `--setup-hook=mkdir -p "$1/etc/${to}" && cp ${join(folder, name)} "$1/etc/${to}/99-of-the-test"`;
    const hooks = [put('apt.conf', 'apt/apt.conf.d'), put('dpkg.cfg', 'dpkg/dpkg.cfg.d')];
    await mmdebstrap(['--variant=apt', '--include=ca-certificates,git', ...hooks, suite, root]);
    putNode(root);
    putClone(root);
    putConfiguration(root);
    return { run: (command) => inside(root, command), remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** Fetches the lists of a release and nothing else. @returns null, or mmdebstrap's last words where that did not go well */
export async function mirrorSays(suite: string): Promise<string | null> {
  const folder = mkdtempSync(join(tmpdir(), 'rsp-fresh-'));
  try {
    await mmdebstrap(['--simulate', '--variant=custom', '--include=base-files', suite, join(folder, 'root')]);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** How apt reaches its mirrors here: proxies, certificates, what it tolerates. */
function aptConfiguration(): string {
  const { stdout } = run([
    'apt-config',
    'dump',
    'Acquire::http',
    'Acquire::https',
    'Acquire::Check-Valid-Until',
    'Acquire::Check-Date',
  ]);
  return stdout
    .split('\n')
    .filter((line) => /^Acquire::(https?(::[\w-]+)*|Check-Valid-Until|Check-Date) "[^"]+";$/.test(line))
    .map((line) => `${line}\n`)
    .join('');
}

/** The Node that runs this, and its npm: a binary that brings its libraries along, or this cannot be done. */
function putNode(root: string): void {
  mkdirSync(join(root, 'usr/local/bin'), { recursive: true });
  cpSync(process.execPath, join(root, 'usr/local/bin/node'), { dereference: true });
  const npm = dirname(dirname(must(['sh', '-c', 'readlink -f "$(command -v npm)"']).trim()));
  cpSync(npm, join(root, 'usr/local/lib/node_modules/npm'), { recursive: true });
  for (const name of ['npm', 'npx'])
    must(['ln', '-s', `../lib/node_modules/npm/bin/${name}-cli.js`, join(root, 'usr/local/bin', name)]);
  must(['chroot', root, '/usr/local/bin/node', '--version']);
}

/** A clone of this checkout, with what is not committed yet. */
function putClone(root: string): void {
  const clone = join(root, 'root/rsprep');
  must(['git', 'clone', '--quiet', '--no-hardlinks', CHECKOUT, clone]);
  const list = (...how: string[]): string[] =>
    must(['git', '-C', CHECKOUT, 'ls-files', '-z', ...how])
      .split('\0')
      .filter(Boolean);
  for (const path of list('--deleted')) rmSync(join(clone, path), { force: true });
  const deleted = new Set(list('--deleted'));
  for (const path of list('--modified', '--others', '--exclude-standard')) {
    if (deleted.has(path)) continue;
    mkdirSync(dirname(join(clone, path)), { recursive: true });
    cpSync(join(CHECKOUT, path), join(clone, path));
  }
}

function putConfiguration(root: string): void {
  for (const file of ['/etc/resolv.conf', '/etc/hosts'])
    if (existsSync(file)) cpSync(file, join(root, file), { dereference: true });
  // Certificates of this machine's administrator, where Debian's own way of adding them finds them.
  const own = '/usr/local/share/ca-certificates';
  if (existsSync(own)) cpSync(own, join(root, own), { recursive: true });
  if (existsSync(CERTIFICATES)) appendFileSync(join(root, CERTIFICATES), readFileSync(CERTIFICATES));
}

/** npm's two configuration files and its cache, seen read-only in the root: at the paths given to npm in its environment. */
const NPM = ['userconfig', 'globalconfig'] as const;
const npmPath = (what: string): string => must(['npm', 'config', 'get', what], { cwd: CHECKOUT }).trim();

async function inside(root: string, command: string): Promise<{ code: number | null; lines: readonly string[] }> {
  const mounts = [
    'mount --make-rprivate /',
    // Not a bare folder but a mount: what runs inside makes mount namespaces of its own.
    'mount --bind "$R" "$R"',
    'mount --rbind /dev "$R/dev"',
    'mount -t proc proc "$R/proc"',
    'mount -t sysfs sysfs "$R/sys"',
    'mount -t tmpfs -o mode=755 tmpfs "$R/run"',
    'mount -t tmpfs -o mode=1777 tmpfs "$R/tmp"',
    // npm's cache is written to as well: over the machine's own, which stays as it is.
    'mkdir -p "$R/root/.npm"',
    '[ ! -d "$CACHE" ] || { mkdir -p "$R.npm/upper" "$R.npm/work"; mount -t overlay -o "lowerdir=$CACHE,upperdir=$R.npm/upper,workdir=$R.npm/work" overlay "$R/root/.npm" || :; }',
    ...NPM.map(
      (what) => `[ ! -f "$${what}" ] || { : > "$R/root/${what}"; mount --bind -o ro "$${what}" "$R/root/${what}"; }`,
    ),
    'exec chroot "$R" sh -c "cd /root/rsprep && $COMMAND" </dev/null',
  ];
  const {
    NODE_OPTIONS: _options,
    VITEST: _vitest,
    RSPREP_TEST_ALL: _all,
    RSPREP_TEST_RESULT: _result,
    ...host
  } = process.env;
  const outer = Object.fromEntries(
    Object.entries(host).filter(([name]) => !/^(npm_|VITEST|INIT_CWD|HOME$)/.test(name)),
  );
  const child = spawn(
    'setpriv',
    [
      '--pdeathsig',
      'KILL',
      '--',
      'unshare',
      '--pid',
      '--fork',
      '--kill-child',
      '--mount',
      'sh',
      '-ec',
      mounts.join('\n'),
    ],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...outer,
        ...{ R: root, COMMAND: command, CACHE: npmPath('cache'), HOME: '/root', CI: '', RSPREP_TEST_ALL: '' },
        ...Object.fromEntries(NPM.map((what) => [what, npmPath(what)])),
        ...Object.fromEntries(NPM.map((what) => [`npm_config_${what}`, `/root/${what}`])),
        PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      },
    },
  );
  const pieces: string[] = [];
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      pieces.push(text);
    });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  return { code, lines: pieces.join('').trimEnd().split('\n') };
}

/** In namespaces of its own: the host's /dev/shm, /sys and /proc, which it mounts in the root, are gone with it, however it ends. */
const mmdebstrap = (options: readonly string[]): Promise<void> =>
  attempt(['unshare', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc', 'mmdebstrap', ...options]);

async function attempt(argv: readonly string[]): Promise<void> {
  const [program = '', ...args] = argv;
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-4000);
  });
  const code = await new Promise((resolve) => child.on('error', resolve).on('close', resolve));
  if (code !== 0) throw new Error(`${program}: ${said.trim().split('\n').slice(-5).join('\n')}`);
}
