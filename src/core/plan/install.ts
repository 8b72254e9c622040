/** A file that `rsprep install` puts in place. */
export interface WantedFile {
  readonly kind: 'file';
  /** Absolute; `--root` goes before it. */
  readonly path: string;
  readonly content: Uint8Array;
  readonly mode: number;
}

/** A unit that is enabled is a link in a `.wants` directory (systemd.unit(5), "Enabling"). */
export interface WantedLink {
  readonly kind: 'link';
  readonly path: string;
  readonly target: string;
}

export type Wanted = WantedFile | WantedLink;

/** What an earlier install put there: SHA-256 of a file, the target of a link. */
export interface Manifest {
  readonly format: 1;
  readonly version: string;
  readonly entries: readonly { readonly path: string; readonly kind: Wanted['kind']; readonly identity: string }[];
  /** Directories that were made for it, outermost first. */
  readonly directories: readonly string[];
}

export const noManifest: Manifest = { format: 1, version: '', entries: [], directories: [] };

export type InstallStep =
  | { readonly what: 'write'; readonly wanted: Wanted; readonly was: 'absent' | 'ours' }
  | { readonly what: 'leave'; readonly path: string }
  /** Edited since, or never ours: stays as it is; the new version goes beside it where it differs from the one put there before. */
  | { readonly what: 'keep-edited'; readonly path: string; readonly beside: WantedFile | null }
  /** Taken away by an operator since: a unit that was disabled stays disabled. */
  | { readonly what: 'respect'; readonly path: string }
  | { readonly what: 'delete'; readonly path: string }
  | { readonly what: 'set-aside'; readonly path: string; readonly to: string };

/** Beside an edited file, which stays in force. systemd, cron, sysctl and networkd read neither of these endings. */
export const NEW_ENDING = '.rsprep-new';
const SAVED_ENDING = '.rsprep-saved';

/** What is at a path now: its identity, or null for nothing. */
export type Found = (path: string) => string | null;
export type IdentityOf = (wanted: Wanted) => string;

/**
 * What an install does, file by file. Never overwrites what somebody edited: the identity (a hash) of what was put there
 * before tells.
 */
export function planInstall(
  wanted: readonly Wanted[],
  manifest: Manifest,
  found: Found,
  identityOf: IdentityOf,
): readonly InstallStep[] {
  const before = new Map(manifest.entries.map(({ path, identity }) => [path, identity]));
  const still = new Set(wanted.map(({ path }) => path));
  const steps = wanted.map((item): InstallStep => {
    const { path } = item;
    const [now, put, next] = [found(path), before.get(path), identityOf(item)];
    if (now === next) return { what: 'leave', path };
    if (now === null)
      return put !== undefined && item.kind === 'link'
        ? { what: 'respect', path }
        : { what: 'write', wanted: item, was: 'absent' };
    if (now === put) return { what: 'write', wanted: item, was: 'ours' };
    return { what: 'keep-edited', path, beside: item.kind === 'file' && next !== put ? item : null };
  });
  const obsolete = manifest.entries.filter(({ path }) => !still.has(path));
  return [...steps, ...obsolete.flatMap((entry) => removal(entry, found, steps))];
}

/** Takes away what an install put there: what was edited since is set aside, not lost. */
export function planUninstall(manifest: Manifest, found: Found): readonly InstallStep[] {
  return manifest.entries.toReversed().flatMap((entry) => removal(entry, found, []));
}

function removal(
  { path, identity }: Manifest['entries'][number],
  found: Found,
  others: readonly InstallStep[],
): readonly InstallStep[] {
  const now = found(path);
  if (now === null) return [];
  // A `.rsprep-new` of an edited file that is written again in this run.
  const rewritten = others.some(
    (step) => step.what === 'keep-edited' && step.beside && path === step.path + NEW_ENDING,
  );
  if (rewritten) return [];
  return now === identity
    ? [{ what: 'delete', path }]
    : [{ what: 'set-aside', path, to: freeName(path + SAVED_ENDING, found) }];
}

/** What was set aside before stays, too. */
function freeName(path: string, found: Found): string {
  for (let n = 1; ; n += 1) {
    const name = n === 1 ? path : `${path}.${n}`;
    if (found(name) === null) return name;
  }
}

/** The manifest after these steps. */
export function manifestAfter(
  version: string,
  wanted: readonly Wanted[],
  manifest: Manifest,
  steps: readonly InstallStep[],
  identityOf: IdentityOf,
  directories: readonly string[],
): Manifest {
  const before = new Map(manifest.entries.map((entry) => [entry.path, entry]));
  const edited = new Set(steps.flatMap((step) => (step.what === 'keep-edited' ? [step.path] : [])));
  const entries = wanted.flatMap((item): Manifest['entries'] => {
    const entry = { path: item.path, kind: item.kind, identity: identityOf(item) };
    // An edited file remembers what it was edited from; one that was never ours does not become ours.
    if (edited.has(item.path)) return [before.get(item.path) ?? []].flat();
    return [entry];
  });
  const beside = steps.flatMap((step): Manifest['entries'] =>
    step.what === 'keep-edited' && step.beside
      ? [{ path: step.path + NEW_ENDING, kind: 'file', identity: identityOf(step.beside) }]
      : [],
  );
  return {
    format: 1,
    version,
    entries: [...entries, ...beside],
    directories: [...new Set([...manifest.directories, ...directories])],
  };
}
