import { runProgram } from '../../../src/cli/program.ts';

export interface Called {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs the program in this process; it has neither a terminal nor an environment. */
export async function call(...argv: readonly string[]): Promise<Called> {
  const said = { code: Number.NaN, out: '', err: '' };
  await runProgram(argv, {
    out: (text) => {
      said.out += text;
    },
    err: (text) => {
      said.err += text;
    },
    setExitCode: (code) => {
      said.code = code;
    },
    ...{ outIsTerminal: false, errIsTerminal: false, env: {}, self: ['node', 'rsprep.cjs'] },
    ...{ deferSignals: () => () => false, onStop: () => undefined },
  });
  return said;
}
