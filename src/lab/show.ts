// The lab for a person at a terminal, or as one document for a program.
import { type SafeText, safe, safeJson, safeLines } from '../format/safe-text.ts';
import type { Style } from '../format/style.ts';
import { ownCommand } from './child.ts';
import { type LabEnd, runLab } from './outside.ts';
import type { LabEvent, LabOptions } from './protocol.ts';
import { drawing, labJson, renderStanding, renderStep } from './render.ts';
import { type StandingLab, standingLabs, takeDown } from './standing.ts';

/** What the lab needs of the command line around it. */
export interface Screen {
  out(text: SafeText): void;
  err(text: SafeText): void;
  readonly errIsTerminal: boolean;
  readonly style: Style;
  readonly json: boolean;
  readonly quiet: boolean;
}

const SIGNAL_CODES: Readonly<Partial<Record<NodeJS.Signals, number>>> = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 };

/** Runs the lab and shows it. @returns the exit code. */
export async function showLab(screen: Screen, options: Pick<LabOptions, 'keep' | 'director'>): Promise<number> {
  const [standing] = standingLabs();
  if (standing && options.keep) return refuseSecond(screen, standing);
  if (standing && !screen.quiet) {
    screen.err(safe`note: another lab was kept (pid ${standing.pid}); ${ownCommand()} lab down removes it\n`);
  }
  const startedMs = performance.now();
  const events: LabEvent[] = [];
  const end = await runLab(options, (event) => {
    events.push(event);
    if (!screen.json) show(event, screen);
  });
  const durationMs = Math.round(performance.now() - startedMs);
  const exitCode = codeOf(end);
  clearProgress(screen);
  const kept = end.kind === 'ended' && end.kept ? (standingLabs()[0] ?? null) : null;
  if (screen.json) screen.out(labJson(events, { end, exitCode, durationMs, kept }));
  else if (!screen.quiet || exitCode !== 0) screen.out(summary(end, events, durationMs, screen.style));
  if (end.kind === 'broken') screen.err(safe`rsprep lab: ${end.message}\n  next: ${end.next}\n`);
  if (kept && !screen.json) screen.out(safe`\n${renderStanding(kept)}`);
  return exitCode;
}

/** `lab down`. @returns the exit code. */
export async function downLab(screen: Screen): Promise<number> {
  const labs = standingLabs();
  const gone = await Promise.all(labs.map(takeDown));
  const stuck = labs.filter((_lab, index) => gone[index] === false);
  if (screen.json) {
    const removed = labs.filter((lab) => !stuck.includes(lab)).map(({ pid }) => ({ pid }));
    screen.out(safeJson({ format_version: '1.0', command: 'lab down', exit_code: stuck.length > 0 ? 1 : 0, removed }));
  } else if (labs.length === 0 && !screen.quiet) screen.out(safe`there is no lab to remove\n`);
  else if (stuck.length === 0 && !screen.quiet) {
    screen.out(safeLines(labs.map(({ pid }) => safe`the lab (pid ${pid}) is gone: hosts, processes, files`)));
  }
  for (const { pid } of stuck) {
    screen.err(safe`rsprep lab down: the lab (pid ${pid}) was killed but has not ended yet\n  next: ps -p ${pid}\n`);
  }
  return stuck.length > 0 ? 1 : 0;
}

function refuseSecond(screen: Screen, lab: StandingLab): number {
  screen.err(safe`rsprep lab: a lab was kept already (pid ${lab.pid})\n  next: use that one, or remove it\n\n`);
  screen.err(renderStanding(lab));
  return 1;
}

function show(event: LabEvent, screen: Screen): void {
  if (screen.quiet) return;
  clearProgress(screen);
  if (event.kind === 'stands') screen.out(drawing(event, screen.style));
  if (event.kind === 'step') screen.out(renderStep(event.step, screen.style));
  if (event.kind === 'began' && screen.errIsTerminal) screen.err(screen.style.dim(`  …    ${event.title}`));
}

function clearProgress(screen: Screen): void {
  if (screen.errIsTerminal && !screen.json && !screen.quiet) screen.err(safe`\r\u001b[K`);
}

function codeOf(end: LabEnd): number {
  if (end.kind === 'interrupted') return SIGNAL_CODES[end.signal] ?? 1;
  return end.kind === 'ended' && end.ok ? 0 : 1;
}

function summary(end: LabEnd, events: readonly LabEvent[], durationMs: number, style: Style): SafeText {
  const steps = events.flatMap((event) => (event.kind === 'step' ? [event.step] : []));
  const fine = steps.filter(({ ok }) => ok).length;
  const took = `${(durationMs / 1000).toFixed(1)} s`;
  switch (end.kind) {
    case 'broken':
      return safe``;
    case 'interrupted':
      return safe`${style.yellow('interrupted')} by ${end.signal} after ${took}: the lab is gone: hosts, processes, files\n`;
    case 'ended': {
      const left = end.kept ? 'the lab is kept' : 'the lab is gone again, and this machine is as it was';
      const verdict = end.ok
        ? safe`${style.green('lab: everything as expected')}, ${fine} steps`
        : safe`${style.red('lab: not as expected')}: ${fine} steps as expected, then \`${steps.at(-1)?.id ?? 'none'}\` was not`;
      return safe`\n${verdict}, ${took}; ${left}\n`;
    }
  }
}
