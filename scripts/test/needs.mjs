// What each tier needs of the machine besides Node, and what of that is not there, in words for the user.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundled } from './bundled.mjs';

/** Program → Debian package. */
const PROGRAMS = {
  ip: 'iproute2',
  nft: 'nftables',
  cc: 'gcc',
  'iptables-nft': 'iptables',
  'iptables-legacy': 'iptables',
  'arptables-legacy': 'arptables',
  strace: 'strace',
  arping: 'iputils-arping',
  ping: 'iputils-ping',
  ps: 'procps',
  tcpdump: 'tcpdump',
  flock: 'util-linux',
  setpriv: 'util-linux',
  mount: 'mount',
  unshare: 'util-linux',
  clang: 'clang',
  'ld.lld': 'lld',
  mmdebstrap: 'mmdebstrap',
  git: 'git',
  taskset: 'util-linux',
};
const NAMESPACES = [
  'ip',
  'nft',
  'cc',
  'iptables-nft',
  'iptables-legacy',
  'arptables-legacy',
  'strace',
  'arping',
  'ping',
  'ps',
];

export const thisMachine = {
  uid: () => process.getuid?.() ?? -1,
  has: (program) => spawnSync('sh', ['-c', 'command -v "$0"', program], { stdio: 'ignore' }).status === 0,
  canUnshare: () => spawnSync('unshare', ['-n', 'true'], { stdio: 'ignore' }).status === 0,
};

export function lackedPrograms(programs, machine = thisMachine) {
  const missing = programs.filter((program) => !machine.has(program));
  const from = (program) =>
    PROGRAMS[program] === undefined ? program : `${program} (Debian package ${PROGRAMS[program]})`;
  return missing.map(from);
}

export function lackedNamespaces(machine = thisMachine) {
  if (machine.uid() !== 0) return ['root'];
  return machine.canUnshare() ? [] : ['a kernel that lets root make network namespaces'];
}

export const netnsLacks = (machine = thisMachine) => [
  ...lackedNamespaces(machine),
  ...lackedPrograms([...NAMESPACES, 'tcpdump', 'flock', 'setpriv', 'mount'], machine),
];

/** It traces with a program of its own (test/support/tools/syscallfault.c). */
export const faultsLacks = (machine = thisMachine) => [
  ...lackedNamespaces(machine),
  ...lackedPrograms(['ip', 'cc'], machine),
];

export async function realLacks(machine = thisMachine) {
  const lacks = lackedNamespaces(machine);
  if (lacks.length > 0) return lacks;
  const { missing } = await bundled('test/real/support/requirements.ts');
  const found = missing();
  if (found.length > 0) return found;
  const uml = await whyNoUml();
  if (uml !== null) return [`User-Mode Linux, which cannot run here: ${uml}`];
  const { guestRoot } = await bundled('test/real/support/root.ts');
  try {
    await guestRoot();
    return [];
  } catch (error) {
    return [`a Debian mirror for its guests' root (${lastLine(error.cause?.stderr ?? error.message)})`];
  }
}

export async function freshLacks(machine = thisMachine) {
  const lacks = [...lackedNamespaces(machine), ...lackedPrograms(['mmdebstrap', 'git', 'unshare', 'setpriv'], machine)];
  if (lacks.length > 0) return lacks;
  const { mirrorSays } = await bundled('test/fresh/root.ts');
  const said = await mirrorSays('trixie');
  return said === null ? [] : [`a Debian mirror (${lastLine(said)})`];
}

/** It looks at the host's ptrace and memory first; how far it comes is told by what it prints. @returns null when it can run */
function whyNoUml() {
  const folder = mkdtempSync(join(tmpdir(), 'rsprep-uml-'));
  // Alone in a pid namespace, all of it ends with unshare.
  const inside = [
    'linux.uml',
    'mem=64M',
    'root=/dev/none',
    'con=null',
    'con0=null,fd:1',
    'ssl=null',
    `uml_dir=${folder}/`,
  ];
  const child = spawn('unshare', ['--pid', '--fork', '--kill-child', '--mount', '--mount-proc', ...inside], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  return new Promise((resolve) => {
    const limit = setTimeout(() => child.kill('SIGKILL'), 30_000);
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (text) => {
        said += text;
        if (works(said)) child.kill('SIGKILL');
      });
    child.on('error', ({ message }) => {
      said += message;
    });
    child.on('close', () => {
      clearTimeout(limit);
      rmSync(folder, { recursive: true, force: true });
      resolve(works(said) ? null : lastLine(said) || 'it says nothing');
    });
  });
}

/** The last of its checks (arch/um/os-Linux/start_up.c): code can be mapped from where its memory is. */
const works = (said) => /PROT_EXEC mmap in .*OK/.test(said);
const lastLine = (text) => text.trim().split('\n').at(-1) ?? '';
