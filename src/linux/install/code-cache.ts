import { CACHE_NAME, WRITE_CODE_CACHE } from '../../code-cache.ts';
import { namesIn } from '../files/folders.ts';
import type { Paths } from '../files/paths.ts';
import { deleteFile } from '../files/replace.ts';
import { commandFailure, read } from '../process/command.ts';
import { JITLESS, PROGRAM_DIRECTORY } from './files.ts';

/** Each way in which units and people start Node; V8 takes a cache only with the flags it was made with. */
const STARTS: readonly (readonly string[])[] = [[], JITLESS];
const LIMIT_MS = 120_000;

/**
 * What the host's Node makes of the installed program, so that a start takes two thirds of the time. Runs commands that only
 * read (src/cli/warm-up.ts). @returns notes about what could not be made: that is only slower
 */
export function makeCodeCaches(paths: Paths, node: string): readonly string[] {
  deleteCodeCaches(paths);
  const program = paths.at(`${PROGRAM_DIRECTORY}/rsprep.cjs`);
  return STARTS.flatMap((options) => {
    const result = read([node, ...options, program, WRITE_CODE_CACHE], { timeoutMs: LIMIT_MS });
    if (result.kind === 'ok') return [];
    return [`${commandFailure(result, 'no code cache')}; rsprep only starts slower`];
  });
}

/** Of every program and every Node: they are no part of the manifest, because each host makes its own. */
export function deleteCodeCaches(paths: Paths): void {
  const names = namesIn(paths.at(PROGRAM_DIRECTORY));
  if (names.kind !== 'value') return; // not there, or the program's files could not be written either
  for (const name of names.value) if (CACHE_NAME.test(name)) deleteFile(paths, `${PROGRAM_DIRECTORY}/${name}`);
}
