import { unknown, type Verdict } from '../model/finding.ts';
import { lacksPrivilege, type Reading } from '../model/reading.ts';

/** Files that decide about the next boot and that this user cannot read: each is said, none is taken for empty. */
export const unreadableFiles = (
  files: readonly { readonly path: string; readonly content: Reading<unknown> }[],
): readonly Verdict[] =>
  files.flatMap(({ path, content }): readonly Verdict[] =>
    content.kind !== 'unreadable'
      ? []
      : [
          unknown({
            subject: path,
            severity: 'high',
            reason: content.reason,
            wouldHelp: `${path} readable for this user`,
            forLackOfPrivilege: lacksPrivilege(content),
          }),
        ],
  );
