import { type SafeText, safe, safeJson, safeLines } from '../format/safe-text.ts';
import type { Style } from '../format/style.ts';
import { ownCommand } from './child.ts';
import type { LabEnd } from './outside.ts';
import type { LabEvent, StepResult } from './protocol.ts';
import { commandIn } from './real-server.ts';
import type { StandingLab } from './standing.ts';
import { HOST_NAMES, HOSTS, REAL_SERVERS, VIP4, VIP6 } from './topology.ts';

type Standing = Extract<LabEvent, { kind: 'stands' }>;

/** The network as a drawing. */
export function drawing({ families, director }: Standing, style: Style): SafeText {
  const { client, rs1, rs2 } = HOSTS;
  const [bold, dim] = [style.bold, style.dim];
  const way = director.mode === 'neighbour' ? 'client → rs1 or rs2' : 'client → director → rs1 or rs2';
  return safeLines([
    safe`  ${bold('client')}    ${client.ipv4} ───┐          ┌─── ${rs1.ipv4}  ${bold('rs1')}  ${dim('VIP on lo, silent')}`,
    '                          ├─ switch ─┤',
    safe`  ${bold('director')}  ${HOSTS.director.ipv4}  ───┘          └─── ${rs2.ipv4}  ${bold('rs2')}  ${dim('VIP on lo, silent')}`,
    dim('            VIP on eth0: answers ARP for it'),
    '',
    safe`  VIP       ${families.map((version) => (version === 4 ? VIP4 : VIP6)).join(' and ')}`,
    safe`  request   ${way}: addressed to the VIP all the way, passed on by MAC address`,
    '  reply     rs1 or rs2 → client: straight, from the VIP',
    safe`  director  ${director.what}`,
    ...(director.why ? [dim(`            ${director.why}`)] : []),
    '',
  ]);
}

export function renderStep(step: StepResult, style: Style): SafeText {
  const mark = step.ok ? style.green('ok    ') : style.red('FAILED');
  const lines = step.lines.map((line) =>
    line.startsWith('|') ? safe`         ${style.dim('|')}${line.slice(1)}` : safe`         ${line}`,
  );
  const failure = step.failure
    ? [
        safe`         ${style.bold('expected')} ${step.failure.expected}`,
        safe`         ${style.bold('received')} ${step.failure.received}`,
        ...step.failure.output.map((line) => safe`         | ${line}`),
      ]
    : [];
  const title = safe`${mark} ${style.bold(step.title)}  ${style.dim(`${step.durationMs} ms`)}`;
  return safeLines([title, ...lines, ...failure]);
}

/** How to go into the hosts of a lab that stands, and how to take it away. */
export function renderStanding(lab: StandingLab): SafeText {
  const sudo = process.env.SUDO_USER ? 'sudo ' : '';
  // Not -a: it would also enter the control group namespace, which is nobody's here.
  const spaces = lab.userNamespace ? '-U --preserve-credentials -m -u -n -p' : '-m -u -n -p';
  const enter = (pid: number): string => `${sudo}nsenter -t ${pid} ${spaces}`;
  const shells = HOST_NAMES.flatMap((name) => {
    const pid = lab.hosts[name];
    return pid === undefined ? [] : [`  ${name.padEnd(8)} ${enter(pid)}`];
  });
  const commands = REAL_SERVERS.flatMap((name) => {
    const pid = lab.hosts[name];
    return pid === undefined || lab.folder === null
      ? []
      : [`  ${name.padEnd(8)} ${enter(pid)} ${commandIn(lab.folder, name)} verify`];
  });
  return safeLines([
    'A shell in a host (leave it with exit):',
    ...shells,
    ...(commands.length > 0 ? ['rsprep there (verify, plan, apply, …):', ...commands] : []),
    'Remove it:',
    `  ${sudo}${ownCommand()} lab down`,
  ]);
}

/** The one document of `--format json`. */
export function labJson(
  events: readonly LabEvent[],
  more: {
    readonly end: LabEnd;
    readonly exitCode: number;
    readonly durationMs: number;
    readonly kept: StandingLab | null;
  },
): SafeText {
  const standing = events.find((event) => event.kind === 'stands');
  const document = {
    format_version: '1.0',
    command: 'lab',
    exit_code: more.exitCode,
    ok: more.exitCode === 0,
    duration_ms: more.durationMs,
    network: standing
      ? { vips: standing.families.map((version) => (version === 4 ? VIP4 : VIP6)), hosts: HOSTS }
      : null,
    director: standing?.director ?? null,
    steps: events.flatMap((event) => (event.kind === 'step' ? [stepJson(event.step)] : [])),
    failure: more.end.kind === 'broken' ? { message: more.end.message, next: more.end.next } : null,
    kept: more.kept && { pid: more.kept.pid, hosts: more.kept.hosts, folder: more.kept.folder },
  };
  return safeJson(document);
}

const stepJson = ({ id, title, ok, durationMs, failure, data }: StepResult): object => ({
  id,
  title,
  ok,
  duration_ms: durationMs,
  failure,
  data,
});
