import { type Command, Option } from 'commander';
import type { Screen } from '../../lab/show.ts';
import { contextOf, type Io } from '../context.ts';
import { addGlobals, checkFormat } from '../globals.ts';

const EXAMPLES = `
A client, a director (IPVS where the kernel has it, nftables otherwise) and two real servers. Runs apply and verify in both, sends
requests through the director, breaks each real server once, fixes it. Changes nothing of this machine, and everything is gone at the
end, after Ctrl-C too. Works as root, and without where unprivileged user namespaces are allowed.

Exit status: 0 everything as expected · 1 not, or no lab can be built here · 130 interrupted

Examples:
  rsprep lab
  rsprep lab --keep                 leave it standing, and say how to enter each host
  rsprep lab down                   take that away
  rsprep lab --director neighbour   without a director: only iproute2 is needed`;

export function registerLab(program: Command, io: Io): void {
  const lab = program
    .command('lab')
    .summary('try it all in throwaway namespaces on this machine')
    .description('Shows the main job on a LAN of throwaway network namespaces.')
    .option('--keep', 'leave it standing at the end')
    .addOption(
      new Option('--director <kind>', 'the director to use')
        .choices(['auto', 'ipvs', 'nft', 'neighbour'])
        .default('auto', 'the most real one this machine has'),
    )
    .addHelpText('after', EXAMPLES);
  addGlobals(lab).action(
    async (options: { keep?: boolean; director: 'auto' | 'ipvs' | 'nft' | 'neighbour' }, self: Command) => {
      const screen = screenOf(self, io);
      const { showLab } = await import('../../lab/show.ts');
      io.setExitCode(await showLab(screen, { keep: options.keep === true, director: options.director }));
    },
  );
  const down = lab
    .command('down')
    .description('Takes away what `rsprep lab --keep` left standing.')
    .addHelpText('after', '\nExample:\n  rsprep lab down');
  addGlobals(down).action(async (_options: unknown, self: Command) => {
    const screen = screenOf(self, io);
    const { downLab } = await import('../../lab/show.ts');
    io.setExitCode(await downLab(screen));
  });
  registerParts(lab, io);
}

/** What the lab itself runs: its first process, and the agent in each host. */
function registerParts(lab: Command, io: Io): void {
  lab.command('inside <options>', { hidden: true }).action(async (options: string) => {
    const { runInside } = await import('../../lab/inside.ts');
    await runInside(JSON.parse(options));
    io.setExitCode(0);
  });
  lab.command('host <lab> <name>', { hidden: true }).action(async (id: string, name: string) => {
    const { runAgent } = await import('../../lab/agent.ts');
    await runAgent(Number(id), name as Parameters<typeof runAgent>[1]);
    io.setExitCode(0);
  });
}

function screenOf(command: Command, io: Io): Screen {
  const { globals, style } = contextOf(command, io);
  checkFormat(globals.format, ['text', 'json']);
  return {
    out: io.out,
    err: io.err,
    errIsTerminal: io.errIsTerminal,
    style,
    json: globals.format === 'json',
    quiet: globals.quiet,
  };
}
