import type { Distrust } from '../../../config/trust.ts';
import { emptyDesired } from '../../../core/model/desired.ts';
import { manifestAfter, noManifest, planInstall } from '../../../core/plan/install.ts';
import { EXIT } from '../../../core/report/exit-code.ts';
import {
  type Collected,
  CRON_PATH,
  collectFiles,
  type InstallChoices,
  RESPONDER_LINK,
} from '../../../linux/install/files.ts';
import * as host from '../../../linux/install/run.ts';
import type { Context } from '../../context.ts';
import { desiredOrFailure } from '../../input.ts';
import { VERSION } from '../../version.ts';
import { completionFor } from '../completion.ts';
import { manPage } from '../man.ts';
import { afterInstall, bootsWithSystemd, handMadeNotes } from './host.ts';
import { attempt, fail, say } from './say.ts';
import { distrustNode, readTrusted, Untrusted } from './trusted.ts';

export interface Choices {
  readonly systemd: boolean;
  readonly cron: boolean;
  readonly responder: boolean;
  readonly node: string | null;
  readonly 'dry-run': boolean;
}

/** Puts everything in place that is not there as it should be. */
export async function putInPlace(context: Context, options: Choices): Promise<void> {
  const { io, paths } = context;
  const collected = await collect(context, options);
  if (collected.kind === 'untrusted') {
    const { message, expected, received, hint } = collected.why;
    return fail(io, `${message}; expected ${expected}, received ${received}. Nothing was changed`, hint);
  }
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
  if (!options['dry-run']) {
    const made = await attempt(io, () => host.performInstall(paths, steps));
    if (made === null) return;
    await host.writeManifest(paths, manifestAfter(VERSION, wanted, manifest, steps, host.identityOf, made));
    notes.push(...afterInstall(paths, wanted, nodeOf(context, options)));
  }
  say(context, steps, notes, options['dry-run']);
  io.setExitCode(EXIT.ok);
}

/** Somebody else may change what root is going to run. */
type NotTrusted = { readonly kind: 'untrusted'; readonly why: Distrust };

async function collect(context: Context, options: Choices): Promise<Collected | NotTrusted> {
  const { io, paths } = context;
  const why = distrustNode(paths, nodeOf(context, options));
  if (why !== null) return { kind: 'untrusted', why };
  const { desired } = await desiredOrFailure(context);
  const systemd = bootsWithSystemd(paths);
  // An install again keeps what was chosen before, unless told otherwise.
  const before = new Set((host.readManifest(paths)?.entries ?? []).map(({ path }) => path));
  const chosen = options.cron || (before.has(CRON_PATH) && !options.systemd);
  const by = chosen || (!systemd && !options.systemd) ? 'cron' : 'systemd';
  const [, program = ''] = io.self;
  const completions = {
    bash: await completionFor('bash', context),
    zsh: await completionFor('zsh', context),
    fish: await completionFor('fish', context),
  };
  const choices: InstallChoices = {
    by,
    systemd: systemd || options.systemd,
    responder: options.responder || before.has(RESPONDER_LINK),
    node: nodeOf(context, options),
    devices: [...new Set(desired?.vips.map(({ device }) => device) ?? [])],
    port: (desired ?? emptyDesired).responder.port,
    man: await manPage(context),
    completions,
  };
  try {
    return collectFiles(paths, program, choices, readTrusted);
  } catch (error) {
    if (error instanceof Untrusted) return { kind: 'untrusted', why: error.why };
    throw error;
  }
}

/** What will run the program. */
const nodeOf = ({ io }: Context, { node }: Choices): string => node ?? io.self[0];
