import type { Command } from 'commander';
import {
  type InstallStep,
  manifestAfter,
  noManifest,
  planInstall,
  planUninstall,
  type Wanted,
} from '../../../core/plan/install.ts';
import { EXIT } from '../../../core/report/exit-code.ts';
import { FORMAT_VERSION } from '../../../core/report/report.ts';
import {
  type Collected,
  CRON_PATH,
  collectFiles,
  PROGRAM_DIRECTORY,
  RESPONDER_LINK,
} from '../../../linux/install/files.ts';
import * as host from '../../../linux/install/run.ts';
import { type Context, contextOf, type Io } from '../../context.ts';
import { addGlobals, UsageError } from '../../globals.ts';
import { desiredOrFailure } from '../../input.ts';
import { VERSION } from '../../version.ts';
import { completionFor } from '../completion.ts';
import { manPage } from '../man.ts';
import { afterInstall, bootsWithSystemd, handMadeNotes, purge, stillHeld, stopUnits } from './host.ts';

export function registerInstall(program: Command, io: Io): void {
  const command = program
    .command('install')
    .summary('put rsprep, its units, man page and completions on this host')
    .description(
      'Puts the program, its units or cron entry, a sample configuration, the man page and completions in place, and enables the boot unit and the report. Never overwrites a file that was edited: the new version goes beside it. Applies nothing.',
    )
    .option('--systemd', 'the report runs from a timer (default where systemd boots the host)')
    .option(
      '--cron',
      'the report runs from cron; the VIPs are put in place by systemd all the same, if it boots the host',
    )
    .option('--responder', 'also enable the health responder (kept by later installs; systemctl disable ends that)')
    .option('--node <path>', 'the Node.js to run with (default: the one that runs now)')
    .option('--uninstall', 'take everything away again; edited files are set aside, configuration and ledger stay')
    .option('--purge', 'with --uninstall: configuration, ledger, journal and user too')
    .option('--force', 'with --uninstall: although this host still holds VIPs that rsprep put there')
    .option('--dry-run', 'say what would be done, and do nothing')
    .addHelpText(
      'after',
      `
Examples:
  rsprep install --dry-run
  rsprep install --responder
  rsprep install --cron
  rsprep remove && rsprep install --uninstall`,
    );
  addGlobals(command).action(async (options: Record<string, unknown>, self: Command) => {
    const context = contextOf(self, io);
    if (options.systemd === true && options.cron === true) {
      throw new UsageError('install: expected --systemd or --cron, received both');
    }
    const only = ['purge', 'force'].find((name) => options[name] === true && options.uninstall !== true);
    if (only !== undefined)
      throw new UsageError(`install: expected --${only} together with --uninstall, received it alone`);
    if (process.geteuid?.() !== 0 && options.dryRun !== true && context.paths.root === '/') {
      io.err('rsprep install: this writes below /usr and /etc\n  next: run it as root\n');
      return io.setExitCode(EXIT.permission);
    }
    if (options.uninstall === true) return uninstall(context, options);
    return install(context, options);
  });
}

async function install(context: Context, options: Record<string, unknown>): Promise<void> {
  const { io, paths } = context;
  const collected = await collect(context, options);
  if (collected.kind === 'incomplete') {
    return fail(
      io,
      `this copy of rsprep is incomplete: ${collected.reason}`,
      'install from a package or a built checkout',
    );
  }
  const manifest = host.readManifest(paths) ?? noManifest;
  const { wanted } = collected;
  const steps = planInstall(wanted, manifest, (path) => host.identityAt(paths, path), host.identityOf);
  const notes = [...collected.notes, ...handMadeNotes(paths)];
  if (options.dryRun !== true) {
    const made = await attempt(io, () => host.performInstall(paths, steps));
    if (made === null) return;
    await host.writeManifest(paths, manifestAfter(VERSION, wanted, manifest, steps, host.identityOf, made));
    notes.push(...afterInstall(paths, wanted, nodeOf(context, options)));
  }
  say(context, steps, notes, options.dryRun === true);
  io.setExitCode(EXIT.ok);
}

async function collect(context: Context, options: Record<string, unknown>): Promise<Collected> {
  const { io, paths } = context;
  const { desired } = await desiredOrFailure(context);
  const systemd = bootsWithSystemd(paths);
  // An install again keeps what was chosen before, unless told otherwise.
  const before = new Set((host.readManifest(paths)?.entries ?? []).map(({ path }) => path));
  const chosen = options.cron === true || (before.has(CRON_PATH) && options.systemd !== true);
  const by = chosen || (!systemd && options.systemd !== true) ? 'cron' : 'systemd';
  const [, program = ''] = io.self;
  const completions = {
    bash: await completionFor('bash', io),
    zsh: await completionFor('zsh', io),
    fish: await completionFor('fish', io),
  };
  return collectFiles(paths, program, {
    by,
    systemd: systemd || options.systemd === true,
    responder: options.responder === true || before.has(RESPONDER_LINK),
    node: nodeOf(context, options),
    devices: [...new Set(desired?.vips.map(({ device }) => device) ?? [])],
    man: await manPage(io),
    completions,
  });
}

