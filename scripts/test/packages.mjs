// The Debian packages that the project's commands need, by what needs them, and their installation. Package names alone: which
// version of them, and of what they depend on, is the release's own business. `node scripts/test/packages.mjs` prints them all.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const LAB = ['iproute2', 'mount', 'nftables', 'util-linux'];
const NAMESPACES = [
  ...[...LAB, 'gcc', 'libc6-dev', 'iputils-ping', 'iputils-arping', 'procps', 'iptables', 'arptables'],
  ...['strace', 'tcpdump', 'ipvsadm'],
];

/** What each command or tier is better off with. What is not there afterwards is for the tier to say. */
export const PACKAGES = {
  lab: LAB,
  bench: [...LAB, 'gcc', 'libc6-dev'],
  check: [],
  unit: ['fish', 'zsh', 'groff-base', 'systemd', 'util-linux'],
  generated: [],
  netns: NAMESPACES,
  faults: ['iproute2', 'gcc', 'libc6-dev'],
  // clang and lld build prebuilds/ again.
  load: [...NAMESPACES, 'clang', 'lld'],
  real: [...NAMESPACES, 'user-mode-linux', 'mmdebstrap'],
  fresh: ['mmdebstrap', 'util-linux', 'git'],
};

/** The union of several groups, each package once. */
export const packagesFor = (names) => [...new Set(names.flatMap((name) => PACKAGES[name] ?? []))].sort();

const quiet = (program, args) => spawnSync(program, args, { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } });

/** Of Debian itself only: others have other names for some of them. */
function isDebian() {
  if (!existsSync('/etc/os-release')) return false;
  return (
    /^ID="?debian"?$/m.test(readFileSync('/etc/os-release', 'utf8')) && quiet('apt-get', ['--version']).status === 0
  );
}

// biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query's own fields
const FORMAT = '-f=${Package} ${Status}\n';

export function missingPackages(wanted) {
  const { stdout } = quiet('dpkg-query', ['-W', FORMAT, ...wanted]);
  const there = new Set([...(stdout ?? '').matchAll(/^(\S+) install ok installed$/gm)].map(([, name]) => name));
  return wanted.filter((name) => !there.has(name));
}

/**
 * What to do about `wanted`.
 * @returns {{ install: readonly string[], say: string | null }} `say`: one line for the user, null where nothing is missing
 */
export function decideInstall(wanted, host) {
  if (!host.debian) return { install: [], say: null };
  const missing = host.missing(wanted);
  if (missing.length === 0) return { install: [], say: null };
  const words = missing.join(' ');
  if (host.optOut) return { install: [], say: `not installed, as RSPREP_TEST_INSTALL=0 says: ${words}` };
  if (!host.root) return { install: [], say: `not installed, which needs root: apt-get install ${words}` };
  return { install: missing, say: `installing Debian packages (RSPREP_TEST_INSTALL=0 leaves that to you): ${words}` };
}

export const thisHost = () => ({
  debian: isDebian(),
  root: process.getuid?.() === 0,
  optOut: process.env.RSPREP_TEST_INSTALL === '0',
  missing: missingPackages,
  has: (program) => quiet('sh', ['-c', 'command -v "$0"', program]).status === 0,
});

/** The packages of `names` that Debian has for this machine: User-Mode Linux, say, is for x86-64 alone. */
function available(names) {
  const { stdout } = quiet('apt-cache', ['policy', ...names]);
  const has = new Set(
    [...(stdout ?? '').matchAll(/^(\S+):\n {2}Installed: .*\n {2}Candidate: (?!\(none\))/gm)].map(([, n]) => n),
  );
  return names.filter((name) => has.has(name));
}

/**
 * A program for sh that installs `names`, with the lists brought up to date first only where they are missing or too old to
 * be of use; apt's own last words are all that it prints when it fails.
 */
export function installCommand(names) {
  const stale = available(names).length < names.length;
  const update = 'apt-get update -qq';
  const install = 'apt-get install -y -qq --no-install-recommends -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300';
  // After the update, what Debian does not have here is left out: one unknown name would stop all the others.
  const script = `
export DEBIAN_FRONTEND=noninteractive LC_ALL=C
known() { for p in "$@"; do apt-cache policy "$p" | grep -q 'Candidate: [^(]' && echo "$p"; done; }
attempt() { set -- $(known "$@"); [ $# -eq 0 ] || ${install} "$@"; }
${stale ? `${update} && attempt "$@"` : `attempt "$@" || { ${update} && attempt "$@"; }`}`;
  return ['sh', '-c', script, 'sh', ...names];
}

/** Where programs are unpacked whose packages are better not installed. */
export const UNPACKED = join(dirname(dirname(dirname(fileURLToPath(import.meta.url)))), '.cache/unpacked');

/**
 * promtool has a package of its own from Debian 13 on. Before, it comes with the whole Prometheus server, which Debian starts as soon as it is
 * installed: so the package is only unpacked.
 * @returns {readonly string[] | null} a program that does it; null where there is one already, or nothing may be fetched
 */
export function unpackPromtool(host, folder = UNPACKED) {
  if (!host.debian || host.optOut || host.has('promtool') || existsSync(join(folder, 'usr/bin/promtool'))) return null;
  const script = `
set -e
mkdir -p "$0" && cd "$0"
fetch() { apt-get download -qq promtool 2>/dev/null || apt-get download -qq prometheus; }
fetch || { [ "$(id -u)" = 0 ] && apt-get update -qq && fetch; }
for d in prom*.deb; do dpkg-deb --fsys-tarfile "$d" | tar -x ./usr/bin/promtool; done
rm prom*.deb`;
  return ['sh', '-c', script, folder];
}

/** Installs them now, for the commands that need nothing else meanwhile. @returns whether all went well */
export function installNow(group) {
  const { install, say } = decideInstall(packagesFor([group]), thisHost());
  if (say !== null) console.error(`setup: ${say}`);
  if (install.length === 0) return true;
  const [program, ...args] = installCommand(install);
  const { status, stdout, stderr } = quiet(program, args);
  if (status !== 0) console.error(`setup: that failed:\n${lastLines(`${stdout}${stderr}`)}`);
  return status === 0;
}

export const lastLines = (text, count = 5) => text.trimEnd().split('\n').slice(-count).join('\n');

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href)
  console.log(packagesFor(Object.keys(PACKAGES)).join(' '));
