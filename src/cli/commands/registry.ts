import type { Register } from '../context.ts';

/**
 * Every command there is, in the order in which help lists them; one file each, loaded only when it is called, because
 * registering all of them costs a `verify` a fifth of its time.
 */
export const COMMANDS: Readonly<Record<string, () => Promise<Register>>> = {
  apply: async () => (await import('./apply.ts')).registerApply,
  plan: async () => (await import('./plan.ts')).registerPlan,
  verify: async () => (await import('./verify.ts')).registerVerify,
  remove: async () => (await import('./remove.ts')).registerRemove,
  lab: async () => (await import('./lab.ts')).registerLab,
  confirm: async () => (await import('./confirm.ts')).registerConfirm,
  drain: async () => (await import('./override.ts')).registerDrain,
  hold: async () => (await import('./override.ts')).registerHold,
  vouch: async () => (await import('./override.ts')).registerVouch,
  resume: async () => (await import('./override.ts')).registerResume,
  status: async () => (await import('./status.ts')).registerStatus,
  report: async () => (await import('./report/report.ts')).registerReport,
  check: async () => (await import('./check.ts')).registerCheck,
  respond: async () => (await import('./respond/respond.ts')).registerRespond,
  ask: async () => (await import('./ask/ask.ts')).registerAsk,
  explain: async () => (await import('./explain.ts')).registerExplain,
  render: async () => (await import('./render.ts')).registerRender,
  probe: async () => (await import('./probe/self.ts')).registerProbe,
  config: async () => (await import('./config.ts')).registerConfig,
  install: async () => (await import('./install/install.ts')).registerInstall,
  completion: async () => (await import('./completion.ts')).registerCompletion,
  man: async () => (await import('./man.ts')).registerMan,
};

/** Global options that take a value: the word behind them is no command. */
const TAKES_VALUE = /^(-c|--config|--root|--format|--timeout|--lock-timeout)$/;

/** The command a person called, if it is one there is; null for help, typing errors and the like. */
export function calledCommand(argv: readonly string[]): string | null {
  for (let index = 0; index < argv.length; index += 1) {
    const word = argv[index] ?? '';
    if (TAKES_VALUE.test(word)) index += 1;
    else if (!word.startsWith('-')) return Object.hasOwn(COMMANDS, word) ? word : null;
  }
  return null;
}
