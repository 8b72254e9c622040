import { EXIT } from '../../core/report/exit-code.ts';
import type { Screen } from '../../lab/show.ts';
import { command } from '../command.ts';
import type { Context } from '../context.ts';
import { formats } from '../options/globals.ts';
import { flag, withDefault } from '../options/option.ts';
import { oneOf, word } from '../options/value.ts';

const DIRECTORS = ['auto', 'ipvs', 'nft', 'neighbour'] as const;
const uses = { format: formats('text', 'json') };

const down = command({
  name: 'down',
  description: 'Removes the lab that `rsprep lab --keep` kept.',
  options: {},
  uses,
  after: 'Example:\n  rsprep lab down',
  run: async (context) => {
    const { downLab } = await import('../../lab/show.ts');
    context.io.setExitCode(await downLab(screenOf(context)));
  },
});

/** What the lab itself runs: its first process, and the agent in each host. */
const inside = command({
  name: 'inside',
  description: 'The first process of a lab.',
  argument: { name: '<options>', does: 'as JSON', value: word },
  hidden: true,
  options: {},
  run: async ({ io }, _options, [options = '']) => {
    const { runInside } = await import('../../lab/inside.ts');
    await runInside(JSON.parse(options));
    io.setExitCode(EXIT.ok);
  },
});

const host = command({
  name: 'host',
  description: 'The agent in a host of a lab.',
  argument: { name: '<lab-and-name...>', does: 'the id of the lab, and which host', value: word },
  hidden: true,
  options: {},
  run: async ({ io }, _options, [id, name]) => {
    const { runAgent } = await import('../../lab/agent.ts');
    await runAgent(Number(id), name as Parameters<typeof runAgent>[1]);
    io.setExitCode(EXIT.ok);
  },
});

export const labCommand = command({
  name: 'lab',
  summary: 'try it all in throwaway namespaces on this machine',
  description: 'Shows the main job on a LAN of throwaway network namespaces.',
  options: {
    keep: flag('keep the lab running at the end'),
    director: withDefault(
      oneOf('kind', DIRECTORS),
      'auto',
      'auto, ipvs, nft or neighbour (default: auto, the most real one this machine has)',
    ),
  },
  uses,
  after: `A client, a director (IPVS where the kernel has it, nftables otherwise) and two real servers. Runs apply and verify in both, sends
requests through the director, breaks each real server once and fixes it. Changes nothing on this machine; everything is removed at the
end, also after Ctrl-C. Works as root, and without where unprivileged user namespaces are allowed.

Exit status: 0 everything as expected · 1 not, or no lab can be built here · 130 interrupted

Examples:
  rsprep lab
  rsprep lab --keep                 leave it standing, and say how to enter each host
  rsprep lab down                   take that away
  rsprep lab --director neighbour   without a director: only iproute2 is needed`,
  commands: [down, inside, host],
  run: async (context, { keep, director }) => {
    const { showLab } = await import('../../lab/show.ts');
    context.io.setExitCode(await showLab(screenOf(context), { keep, director }));
  },
});

const screenOf = ({ io, globals, style }: Context): Screen => ({
  out: io.out,
  err: io.err,
  errIsTerminal: io.errIsTerminal,
  style,
  json: globals.format === 'json',
  quiet: globals.quiet,
});
