import type { Desired } from '../../core/model/desired.ts';
import { isIpv6 } from '../../core/model/names.ts';
import type { LocalRoute, Observed } from '../../core/model/observed.ts';
import { type Reading, unreadable, value } from '../../core/model/reading.ts';
import { NOT_LOOKED_AT } from '../../core/model/surroundings.ts';
import { SYSCTL_FILE } from '../../core/sysctl/file.ts';
import { readText } from '../files/files.ts';
import type { Paths } from '../files/paths.ts';
import { startNft } from './firewall.ts';
import { type BatchReading, type IpProcess, startIp } from './ip-batch.ts';
import { toLink, toLocalRoute, toRoute } from './ip-json.ts';
import { readMainTable } from './route-tables.ts';
import { PROXY_COMMAND, type Question, questionsOf, routeCommand, toRouting } from './routing.ts';
import { alwaysListsRules, type FromIp, observeSurroundings } from './surroundings.ts';
import { readArpSettings, readPromoteSecondaries } from './sysctl.ts';

export interface ObserveOptions {
  /** Also what a change could drag along: routes of every table, promote_secondaries. */
  readonly forChange: boolean;
  readonly timeoutMs: number;
  /** Started already, by startMainIp(), and asked nothing yet. */
  readonly ip?: IpProcess;
}

/** The `ip` that every observation needs: it is loaded and linked while the configuration is read. */
export const startMainIp = (): IpProcess => startIp(['-j', '-d']);

/**
 * One pass over the host. One `ip` process for IPv4 and links, one more for the IPv6 local table where a VIP needs it;
 * never one per VIP or interface (1 000 addresses: 3 ms in one call, 2.1 s in 1 000).
 */
export function observe(paths: Paths, desired: Desired | null, options: ObserveOptions): Observed {
  const wants6 = desired?.vips.some(({ address }) => isIpv6(address)) ?? false;
  const answers = askKernel(desired, options);
  const answers6 = wants6 ? askLocal6() : null;
  const nft = desired && alwaysListsRules(desired) ? startNft() : null;
  // While they answer:
  const arp = readArpSettings();
  const kernel = answers();
  const local6 = answers6?.(options.timeoutMs) ?? value<readonly LocalRoute[]>([]);
  return {
    ...(desired ? observeSurroundings(paths, desired, { ...kernel, arp }, { ...options, nft }) : NOT_LOOKED_AT),
    links: kernel.links,
    localRoutes: both(kernel.localRoutes, local6),
    arp,
    sysctlFile: readText(paths.at(SYSCTL_FILE)),
    change: options.forChange ? { routes: kernel.routes, promoteSecondaries: readPromoteSecondaries() } : null,
  };
}

/** Asks; what is returned waits for the answers. */
function askKernel(
  desired: Desired | null,
  { forChange, timeoutMs, ip = startMainIp() }: ObserveOptions,
): () => Omit<FromIp, 'arp'> {
  const needed = ['address show', 'route show table local', ...(forChange ? ['route show table all'] : [])];
  const main = readMainTable();
  const questions = desired ? questionsOf(desired, main.kind === 'value' ? main.value : []) : [];
  ip.ask([...needed, ...(desired ? [PROXY_COMMAND] : []), ...questions.map(routeCommand)]);
  return () => toKernel(ip.answers(needed.length, timeoutMs), needed.length, desired ? questions : null, main);
}

function toKernel(
  batch: BatchReading,
  needed: number,
  questions: readonly Question[] | null,
  main: ReturnType<typeof readMainTable>,
): Omit<FromIp, 'arp'> {
  if (batch.kind !== 'value') return { links: batch, localRoutes: batch, routes: batch, routing: batch };
  const [links, local] = batch.value;
  const routes = needed > 2 ? batch.value[2] : null;
  const known = (links ?? []).map(toLink).filter((link) => link !== null);
  // Every network namespace has lo: an empty list is output of something that is not iproute2.
  const sane = known.length > 0;
  return {
    links: sane ? value(known) : unreadable('io', '`ip -j address show` lists no interface at all, not even lo'),
    localRoutes: value((local ?? []).flatMap(toLocalRoute)),
    routes: value((routes ?? []).flatMap(toRoute)),
    routing: questions ? toRouting(questions, batch.value.slice(needed + 1), batch.value[needed] ?? null, main) : null,
  };
}

function askLocal6(): (timeoutMs: number) => Reading<readonly LocalRoute[]> {
  const ip = startIp(['-6', '-j']);
  ip.ask(['route show table local']);
  return (timeoutMs) => {
    const batch = ip.answers(1, timeoutMs);
    return batch.kind === 'value' ? value((batch.value[0] ?? []).flatMap(toLocalRoute)) : batch;
  };
}

function both(a: Reading<readonly LocalRoute[]>, b: Reading<readonly LocalRoute[]>): Reading<readonly LocalRoute[]> {
  if (a.kind !== 'value') return a;
  return b.kind === 'value' ? value([...a.value, ...b.value]) : b;
}
