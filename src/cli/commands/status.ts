import { EXIT } from '../../core/report/exit-code.ts';
import { FORMAT_VERSION, totals } from '../../core/report/report.ts';
import { safe, safeJson, safeLines } from '../../format/safe-text.ts';
import { renderOverride } from '../../format/text.ts';
import { lookingAt } from '../../linux/ports/host.ts';
import { command } from '../command.ts';
import { tryDesired } from '../input.ts';
import { formats, timeout } from '../options/globals.ts';

export const statusCommand = command({
  name: 'status',
  summary: 'what was applied, which overrides are in force, what waits for a confirmation',
  description:
    'Shows what was last applied here, which overrides are in force, whether an apply waits for its confirmation, and the verdict in one line. Read-only.',
  options: {},
  uses: { format: formats('text', 'json'), timeout: timeout() },
  after:
    'Exit status: 0 whatever it shows (use verify for a verdict).\n\nExamples:\n  rsprep status\n  rsprep status --format json',
  run: async (context) => {
    const { io } = context;
    const desired = await tryDesired(context);
    const { status } = await import('../../app/status.ts');
    const found = status(lookingAt(context.paths, context.hostOptions), desired);
    const nothing = (file: 'ledger' | 'overrides', word: string): string =>
      found.unreadable.includes(file) ? 'not known: it cannot be read' : word;
    if (context.globals.format === 'json') {
      const { judgement, ...rest } = found;
      const summary = judgement === null ? null : totals(judgement);
      io.out(safeJson({ format_version: FORMAT_VERSION, ...rest, summary }));
    } else {
      io.out(
        safeLines([
          `host       ${found.host}`,
          `verdict    ${found.verdict}`,
          `applied    ${found.applied ?? nothing('ledger', 'never')}`,
          ...found.overrides.map((override) => safe`override   ${renderOverride(override, context.style)}`),
          ...(found.overrides.length === 0 ? [`override   ${nothing('overrides', 'none')}`] : []),
          ...found.notes.map((note) => `note       ${note}`),
        ]),
      );
    }
    io.setExitCode(EXIT.ok);
  },
});
