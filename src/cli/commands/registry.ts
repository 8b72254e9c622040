import type { Command } from '../command.ts';
import { GLOBALS } from '../options/globals.ts';

/**
 * Every command there is, in the order in which help lists them; one file each, loaded only when it is called, because
 * registering all of them costs a `verify` a fifth of its time.
 */
export const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  apply: async () => (await import('./apply.ts')).applyCommand,
  plan: async () => (await import('./plan.ts')).planCommand,
  verify: async () => (await import('./verify.ts')).verifyCommand,
  remove: async () => (await import('./remove.ts')).removeCommand,
  lab: async () => (await import('./lab.ts')).labCommand,
  confirm: async () => (await import('./confirm.ts')).confirmCommand,
  drain: async () => (await import('./override.ts')).drainCommand,
  hold: async () => (await import('./override.ts')).holdCommand,
  vouch: async () => (await import('./override.ts')).vouchCommand,
  resume: async () => (await import('./override.ts')).resumeCommand,
  status: async () => (await import('./status.ts')).statusCommand,
  report: async () => (await import('./report/report.ts')).reportCommand,
  check: async () => (await import('./check.ts')).checkCommand,
  respond: async () => (await import('./respond/respond.ts')).respondCommand,
  ask: async () => (await import('./ask/ask.ts')).askCommand,
  explain: async () => (await import('./explain.ts')).explainCommand,
  render: async () => (await import('./render.ts')).renderCommand,
  probe: async () => (await import('./probe/probe.ts')).probeCommand,
  config: async () => (await import('./config.ts')).configCommand,
  install: async () => (await import('./install/install.ts')).installCommand,
  completion: async () => (await import('./completion.ts')).completionCommand,
  man: async () => (await import('./man.ts')).manCommand,
};

/** Global options that take a value: the word behind them is no command. */
const TAKES_VALUE: ReadonlySet<string> = new Set(
  Object.entries(GLOBALS).flatMap(([name, { short, value }]) => (value === null ? [] : [`--${name}`, short ?? ''])),
);

/** The command a person called, if it is one there is; null for help, typing errors and the like. */
export function calledCommand(argv: readonly string[]): string | null {
  for (let index = 0; index < argv.length; index += 1) {
    const word = argv[index] ?? '';
    if (TAKES_VALUE.has(word)) index += 1;
    else if (!word.startsWith('-')) return Object.hasOwn(COMMANDS, word) ? word : null;
  }
  return null;
}
