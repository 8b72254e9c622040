// The steps of the lab: what each does on the LAN, and what it expects of it.
import { allServed, exits, type Outcome, onlyDirectorAnswers } from './expectation.ts';
import type { Network } from './network.ts';
import type { DirectorMode, JsonValue } from './protocol.ts';
import type { Applied, Installed, Verdict } from './real-server.ts';
import { describeRows, request, rowData } from './requests.ts';
import { IPV4, REAL_SERVERS, type RealServer } from './topology.ts';
import { answersData, describeAnswers, METHOD, whoAnswers } from './who-answers.ts';

export interface Stage {
  readonly network: Network;
  readonly mode: DirectorMode;
  readonly servers: Readonly<Record<RealServer, Installed>>;
}

export async function unprepared(stage: Stage): Promise<Outcome> {
  const verdicts = await onBoth(stage, (server) => server.verify());
  return {
    lines: verdicts.map(([name, { exitCode, ids }]) => `${name}: exit ${exitCode}: ${ids.join(', ')}`),
    data: Object.fromEntries(verdicts.map(([name, verdict]) => [name, verdictData(verdict)])),
    expectations: verdicts.map(([name, verdict]) => exits(name, 'verify', verdict, 3)),
  };
}

export async function apply(stage: Stage): Promise<Outcome> {
  const applied = await onBoth(stage, (server) => server.apply());
  // Where it failed there is no VIP to serve on; the expectation below says so.
  for (const [name] of applied.filter(([, { exitCode }]) => exitCode === 0)) {
    const vips = stage.network.families.map(({ vip }) => vip);
    await stage.network.hosts[name].call('serve', { name, vips });
  }
  return {
    lines: once(applied),
    data: Object.fromEntries(applied.map(([name, { exitCode, output }]) => [name, { exit_code: exitCode, output }])),
    expectations: applied.map(([name, one]) => exits(name, 'apply', one, 0)),
  };
}

export async function verify(stage: Stage): Promise<Outcome> {
  const verdicts = await onBoth(stage, (server) => server.verify());
  return {
    lines: verdicts.flatMap(([, { exitCode, output }]) => quote([`${output.at(-1)} (exit ${exitCode})`])),
    data: Object.fromEntries(verdicts.map(([name, verdict]) => [name, verdictData(verdict)])),
    expectations: verdicts.flatMap(([name, verdict]) => [exits(name, 'verify', verdict, 0)]),
  };
}

export async function requests(stage: Stage): Promise<Outcome> {
  const rows = await request(stage.network, stage.mode, stage.network.families);
  return { lines: describeRows(rows), data: { requests: rows.map(rowData) }, expectations: rows.map(allServed) };
}

export async function arp(stage: Stage): Promise<Outcome> {
  const answers = await Promise.all(stage.network.families.map((family) => whoAnswers(stage.network, family)));
  return {
    lines: [...answers.flatMap(describeAnswers), ...METHOD],
    data: { method: METHOD.join(' '), vips: answers.map(answersData) },
    expectations: answers.map(onlyDirectorAnswers),
  };
}

/** arp_ignore=0 on `all`: rs1 answers ARP for any address of its own, those on lo too (inet_addr_type() in arp_process()). */
export async function breakArp(stage: Stage): Promise<Outcome> {
  await stage.network.hosts.rs1.call('sysctl', [{ path: ['net', 'ipv4', 'conf', 'all', 'arp_ignore'], value: '0' }]);
  const answers = await whoAnswers(stage.network, IPV4);
  // The client now has what the last broadcast taught it. Its requests follow that, director or not.
  const rows =
    answers.learnt.at(-1) === 'rs1'
      ? await request(stage.network, stage.mode === 'neighbour' ? 'nft' : stage.mode, [IPV4])
      : [];
  return {
    lines: [
      ...describeAnswers(answers),
      ...(rows.length > 0 ? ['so this client goes to rs1, past the director:', ...describeRows(rows)] : []),
    ],
    data: { ...(answersData(answers) as { [key: string]: JsonValue }), requests: rows.map(rowData) },
    expectations: [
      {
        met: answers.asked.rs1 === true && answers.asked.rs2 === false,
        expected: 'rs1, and not rs2, to answer ARP for the VIP once its arp_ignore is 0',
        received: describeAnswers(answers)[0] ?? '',
      },
    ],
  };
}

