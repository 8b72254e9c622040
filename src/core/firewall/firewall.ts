import { derived } from '../model/derived.ts';
import type { Firewall } from '../model/surroundings.ts';
import { savedRuleset } from './iptables.ts';
import { type Fate, follow } from './nft.ts';
import type { Packet } from './nft-match.ts';
import { type Json, list, object, parseRuleset, type Ruleset } from './nft-ruleset.ts';

/**
 * Every rule of this host that could be read, as one set: nft's, iptables-nft's in the words of iptables-save where nft leaves
 * out what its extensions ask for, and the legacy tables.
 */
export const rulesetOf = derived((firewall: Firewall): Ruleset => {
  const saved = firewall.tables.flatMap(({ family, rules }) =>
    rules.kind === 'value' ? savedRuleset(rules.value, family) : [],
  );
  const better = new Set(
    firewall.tables
      .filter(({ by, rules }) => by === 'nft' && rules.kind === 'value')
      .map(({ family }) => family as string),
  );
  const nft = firewall.nft.kind === 'value' ? list(object(firewall.nft.value).nftables) : [];
  return parseRuleset({ nftables: [...nft.filter((entry) => !isReplaced(entry, better)), ...saved] });
});

/** Tables that iptables-nft calls its own. */
const IPTABLES = ['filter', 'nat', 'mangle', 'raw', 'security'];

function isReplaced(entry: Json, families: ReadonlySet<string>): boolean {
  const [body] = Object.values(entry).map(object);
  const name = 'table' in entry ? body?.name : body?.table;
  return families.has(String(body?.family)) && IPTABLES.includes(String(name));
}

/** What becomes of a packet in the firewall of this host, as far as it could be read. */
export const fateOf = (firewall: Firewall | null, packet: Packet): Fate =>
  firewall === null ? { kind: 'unsure' } : follow(rulesetOf(firewall), packet);

/** Whether nft printed a rule of iptables-nft without what an extension of it asks for. */
export const hidesOptions = (json: unknown, family: 'ip' | 'ip6'): boolean =>
  list(object(json).nftables).some((entry) => {
    const rule = object(entry.rule);
    return (
      rule.family === family &&
      IPTABLES.includes(String(rule.table)) &&
      list(rule.expr).some(({ xt }) => xt !== undefined && object(xt).name !== 'comment')
    );
  });