/** What will run the program. */
const nodeOf = ({ io }: Context, { node }: Record<string, unknown>): string =>
  typeof node === 'string' ? node : io.self[0];

async function uninstall(context: Context, options: Record<string, unknown>): Promise<void> {
  const { io, paths } = context;
  const manifest = host.readManifest(paths);
  if (manifest === null)
    return fail(io, `nothing is installed below ${paths.root}: ${host.MANIFEST_PATH} is not there`, 'nothing');
  const dryRun = options.dryRun === true;
  const held = dryRun || options.force === true ? null : stillHeld(paths);
  if (held !== null) return fail(io, held, 'rsprep remove, then again; or --force to leave them where they are');
  const steps = planUninstall(manifest, (path) => host.identityAt(paths, path));
  const notes: string[] = [];
  if (!dryRun) {
    stopUnits(paths);
    if ((await attempt(io, () => host.performInstall(paths, steps))) === null) return;
    notes.push(...purge(paths, options.purge === true));
    host.removeEmptyDirectories(paths, manifest.directories);
  }
  say(context, steps, notes, dryRun);
  io.setExitCode(EXIT.ok);
}

async function attempt<T>(io: Io, act: () => Promise<T>): Promise<T | null> {
  try {
    return await act();
  } catch (error) {
    const { errorText, isPrivilege } = await import('../../../linux/files/errors.ts');
    const path = (error as NodeJS.ErrnoException).path;
    const what = path === undefined ? errorText(error) : `${path}: ${errorText(error)}`;
    const next = isPrivilege(error)
      ? 'run it as root, or name a --root that this user may write to'
      : 'fix that and run it again: it goes on from what is there';
    io.err(`rsprep install: ${what}\n  next: ${next}\n`);
    io.setExitCode(isPrivilege(error) ? EXIT.permission : EXIT.failed);
    return null;
  }
}

function fail(io: Io, message: string, next: string): void {
  io.err(`rsprep install: ${message}\n  next: ${next}\n`);
  io.setExitCode(EXIT.failed);
}

function say(
  { io, globals, paths }: Context,
  steps: readonly InstallStep[],
  notes: readonly string[],
  dryRun: boolean,
): void {
  if (globals.format === 'json') {
    const entries = steps.map((step) => ({ what: step.what, path: pathOf(step) }));
    const document = {
      format_version: FORMAT_VERSION,
      exit_code: 0,
      root: paths.root,
      dry_run: dryRun,
      steps: entries,
      notes,
    };
    io.out(`${JSON.stringify(document, null, 2)}\n`);
    return;
  }
  const lines = steps.flatMap((step) => describe(step, globals.verbose));
  const same = steps.filter(({ what }) => what === 'leave').length;
  const summary =
    same > 0
      ? [`${same} ${same === 1 ? 'file is' : 'files are'} already as ${same === 1 ? 'it' : 'they'} should be`]
      : [];
  if (globals.quiet) return;
  io.out(
    [...(dryRun ? ['would do:'] : []), ...lines, ...summary, ...notes.map((note) => `note: ${note}`), ''].join('\n'),
  );
}

const pathOf = (step: InstallStep): string => (step.what === 'write' ? step.wanted.path : step.path);

function describe(step: InstallStep, verbose: boolean): readonly string[] {
  if (step.what === 'write') return [written(step.wanted, step.was)];
  if (step.what === 'delete') return [`delete    ${step.path}`];
  if (step.what === 'set-aside') return [`set aside ${step.path} (it was edited) as ${step.to}`];
  if (step.what === 'respect') return [`leave     ${step.path} away: it was taken away since the last install`];
  if (step.what === 'leave') return verbose ? [`leave     ${step.path}`] : [];
  const beside = step.beside ? `; the new version is ${step.path}.rsprep-new` : '';
  return [`keep      ${step.path}: it was edited${beside}`];
}

function written(wanted: Wanted, was: 'absent' | 'ours'): string {
  if (wanted.kind === 'link') return `enable    ${wanted.path}`;
  const program = wanted.path.startsWith(PROGRAM_DIRECTORY) ? ` (${Math.ceil(wanted.content.length / 1024)} KiB)` : '';
  return `${was === 'ours' ? 'replace  ' : 'write    '} ${wanted.path}${program}`;
}