export async function names(stage: Stage, name: RealServer, id: string): Promise<Outcome> {
  const verdict = await stage.servers[name].verify();
  return {
    lines: quote([...verdict.output, `(exit ${verdict.exitCode})`]),
    data: { [name]: verdictData(verdict) },
    expectations: [
      exits(name, 'verify', verdict, 2),
      {
        met: verdict.ids.length === 1 && verdict.ids.every((one) => one.startsWith(id)),
        expected: `one finding, ${id}…, on ${name}`,
        received: verdict.ids.join(', ') || 'none',
      },
    ],
  };
}

export async function fixArp(stage: Stage): Promise<Outcome> {
  const fixed = await fix(stage, 'rs1');
  const answers = await whoAnswers(stage.network, IPV4);
  return {
    lines: [...fixed.lines, ...describeAnswers(answers)],
    data: { rs1: fixed.data, ...(answersData(answers) as { [key: string]: JsonValue }) },
    expectations: [...fixed.expectations, onlyDirectorAnswers(answers)],
  };
}

export async function breakVip(stage: Stage): Promise<Outcome> {
  await stage.network.hosts.rs2.must(['ip', 'address', 'del', `${IPV4.vip}/${IPV4.prefixLength}`, 'dev', 'lo']);
  const rows = await request(stage.network, stage.mode, [IPV4], { someLost: true });
  return {
    lines: [...describeRows(rows), 'rs2 still gets its share of the requests, which are lost'],
    data: { requests: rows.map(rowData) },
    expectations: rows.map((row) => ({
      met: row.unanswered > 0 && (row.byServer.rs2 ?? 0) === 0 && (row.byServer.rs1 ?? 0) > 0,
      expected: 'answers from rs1 only, and the share of rs2 lost',
      received: describeRows([row]).join(),
    })),
  };
}

export async function fixVip(stage: Stage): Promise<Outcome> {
  const fixed = await fix(stage, 'rs2');
  const rows = await request(stage.network, stage.mode, stage.network.families);
  return {
    lines: [...fixed.lines, ...describeRows(rows)],
    data: { rs2: fixed.data, requests: rows.map(rowData) },
    expectations: [...fixed.expectations, ...rows.map(allServed)],
  };
}

async function fix(stage: Stage, name: RealServer): Promise<Outcome> {
  const applied = await stage.servers[name].apply();
  const verdict = await stage.servers[name].verify();
  return {
    lines: quote([...applied.output, `(exit ${applied.exitCode}; verify: exit ${verdict.exitCode})`]),
    data: { exit_code: applied.exitCode, output: applied.output, verify: verdictData(verdict) },
    expectations: [exits(name, 'apply', applied, 0), exits(name, 'verify', verdict, 0)],
  };
}

function onBoth<T>(stage: Stage, use: (server: Installed) => Promise<T>): Promise<(readonly [RealServer, T])[]> {
  return Promise.all(REAL_SERVERS.map(async (name) => [name, await use(stage.servers[name])] as const));
}

/** What both printed, but only once where it is the same but for the name of the host. */
function once(applied: readonly (readonly [string, Applied])[]): readonly string[] {
  const stepsOf = ({ output }: Applied): string => output.slice(0, -1).join('\n');
  const [first] = applied;
  return applied.flatMap(([name, one]) =>
    first !== undefined && name !== first[0] && stepsOf(one) === stepsOf(first[1])
      ? quote([`${one.output.at(-1) ?? name} (by the same steps)`])
      : quote(one.output),
  );
}

const quote = (output: readonly string[]): readonly string[] => output.map((line) => `| ${line}`);

const verdictData = ({ exitCode, ids }: Verdict): JsonValue => ({ exit_code: exitCode, findings: ids });
