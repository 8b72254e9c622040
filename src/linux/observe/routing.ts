import { contains } from '../../core/model/addresses.ts';
import type { Desired, DesiredVip } from '../../core/model/desired.ts';
import { fromBits, toBits } from '../../core/model/ip-bits.ts';
import { familyOf, type InterfaceName, type Ip, isIpv6, kernelIp, LO } from '../../core/model/names.ts';
import { type Reading, unreadable, value } from '../../core/model/reading.ts';
import type { Arrival, MainRoute, ReplyHops, RouteAnswer, Routing } from '../../core/model/surroundings.ts';
import type { parseArray } from './ip-json.ts';
import { readTable6 } from './route-tables.ts';

type Json = ReturnType<typeof parseArray>;

/**
 * Stand for a client somewhere on the internet: documentation addresses (RFC 5737, RFC 3849, RFC 9637). Only looked up, never
 * sent to. The first that no route but the default one leads to: a lab may use one of these networks for itself.
 */
const SOME_CLIENTS = {
  4: ['203.0.113.1', '198.51.100.1', '192.0.2.1'].map(kernelIp),
  6: ['2001:db8:ffff::1', '3fff:ffff::1'].map(kernelIp),
} as const;

/** VIPs of each family about which everything is asked; about those after them only the way in and the way back; then nothing more. */
const MOST_VIPS = 8;
const MOST_VIPS_AT_ALL = 32;
const MOST_DIRECTORS = 4;
const MOST_ROUTES = 32;

/** One `ip route get`, and what its answer is for. */
export type Question = { readonly to: Ip; readonly from: Ip | null } & (
  | { readonly about: 'way' | 'own' | 'near-reply' | 'behind-route' | 'hops' }
  | { readonly about: 'arrival'; readonly device: InterfaceName; readonly client: Arrival['client'] }
);

/** What the configuration gives reason to ask: the way to each director, in from it, and back to a client. */
export function questionsOf(desired: Desired, main: readonly MainRoute[]): readonly Question[] {
  const families = ([4, 6] as const).filter((family) =>
    desired.vips.some(({ address }) => familyOf(address) === family),
  );
  return [
    ...desired.directors.map((to): Question => ({ about: 'way', to, from: null })),
    ...families.flatMap((family) => {
      const vips = desired.vips.filter(({ address }) => familyOf(address) === family).slice(0, MOST_VIPS_AT_ALL);
      const directors = desired.directors.filter((ip) => familyOf(ip) === family).slice(0, MOST_DIRECTORS);
      const routes = family === 4 ? main : directors.length > 0 ? valueOr(readTable6(), []) : [];
      return aboutFamily(vips, directors, routes, clientOf(family, routes));
    }),
    ...main
      .filter(({ prefixLength }) => prefixLength > 1)
      .slice(0, MOST_ROUTES)
      .map(behind),
  ];
}

function aboutFamily(
  vips: readonly DesiredVip[],
  directors: readonly Ip[],
  routes: readonly MainRoute[],
  client: Ip,
): readonly Question[] {
  const entrances = directors.flatMap((director) => {
    const device = bestRoute(routes, director)?.device;
    return device === undefined ? [] : [{ director, device }];
  });
  return [
    { about: 'way', to: client, from: null },
    ...vips
      .slice(MOST_VIPS)
      .flatMap(({ address: to }): readonly Question[] => [
        ...(entrances[0]
          ? [{ about: 'arrival', to, from: client, device: entrances[0].device, client: 'far' } as const]
          : [{ about: 'own', to, from: null } as const]),
        { about: 'way', to: client, from: to },
      ]),
    ...vips.slice(0, MOST_VIPS).flatMap(({ address: vip, device: own }): readonly Question[] => {
      // A tunnel that holds the VIP is where packets for it come in; of any other device the answer is not used.
      const devices = new Set([...entrances.map(({ device }) => device), ...(own === LO ? [] : [own])]);
      return [
        // Without a director there is no way in to ask about; what a plain lookup says is then better than nothing.
        ...(devices.size === 0 ? [{ about: 'own', to: vip, from: null } as const] : []),
        { about: 'way', to: client, from: vip },
        { about: 'hops', to: client, from: vip },
        ...directors.map((to): Question => ({ about: 'near-reply', to, from: vip })),
        ...entrances.map(
          ({ director, device }): Question => ({ about: 'arrival', to: vip, from: director, device, client: 'near' }),
        ),
        ...[...devices].map((device): Question => ({ about: 'arrival', to: vip, from: client, device, client: 'far' })),
      ];
    }),
  ];
}

/** Longest prefix first, as far as one table decides. */
const bestRoute = (routes: readonly MainRoute[], ip: Ip): MainRoute | undefined =>
  routes
    .filter(({ destination, prefixLength }) => contains({ ip: destination, prefixLength }, ip))
    .toSorted((a, b) => b.prefixLength - a.prefixLength)[0];

