import { EXIT } from '../../core/report/exit-code.ts';
import { renderCompletion, SHELLS, type Shell } from '../../format/completion.ts';
import { ownText } from '../../format/safe-text.ts';
import { command } from '../command.ts';
import type { Context } from '../context.ts';
import { inWords, oneOf } from '../options/value.ts';
import { UsageError } from '../usage-error.ts';

export const completionCommand = command({
  name: 'completion',
  summary: 'shell completion for bash, zsh or fish',
  description: 'Prints a completion script, made from the list of commands.',
  argument: { name: '<shell>', does: inWords(SHELLS), value: oneOf('shell', SHELLS) },
  options: {},
  after: `Examples:
  rsprep completion bash > /usr/share/bash-completion/completions/rsprep
  rsprep completion zsh > /usr/share/zsh/vendor-completions/_rsprep
  rsprep completion fish > /usr/share/fish/vendor_completions.d/rsprep.fish`,
  run: async (context, _options, [shell]) => {
    if (shell === undefined) throw new UsageError(`expected ${inWords(SHELLS)}, received none`);
    context.io.out(ownText(await completionFor(shell, context)));
    context.io.setExitCode(EXIT.ok);
  },
});

export async function completionFor(
  shell: Shell,
  { describeProgram }: Pick<Context, 'describeProgram'>,
): Promise<string> {
  const { program, globals } = await describeProgram();
  return renderCompletion(shell, program, globals);
}
