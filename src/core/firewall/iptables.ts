import type { Json } from './nft-ruleset.ts';

const HOOKS: Readonly<Record<string, string>> = {
  PREROUTING: 'prerouting',
  INPUT: 'input',
  OUTPUT: 'output',
  POSTROUTING: 'postrouting',
};
const PRIORITIES: Readonly<Record<string, number>> = { raw: -300, mangle: -150, nat: -100, filter: 0, security: 50 };
const VERDICTS: Readonly<Record<string, Json>> = {
  ACCEPT: { accept: null },
  DROP: { drop: null },
  REJECT: { reject: null },
  RETURN: { return: null },
  DNAT: { dnat: null },
  REDIRECT: { redirect: null },
  TPROXY: { tproxy: null },
  QUEUE: { queue: null },
  NFQUEUE: { queue: null },
  SYNPROXY: { synproxy: null },
  NOTRACK: { notrack: null },
  // Whether it has --notrack is not looked at: it may.
  CT: { notrack: null },
};
/** Options whose word decides nothing: they belong to a target, or only describe. */
const SILENT = ['--comment', '--to-destination', '--to-ports', '--reject-with', '--log-prefix', '--log-level', '-m'];

/**
 * `iptables-save` in the form of `nft -j list ruleset`, so that one function follows packets through both.
 * @param family `ip6` for what ip6tables-save printed
 */
export function savedRuleset(text: string, family: 'ip' | 'ip6' = 'ip'): readonly Json[] {
  let table = '';
  let chains = new Set<string>();
  return text.split('\n').flatMap((line): readonly Json[] => {
    if (line.startsWith('*')) {
      table = line.slice(1).trim();
      chains = new Set();
    }
    const place = { family, table };
    const chain = /^:(\S+)\s+(\S+)/.exec(line);
    if (chain) {
      const [, name = '', policy = ''] = chain;
      chains.add(name);
      const hook = HOOKS[name];
      const type = table === 'nat' ? 'nat' : 'filter';
      const base = hook === undefined ? {} : { hook, type, prio: PRIORITIES[table] ?? 0, policy: policy.toLowerCase() };
      return [{ chain: { ...place, name, ...base } }];
    }
    const rule = /^-A (\S+)\s*(.*)$/.exec(line);
    if (!rule) return [];
    return [{ rule: { ...place, chain: rule[1], text: line, expr: expressions(rule[2] ?? '', family, chains) } }];
  });
}

/** Options that decide; what else there is makes a rule one that may match. */
function expressions(text: string, family: 'ip' | 'ip6', chains: ReadonlySet<string>): readonly Json[] {
  const words: readonly string[] = text.match(/"(?:[^"\\]|\\.)*"|\S+/g) ?? [];
  const found: Json[] = [];
  let verdict: Json | null = null;
  let not = false;
  let protocol = 'th';
  const match = (left: Json, right: unknown): void => {
    found.push({ match: { op: not ? '!=' : '==', left, right } });
    not = false;
  };
  for (let i = 0; i < words.length; i += 1) {
    const word = words[i] ?? '';
    if (word === '!') {
      not = true;
      continue;
    }
    // Not every option has a value: `--syn`, `--loose`.
    const next = words[i + 1]?.startsWith('-') ? '' : (words[i + 1] ?? '');
    if (next !== '' && next !== '!') i += 1;
    if (word === '-d' || word === '-s')
      match({ payload: { protocol: family, field: word === '-d' ? 'daddr' : 'saddr' } }, prefix(next));
    else if (word === '-p') {
      protocol = next;
      match({ meta: { key: 'l4proto' } }, next);
    } else if (word === '-i') match({ meta: { key: 'iifname' } }, next.replace(/\+$/, '*'));
    else if (/^--[ds]ports?$/.test(word))
      match({ payload: { protocol, field: `${word[2]}port` } }, { set: next.split(',').map(port) });
    else if (word === '--ctstate' || word === '--state') match({ ct: { key: 'state' } }, next.toLowerCase().split(','));
    else if (word === '--dst-type' && !words.includes('--limit-iface-in'))
      match({ fib: { result: 'type', flags: ['daddr'] } }, next.toLowerCase().split(','));
    else if (word === '-m' && next === 'rpfilter') {
      // Without --invert it is true of a packet that passes (xt_rpfilter.h).
      const flags = words.includes('--loose') ? ['saddr'] : ['saddr', 'iif'];
      match({ fib: { result: 'oif', flags } }, !words.includes('--invert'));
    } else if (word === '-j' || word === '-g') verdict = target(word, next, chains);
    else if (SILENT.includes(word) || /^--(loose|invert|validmark|accept-local|notrack)$/.test(word)) not = false;
    else {
      found.push({ xt: { type: 'match' } });
      not = false;
    }
  }
  return verdict ? [...found, verdict] : found;
}

/** A chain of this table, a verdict, or a target such as LOG after which the packet goes on. */
function target(word: string, name: string, chains: ReadonlySet<string>): Json {
  if (chains.has(name)) return { [word === '-j' ? 'jump' : 'goto']: { target: name } };
  return VERDICTS[name] ?? { xt: { type: 'target', name } };
}

const prefix = (text: string): unknown => {
  const [addr = '', len] = text.split('/');
  return len === undefined || len === '32' || len === '128' ? addr : { prefix: { addr, len: Number(len) } };
};
const port = (text: string): unknown => {
  const [from, to] = text.split(':').map(Number);
  return to === undefined ? from : { range: [from, to] };
};

/** What `arptables -L -n` prints: rules and policies that drop something. */
export function arptablesDrops(text: string): readonly string[] {
  let chain = '';
  return text.split('\n').flatMap((line): readonly string[] => {
    const heading = /^Chain (\S+) \((?:policy (\w+))?/.exec(line);
    if (heading) {
      chain = heading[1] ?? '';
      return heading[2] === 'DROP' ? [`arptables, chain ${chain}, policy DROP`] : [];
    }
    return /(^|\s)-j DROP\b/.test(line) ? [`arptables, chain ${chain}: ${line.trim().replace(/\s+/g, ' ')}`] : [];
  });
}
