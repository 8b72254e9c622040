import { resolveTrusted, trustedOwners } from '../../../config/trust.ts';
import { CONFIG_PATH } from '../../../core/model/desired.ts';
import type { Wanted } from '../../../core/plan/install.ts';
import { errorCode, errorText } from '../../../linux/files/errors.ts';
import { exists } from '../../../linux/files/folders.ts';
import type { Paths } from '../../../linux/files/paths.ts';
import { deleteFile } from '../../../linux/files/replace.ts';
import { deleteTree } from '../../../linux/files/tree.ts';
import { deleteCodeCaches, makeCodeCaches } from '../../../linux/install/code-cache.ts';
import { PROGRAM_DIRECTORY } from '../../../linux/install/files.ts';
import { findHandMade } from '../../../linux/install/hand-made.ts';
import { identityAt, identityOf, isLive, MANIFEST_PATH, tool } from '../../../linux/install/run.ts';
import { readLedger } from '../../../linux/state/ledger.ts';

/** Whether the host below this root boots with systemd. */
export const bootsWithSystemd = (paths: Paths): boolean =>
  ['/run/systemd/system', '/usr/lib/systemd/systemd', '/lib/systemd/systemd'].some((path) => exists(paths.at(path)));

/** Makes the code caches, the user and directories, tells systemd, starts the timer; what cannot be done is said. @returns notes */
export function afterInstall(paths: Paths, wanted: readonly Wanted[], node: string): readonly string[] {
  const root = paths.root === '/' ? [] : [`--root=${paths.root}`];
  const notes: (string | null)[] = [...codeCaches(paths, wanted, node)];
  if (bootsWithSystemd(paths)) {
    notes.push(tool(['systemd-sysusers', ...root, paths.root === '/' ? '/etc/sysusers.d/rsprep.conf' : 'rsprep.conf']));
    notes.push(
      tool([
        'systemd-tmpfiles',
        '--create',
        ...root,
        paths.root === '/' ? '/etc/tmpfiles.d/rsprep.conf' : 'rsprep.conf',
      ]),
    );
  } else if (paths.root === '/') {
    const home = '/var/lib/rsprep/report';
    const [nologin, options] = ['/usr/sbin/nologin', ['--system', '--user-group', '--no-create-home']];
    if (tool(['id', 'rsprep']) !== null)
      notes.push(tool(['useradd', ...options, '--home-dir', home, '--shell', nologin, 'rsprep']));
    notes.push(tool(['install', '-d', '-o', 'rsprep', '-g', 'rsprep', '-m', '0755', home]));
  } else notes.push('the user rsprep has to be made on that host: run `rsprep install` there');
  if (isLive(paths)) {
    notes.push(tool(['systemctl', 'daemon-reload']));
    const enabled = wanted
      .filter(({ kind, path }) => kind === 'link' && exists(path))
      .map(({ path }) => path.split('/').at(-1) ?? '');
    const start = enabled.filter((unit) => unit === 'rsprep-report.timer' || unit === 'rsprep-responder.service');
    if (start.length > 0 && exists(CONFIG_PATH)) notes.push(tool(['systemctl', 'start', ...start]));
  }
  notes.push(
    exists(paths.at(CONFIG_PATH))
      ? 'next: rsprep plan, then rsprep apply'
      : `next: write ${CONFIG_PATH} (${CONFIG_PATH}.sample shows how), rsprep config check, rsprep plan, rsprep apply`,
  );
  return notes.filter((note) => note !== null);
}

/** Only of what was installed: what somebody put in its place is not run here, and may never end. */
function codeCaches(paths: Paths, wanted: readonly Wanted[], node: string): readonly string[] {
  const program = wanted.filter(({ path }) => path.startsWith(`${PROGRAM_DIRECTORY}/`));
  const other = program.find((item) => identityAt(paths, item.path) !== identityOf(item));
  const why = other === undefined ? distrustOfProgram(paths) : `${other.path} is not what was installed`;
  if (why === null) return makeCodeCaches(paths, node);
  deleteCodeCaches(paths);
  return [`no code cache: ${why}; rsprep only starts slower`];
}

/** Below a --root the program may lie in a folder of another user, who could put his own in its place just before root runs it here. */
function distrustOfProgram(paths: Paths): string | null {
  try {
    const program = resolveTrusted(paths.at(`${PROGRAM_DIRECTORY}/rsprep.cjs`), trustedOwners(), paths.root);
    return program.kind === 'trusted' ? null : program.why.message;
  } catch (error) {
    return errorText(error);
  }
}

/** What somebody made by hand before; nothing of it is touched. */
export function handMadeNotes(paths: Paths): readonly string[] {
  const found = findHandMade(paths);
  if (found.length === 0) return [];
  return [
    'this host was set up by hand. Write the configuration with the same VIPs, run `rsprep apply` (it adopts them as they are, nothing flaps), then delete:',
    ...found.flatMap(({ path, line, text, advice }) => [`  ${path}:${line}: ${text}`, `        ${advice}`]),
    'then `rsprep install --dry-run` says whether anything of it is left',
  ];
}

/** @returns why nothing may be taken away, or null */
export function stillHeld(paths: Paths): string | null {
  const ledger = readLedger(paths);
  if (ledger.kind === 'absent') return null;
  if (ledger.kind === 'unreadable') return `the ledger does not say what this host still holds (${ledger.reason})`;
  const vips = ledger.value.addresses.map(({ ip }) => ip).slice(0, 3);
  return vips.length === 0 ? null : `this host still holds what rsprep put there (${vips.join(', ')})`;
}

/** Stops what runs from the files that are about to go. */
export function stopUnits(paths: Paths): void {
  if (!isLive(paths)) return;
  const units = [
    'rsprep-report.timer',
    'rsprep-heal.timer',
    'rsprep-responder.service',
    'rsprep-responder.socket',
    'rsprep-port.service',
    'rsprep-apply-retry.service',
    'rsprep-apply.service',
  ];
  for (const unit of units) tool(['systemctl', 'stop', unit]);
}

/** The manifest goes last; with `all` so do configuration, ledger, journal and user. @returns notes */
export function purge(paths: Paths, all: boolean): readonly string[] {
  deleteFile(paths, MANIFEST_PATH);
  deleteCodeCaches(paths);
  const notes: (string | null)[] = [];
  if (isLive(paths)) notes.push(tool(['systemctl', 'daemon-reload']));
  if (!all)
    return [...notes, 'kept: /etc/rsprep, /var/lib/rsprep (--purge takes them too)'].filter((note) => note !== null);
  for (const path of ['/etc/rsprep', '/var/lib/rsprep', '/run/rsprep', '/run/rsprep-responder']) {
    try {
      deleteTree(paths, path);
    } catch (error) {
      if (errorCode(error) === null) throw error;
      notes.push(`${path} could not be deleted: ${errorText(error)}`);
    }
  }
  if (paths.root === '/' && tool(['id', 'rsprep']) === null) notes.push(tool(['userdel', 'rsprep']));
  return notes.filter((note) => note !== null);
}
