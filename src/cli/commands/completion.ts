import type { Command } from 'commander';
import { EXIT } from '../../core/report/exit-code.ts';
import { renderCompletion, SHELLS, type Shell } from '../../format/completion.ts';
import type { Io } from '../context.ts';
import { UsageError } from '../globals.ts';

export function registerCompletion(program: Command, io: Io): void {
  program
    .command('completion')
    .summary('shell completion for bash, zsh or fish')
    .description('Prints a completion script, made from the commands there are.')
    .argument('<shell>', `one of ${SHELLS.join(', ')}`)
    .addHelpText(
      'after',
      `
Examples:
  rsprep completion bash > /usr/share/bash-completion/completions/rsprep
  rsprep completion zsh > /usr/share/zsh/vendor-completions/_rsprep
  rsprep completion fish > /usr/share/fish/vendor_completions.d/rsprep.fish`,
    )
    .action(async (shell: string) => {
      if (!isShell(shell)) {
        throw new UsageError(`completion: expected ${SHELLS.join(', ')}, received ${JSON.stringify(shell)}`);
      }
      io.out(await completionFor(shell, io));
      io.setExitCode(EXIT.ok);
    });
}

export async function completionFor(shell: Shell, io: Io): Promise<string> {
  const { programDoc } = await import('../command-doc.ts');
  const { program, globals } = await programDoc(io);
  return renderCompletion(shell, program, globals);
}

const isShell = (word: string): word is Shell => SHELLS.some((shell) => shell === word);
