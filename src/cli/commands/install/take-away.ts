import { planUninstall } from '../../../core/plan/install.ts';
import { EXIT } from '../../../core/report/exit-code.ts';
import * as host from '../../../linux/install/run.ts';
import type { Context } from '../../context.ts';
import { purge, stillHeld, stopUnits } from './host.ts';
import { attempt, fail, say } from './say.ts';

interface Choices {
  readonly force: boolean;
  readonly purge: boolean;
  readonly 'dry-run': boolean;
}

/** `install --uninstall`. */
export async function takeAway(context: Context, options: Choices): Promise<void> {
  const { io, paths } = context;
  const manifest = host.readManifest(paths);
  if (manifest === null)
    return fail(io, `nothing is installed below ${paths.root}: ${host.MANIFEST_PATH} is not there`, 'nothing');
  const dryRun = options['dry-run'];
  const held = dryRun || options.force ? null : stillHeld(paths);
  if (held !== null) return fail(io, held, 'rsprep remove, then again; or --force to leave them where they are');
  const steps = planUninstall(manifest, (path) => host.identityAt(paths, path));
  const notes: string[] = [];
  if (!dryRun) {
    stopUnits(paths);
    if ((await attempt(io, () => host.performInstall(paths, steps))) === null) return;
    notes.push(...purge(paths, options.purge));
    host.removeEmptyDirectories(paths, manifest.directories);
  }
  say(context, steps, notes, dryRun);
  io.setExitCode(EXIT.ok);
}
