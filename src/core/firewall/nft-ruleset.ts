/** The parts of `nft -j list ruleset` (libnftables-json(5)) that decide what becomes of a packet. */

export type Json = Readonly<Record<string, unknown>>;

export interface Chain {
  readonly family: string;
  readonly table: string;
  readonly name: string;
  readonly hook: string | null;
  readonly type: string | null;
  readonly priority: number;
  readonly policy: string | null;
  /** Of an ingress or egress chain, where nft prints them. */
  readonly devices: readonly string[];
  readonly rules: Json[];
}

export interface Ruleset {
  readonly chains: readonly Chain[];
  readonly sets: ReadonlyMap<string, readonly unknown[]>;
  /** A rule takes packets out of connection tracking. */
  readonly untracks: boolean;
}

export function parseRuleset(json: unknown): Ruleset {
  const chains: Chain[] = [];
  const sets = new Map<string, readonly unknown[]>();
  for (const entry of list(object(json).nftables)) {
    const [[kind, raw] = ['', null]] = Object.entries(entry);
    const body = object(raw);
    const text = (key: string): string | null => (typeof body[key] === 'string' ? body[key] : null);
    const place = { family: text('family') ?? '', table: text('table') ?? '' };
    if (kind === 'chain') {
      const priority = typeof body.prio === 'number' ? body.prio : 0;
      chains.push({
        ...place,
        name: text('name') ?? '',
        hook: text('hook'),
        type: text('type'),
        policy: text('policy'),
        devices: [body.dev].flat().filter((name) => typeof name === 'string'),
        priority,
        rules: [],
      });
    } else if (kind === 'set' || kind === 'map') {
      sets.set(setKey(place, text('name') ?? ''), Array.isArray(body.elem) ? body.elem : []);
    } else if (kind === 'rule') {
      chains
        .find((c) => c.family === place.family && c.table === place.table && c.name === body.chain)
        ?.rules.push(body);
    }
  }
  return { chains, sets, untracks: chains.some(({ rules }) => rules.some(untracks)) };
}

const untracks = ({ expr }: Json): boolean =>
  list(expr).some(({ notrack, xt }) => notrack !== undefined || ['CT', 'NOTRACK'].includes(String(object(xt).name)));

export const setKey = ({ family, table }: { family: string; table: string }, name: string): string =>
  `${family} ${table} ${name}`;
export const describeChain = ({ family, table, name }: Chain): string => `table ${family} ${table}, chain ${name}`;

/** A rule in the words of nft(8), as far as they are needed to find it again. */
export function ruleText(rule: Json): string {
  if (typeof rule.text === 'string') return rule.text;
  const parts = list(rule.expr).map((statement) => {
    const [[kind, raw] = ['', null]] = Object.entries(statement);
    if (kind === 'vmap') return `${keyText(object(object(raw).key))} vmap …`;
    if (kind !== 'match') return raw === null || ['counter', 'log'].includes(kind) ? kind : `${kind} …`;
    const { left, op, right } = object(raw);
    return `${keyText(object(left))} ${op === '==' || op === 'in' ? '' : `${String(op)} `}${valueText(right)}`;
  });
  return `${parts.join(' ')}${typeof rule.handle === 'number' ? ` (handle ${rule.handle})` : ''}`;
}

/** What a rule asks for. */
function keyText({ payload, meta, ct, fib, concat }: Json): string {
  if (payload) return `${String(object(payload).protocol)} ${String(object(payload).field)}`;
  if (meta) return String(object(meta).key);
  if (ct) return `ct ${String(object(ct).key)}`;
  if (fib) return `fib ${[object(fib).flags].flat().map(String).join(' . ')} ${String(object(fib).result)}`;
  return Array.isArray(concat) ? concat.map((part) => keyText(object(part))).join(' . ') : '…';
}

function valueText(value: unknown): string {
  if (typeof value === 'boolean') return value ? 'exists' : 'missing';
  if (typeof value !== 'object' || value === null) return String(value);
  const { set, prefix, range, concat } = object(value);
  if (Array.isArray(concat)) return concat.map(valueText).join(' . ');
  if (Array.isArray(value)) return `{ ${value.map(valueText).join(', ')} }`;
  if (Array.isArray(set)) return `{ ${set.map(valueText).join(', ')} }`;
  if (prefix !== undefined) return `${String(object(prefix).addr)}/${String(object(prefix).len)}`;
  return Array.isArray(range) ? `${String(range[0])}-${String(range[1])}` : '…';
}

export const object = (value: unknown): Json => (typeof value === 'object' && value !== null ? (value as Json) : {});
export const list = (value: unknown): readonly Json[] => (Array.isArray(value) ? value.map(object) : []);
