import { PROBES, RETRANSMIT_MS } from './neighbours.ts';
import type { Network } from './network.ts';
import type { JsonValue } from './protocol.ts';
import { type Family, HOST_NAMES, HOSTS, type HostName, ownerOf } from './topology.ts';

/** Who answers for a VIP, asked in two ways. */
export interface Answers {
  readonly vip: string;
  /** Each host asked alone, by a request to its MAC address. */
  readonly asked: Readonly<Partial<Record<HostName, boolean>>>;
  /** The control: the same question for the host's own address, which it must answer, or silence would mean nothing. */
  readonly heard: Readonly<Partial<Record<HostName, boolean>>>;
  /** The client forgot the VIP and asked the whole LAN: whom it learnt, once for each time. */
  readonly learnt: readonly string[];
}

/** How often the client forgets the VIP and asks again. */
const ROUNDS = 3;

const SERVERS = HOST_NAMES.filter((name) => name !== 'client');

export async function whoAnswers(network: Network, family: Family): Promise<Answers> {
  const { client } = network.hosts;
  const isAnswered = async (address: string, name: HostName): Promise<readonly [HostName, boolean]> => {
    const { answered } = await client.call('askNeighbour', { address, mac: HOSTS[name].mac });
    return [name, answered];
  };
  const heard = await Promise.all(SERVERS.map((name) => isAnswered(family.addressOf(name), name)));
  // One after the other: the neighbour table has one entry for the VIP.
  const asked: (readonly [HostName, boolean])[] = [];
  for (const name of SERVERS) asked.push(await isAnswered(family.vip, name));
  const learnt: string[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const { mac } = await client.call('resolve', { address: family.vip });
    learnt.push(mac === null ? 'nobody' : ownerOf(mac));
  }
  return { vip: family.vip, asked: Object.fromEntries(asked), heard: Object.fromEntries(heard), learnt };
}

/** Only the director answers, and whoever can be heard was heard. */
export const onlyDirector = ({ asked, heard, learnt }: Answers): boolean =>
  SERVERS.every((name) => asked[name] === (name === 'director') && heard[name] === true) &&
  learnt.every((name) => name === 'director');

export function describeAnswers({ vip, asked, heard, learnt }: Answers): readonly string[] {
  const each = SERVERS.map((name) => {
    if (heard[name] !== true) return `${name} cannot be asked at all`;
    return `${name} ${asked[name] === true ? 'answers' : 'is silent'}`;
  });
  const counts = [...new Set(learnt)].map((name) => `${name} ${learnt.filter((one) => one === name).length} times`);
  return [
    `${vip}  each asked alone: ${each.join(', ')}`,
    `${' '.repeat(vip.length)}  the whole LAN asked: ${counts.join(', ')}`,
  ];
}

export const METHOD = [
  'how: through the client’s neighbour table. Alone: ARP requests (or neighbour solicitations) sent to that one MAC address,',
  `${PROBES} of them, ${RETRANSMIT_MS} ms apart; each host must answer the same for its own address. Whole LAN: broadcast.`,
];

export const answersData = ({ vip, asked, heard, learnt }: Answers): JsonValue => ({
  vip,
  answers_when_asked_alone: { ...asked },
  control_answered: { ...heard },
  learnt_from_broadcast: learnt,
});
