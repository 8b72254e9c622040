import { createHash } from 'node:crypto';
import { lstatSync, readlinkSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { type InstallStep, type Manifest, NEW_ENDING, type Wanted, type WantedFile } from '../../core/plan/install.ts';
import { errorCode } from '../files/errors.ts';
import { readBytes, readText } from '../files/files.ts';
import { exists } from '../files/folders.ts';
import type { Paths } from '../files/paths.ts';
import { deleteFile, deleteFolder, replaceByLink, setAside, writeAtomic } from '../files/replace.ts';
import { read } from '../process/command.ts';

export const MANIFEST_PATH = '/var/lib/rsprep/install.json';

export const identityOf = (wanted: Wanted): string =>
  wanted.kind === 'link' ? `-> ${wanted.target}` : sha256(wanted.content);

const sha256 = (content: Uint8Array): string => createHash('sha256').update(content).digest('hex');

/** @returns what is at a path: a hash, where a link leads, or null for nothing. A directory is none of ours. */
export function identityAt(paths: Paths, path: string): string | null {
  const file = paths.linkAt(path);
  const stats = lstatSync(file, { throwIfNoEntry: false });
  if (stats === undefined) return null;
  if (stats.isSymbolicLink()) return `-> ${readlinkSync(file)}`;
  // What is larger than anything that rsprep installs is none of it.
  if (!stats.isFile() || stats.size > MOST_BYTES) return 'something else';
  const bytes = readBytes(file, { mostBytes: MOST_BYTES, noLink: true });
  if (bytes.kind === 'unreadable')
    throw Object.assign(new Error(bytes.reason), { code: bytes.cause === 'privilege' ? 'EACCES' : 'EIO' });
  return bytes.kind === 'value' ? sha256(bytes.value) : null;
}

const MOST_BYTES = 64 << 20;

/** Null where nothing was ever installed, or what was left of it cannot be used: then every file that differs counts as edited. */
export function readManifest(paths: Paths): Manifest | null {
  const text = readText(paths.at(MANIFEST_PATH));
  if (text.kind !== 'value') return null;
  try {
    const parsed: Partial<Manifest> = JSON.parse(text.value);
    const sound = parsed.format === 1 && isList(parsed.entries, isEntry) && isList(parsed.directories, isText);
    return sound ? (parsed as Manifest) : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

const isText = (item: unknown): boolean => typeof item === 'string';
const isList = (item: unknown, fits: (item: unknown) => boolean): boolean => Array.isArray(item) && item.every(fits);
const isEntry = (item: unknown): boolean =>
  typeof item === 'object' &&
  item !== null &&
  ['path', 'kind', 'identity'].every((key) => isText((item as Record<string, unknown>)[key]));

export const writeManifest = (paths: Paths, manifest: Manifest): Promise<void> =>
  writeAtomic(paths, MANIFEST_PATH, `${JSON.stringify(manifest, null, 1)}\n`);

/** @returns directories it had to make. @throws the system's error: the rest is then not done. */
export async function performInstall(paths: Paths, steps: readonly InstallStep[]): Promise<readonly string[]> {
  const made: string[] = [];
  for (const step of steps) {
    if (step.what === 'write') {
      made.push(...missingFolders(paths, dirname(step.wanted.path)));
      await put(paths, step.wanted);
    } else if (step.what === 'keep-edited' && step.beside) {
      await putFile(paths, step.path + NEW_ENDING, { ...step.beside, mode: 0o644 });
    } else if (step.what === 'delete') deleteFile(paths, step.path);
    else if (step.what === 'set-aside') setAside(paths, step.path, basename(step.to));
  }
  return made;
}

async function put(paths: Paths, wanted: Wanted): Promise<void> {
  if (wanted.kind === 'file') return putFile(paths, wanted.path, wanted);
  replaceByLink(paths, wanted.path, wanted.target);
}

const putFile = (paths: Paths, path: string, { content, mode }: WantedFile): Promise<void> =>
  writeAtomic(paths, path, content, mode);

/** Those that are made with the first file in them, outermost first. */
const missingFolders = (paths: Paths, folder: string): readonly string[] =>
  folder === '/' || exists(paths.at(folder)) ? [] : [...missingFolders(paths, dirname(folder)), folder];

/** Directories that an install made and that nobody else uses by now. */
export function removeEmptyDirectories(paths: Paths, directories: readonly string[]): void {
  for (const directory of directories.toReversed()) {
    try {
      deleteFolder(paths, directory);
    } catch (error) {
      // Somebody uses it, made it a link or mounted something there: it stays.
      if (errorCode(error) === null) throw error;
    }
  }
}

/** Whether this root is the one this machine runs from, booted by systemd. */
export const isLive = (paths: Paths): boolean => paths.root === '/' && exists('/run/systemd/system');

/** Runs one of systemd's tools. @returns null when it did what it should, else what it said */
export function tool(argv: readonly [string, ...string[]]): string | null {
  const result = read(argv, { timeoutMs: 60_000 });
  if (result.kind === 'ok') return null;
  const said = result.kind === 'failed' ? result.stderr.trim() || `exit status ${result.status}` : result.kind;
  return `\`${argv.join(' ')}\`: ${said}`;
}