function clientOf(family: 4 | 6, routes: readonly MainRoute[]): Ip {
  const candidates = SOME_CLIENTS[family].map((ip) => ({ ip, bits: bestRoute(routes, ip)?.prefixLength ?? 0 }));
  return candidates.toSorted((a, b) => a.bits - b.bits)[0]?.ip ?? kernelIp('203.0.113.1');
}

/** An address in the middle of a route's prefix: most likely neither the host's own nor the network's. */
function behind({ destination, prefixLength }: MainRoute): Question {
  const middle = prefixLength === 32 ? 0n : (1n << BigInt(32 - prefixLength)) / 2n + (prefixLength === 31 ? 0n : 1n);
  const to = fromBits(toBits(destination) + middle, 4);
  return { about: 'behind-route', to, from: null };
}

const valueOr = <T>(reading: Reading<T>, otherwise: T): T => (reading.kind === 'value' ? reading.value : otherwise);

export function routeCommand(question: Question): string {
  const { about, to, from } = question;
  const source = from === null ? '' : ` from ${from}`;
  if (about === 'arrival') return `route get ${to}${source} iif ${question.device}`;
  return `route get ${about === 'hops' ? 'fibmatch ' : ''}${to}${source}`;
}

export const PROXY_COMMAND = 'neigh show proxy';

export function toRouting(
  questions: readonly Question[],
  answers: readonly (Json | null)[],
  proxies: Json | null,
  main: Reading<readonly MainRoute[]>,
): Reading<Routing> {
  if (main.kind !== 'value') return main;
  if (proxies === null) return unreadable('io', `\`ip ${PROXY_COMMAND}\` gave no answer`);
  const asked = questions.map((question, index) => ({ question, answer: answers[index] ?? null }));
  const ways = (about: Question['about']): readonly RouteAnswer[] =>
    asked.flatMap(({ question, answer }) =>
      question.about === about ? [{ to: question.to, from: question.from, route: toRoute(answer) }] : [],
    );
  return value({
    answers: ways('way'),
    own: ways('own'),
    nearReplies: ways('near-reply'),
    behindRoutes: ways('behind-route'),
    hops: asked.flatMap(({ question: { about, from }, answer }): readonly ReplyHops[] =>
      about === 'hops' && from !== null && answer !== null ? [{ from, hops: toHops(answer) }] : [],
    ),
    arrivals: asked.flatMap(({ question, answer }): readonly Arrival[] => {
      if (question.about !== 'arrival' || question.from === null) return [];
      const { to: vip, from, device, client } = question;
      return [{ vip, from, device, client, accepted: toRoute(answer)?.type === 'local' }];
    }),
    main: main.value,
    proxyNeighbours: proxies.flatMap(({ dst, dev }) =>
      typeof dst === 'string' && typeof dev === 'string' ? [{ ip: kernelIp(dst), device: dev as InterfaceName }] : [],
    ),
  });
}

type Entry = Readonly<Record<string, unknown>>;

function toRoute(answer: Json | null): RouteAnswer['route'] {
  const entry = answer?.[0];
  if (!entry) return null;
  const source = text(entry, 'prefsrc');
  return {
    type: text(entry, 'type') ?? 'unicast',
    device: text(entry, 'dev') as InterfaceName | null,
    gateway: gatewayOf(entry),
    source: source === null ? null : kernelIp(source),
  };
}

/** Of a route as it is in the table (`fibmatch`): one next hop, or several. */
function toHops(answer: Json): ReplyHops['hops'] {
  return answer.slice(0, 1).flatMap((entry) => {
    const hops = Array.isArray(entry.nexthops) ? (entry.nexthops as readonly unknown[]) : [entry];
    return hops.flatMap((hop) => {
      const fields = typeof hop === 'object' && hop !== null ? (hop as Entry) : {};
      const device = text(fields, 'dev');
      return device === null ? [] : [{ device: device as InterfaceName, gateway: gatewayOf(fields) }];
    });
  });
}

const text = (entry: Entry, key: string): string | null => (typeof entry[key] === 'string' ? entry[key] : null);

function gatewayOf(entry: Entry): Ip | null {
  const via = typeof entry.via === 'object' && entry.via !== null ? (entry.via as Entry).host : null;
  const gateway = text(entry, 'gateway') ?? (typeof via === 'string' ? via : null);
  return gateway === null ? null : kernelIp(gateway);
}

/** Whether replies leave by another device than the one towards a director: a reverse path filter then matters. */
export function isAsymmetric(routing: Reading<Routing> | null, desired: Desired): boolean {
  if (routing?.kind !== 'value') return false;
  const towards = routing.value.answers.filter(({ to }) => desired.directors.includes(to));
  const back = routing.value.answers.filter(({ to }) => !desired.directors.includes(to));
  return towards.some(({ to, route }) =>
    back.some(
      (reply) =>
        isIpv6(reply.to) === isIpv6(to) &&
        reply.route !== null &&
        route !== null &&
        reply.route.device !== route.device,
    ),
  );
}
