// What the parts of a lab say to each other: the command in front, the lab's own first process (pid 1 of its namespaces),
// and one agent in each host. All over Node's process channels, so all of it ends when one side does.
import type { Family, HostName } from './topology.ts';

export type JsonValue = string | number | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/** What came of one step: its lines are for people, its data for programs. */
export interface StepResult {
  readonly id: string;
  readonly title: string;
  readonly ok: boolean;
  readonly lines: readonly string[];
  readonly data: JsonValue;
  /** Only when not ok. */
  readonly failure: {
    readonly expected: string;
    readonly received: string;
    readonly output: readonly string[];
  } | null;
  readonly durationMs: number;
}

/** From the most real one down. */
export const DIRECTOR_MODES = ['ipvs', 'nft', 'neighbour'] as const;
export type DirectorMode = (typeof DIRECTOR_MODES)[number];
export type DirectorChoice = DirectorMode | 'auto';

export interface Director {
  readonly mode: DirectorMode;
  readonly what: string;
  /** Why nothing closer to the real thing is used; null for IPVS. */
  readonly why: string | null;
}

/** From the lab to the command in front. */
export type LabEvent =
  | { readonly kind: 'began'; readonly title: string }
  | { readonly kind: 'stands'; readonly families: readonly Family['version'][]; readonly director: Director }
  | { readonly kind: 'step'; readonly step: StepResult }
  /** The lab could not go on: not an expectation that failed, but something this machine does not have or do. */
  | { readonly kind: 'broken'; readonly message: string; readonly next: string }
  | { readonly kind: 'ended'; readonly ok: boolean; readonly kept: boolean };

export interface LabOptions {
  /** The process id of the command in front: names the lab in `ps`. */
  readonly id: number;
  readonly keep: boolean;
  readonly director: DirectorChoice;
  /** Real root, not the root of a user namespace: may load kernel modules. */
  readonly realRoot: boolean;
}

/** What an agent does for the lab, with what it gives back. */
export interface AgentCalls {
  /** Runs a program in this host. */
  run: (request: RunRequest) => RunOutcome;
  /** Writes sysctls; a key this kernel does not have is left out. */
  sysctl: (request: readonly { readonly path: readonly string[]; readonly value: string }[]) => null;
  /** Starts the services on the VIPs. */
  serve: (request: { readonly name: HostName; readonly vips: readonly string[] }) => null;
  /** Asks the services on a VIP. */
  ask: (request: AskRequest) => AskOutcome;
  /** Asks one machine alone (a unicast ARP request or neighbour solicitation to its MAC): is this address yours? */
  askNeighbour: (request: { readonly address: string; readonly mac: string }) => { readonly answered: boolean };
  /** Forgets an address, asks the whole LAN for it and gives the MAC that was learnt; null if nobody answered. */
  resolve: (request: { readonly address: string }) => { readonly mac: string | null };
}

export interface RunRequest {
  readonly argv: readonly string[];
  readonly input: string;
  readonly timeoutMs: number;
}

/** `missing`: there is no such program. Status is null where a signal or the time limit ended it. */
export type RunOutcome =
  | { readonly kind: 'ended'; readonly status: number | null; readonly stdout: string; readonly stderr: string }
  | { readonly kind: 'missing'; readonly program: string };

export interface AskRequest {
  readonly protocol: 'tcp' | 'udp';
  readonly vip: string;
  /** Connections, or UDP sockets: each is a flow of its own to the director. */
  readonly flows: number;
  /** Requests on each flow. */
  readonly requestsEach: number;
  readonly timeoutMs: number;
}

export interface AskOutcome {
  /** Flows by the real server that answered all their requests. */
  readonly byServer: Readonly<Record<string, number>>;
  /** Replies by the address they came from. */
  readonly bySource: Readonly<Record<string, number>>;
  /** Flows that got no reply in time to at least one request. */
  readonly unanswered: number;
  /** Flows answered by more than one real server. */
  readonly torn: number;
}

export type AgentMessage =
  | { readonly kind: 'ready' }
  | { readonly kind: 'result'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'error'; readonly id: number; readonly message: string };

export interface AgentRequest {
  readonly id: number;
  readonly call: keyof AgentCalls;
  readonly request: unknown;
}
