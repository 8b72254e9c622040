import { type Severity, unknown, type Verdict } from '../model/finding.ts';
import { lacksPrivilege, type Reading, type Unreadable } from '../model/reading.ts';

/** What could not be read, in the name of the check that needs it. */
export const cannotTell = (
  reading: Unreadable,
  about: { readonly subject: string | null; readonly severity: Severity; readonly wouldHelp: string },
): Verdict => unknown({ ...about, reason: reading.reason, forLackOfPrivilege: lacksPrivilege(reading) });

/** Files that decide about the next boot and that this user cannot read: each is said, none is taken for empty. */
export const unreadableFiles = (
  files: readonly { readonly path: string; readonly content: Reading<unknown> }[],
): readonly Verdict[] =>
  files.flatMap(({ path, content }): readonly Verdict[] =>
    content.kind === 'unreadable'
      ? [cannotTell(content, { subject: path, severity: 'high', wouldHelp: `${path} readable for this user` })]
      : [],
  );
