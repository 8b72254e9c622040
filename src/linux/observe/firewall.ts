import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import { hidesOptions } from '../../core/firewall/firewall.ts';
import { absent, type Reading, unreadable, value } from '../../core/model/reading.ts';
import type { Firewall, SavedTables } from '../../core/model/surroundings.ts';
import { causeOf, errorText, isAbsent } from '../files/errors.ts';
import { readText } from '../files/files.ts';
import { nftTables } from '../process/child.ts';
import { type CommandResult, commandCause, commandFailure, read, start } from '../process/command.ts';

type Family = SavedTables['family'];

/**
 * Rules in force, without loading a module: listing what the kernel has not got would make it load the code for it.
 * @param families of the VIPs
 * @param arp whether a filter of ARP would matter: the sysctls are open
 * @param started by startNft(), earlier
 */
export function observeFirewall(
  families: readonly Family[],
  arp: boolean,
  timeoutMs: number,
  started = startNft(),
): Firewall {
  const nft = started(timeoutMs);
  const tables = families.flatMap((family): readonly SavedTables[] => [
    ...observeCompat(nft, family, timeoutMs),
    ...observeLegacy(family, timeoutMs),
  ]);
  return { nft, tables, arptables: arp ? observeArptables(timeoutMs) : absent };
}

/** Waits for the rules of nft, at most so many milliseconds. */
export type NftRules = (timeoutMs: number) => Reading<unknown>;

/** nft works while we do something else; it need not where the kernel, asked directly, has no table at all. */
export function startNft(): NftRules {
  if (!kernelHasNft()) return () => absent;
  const tables = nftTables();
  if (tables === 0) return () => value({ nftables: [] });
  const nft = start(['nft', '-j', 'list', 'ruleset']);
  nft.send('');
  return (timeoutMs) => toRuleset(nft.finish(timeoutMs), tables > 0);
}

function toRuleset(result: CommandResult, isThere: boolean): Reading<unknown> {
  if (result.kind === 'missing') {
    // Not known to be there, and nft is not installed: then they cannot have come from that either.
    return isThere
      ? unreadable('io', commandFailure(result, 'the kernel has tables of nf_tables, but they cannot be listed'))
      : absent;
  }
  if (result.kind !== 'ok') {
    return unreadable(commandCause(result), commandFailure(result, 'cannot list the firewall’s rules'));
  }
  try {
    return value(JSON.parse(result.stdout) as unknown);
  } catch (error) {
    return unreadable('io', `\`nft -j list ruleset\` printed no JSON: ${error instanceof Error ? error.message : ''}`);
  }
}

/** nf_tables is in the kernel already: loaded, built in, or in a kernel that loads no modules at all. */
function kernelHasNft(): boolean {
  const modules = readText('/proc/modules');
  if (modules.kind === 'absent') return true;
  if (modules.kind === 'value' && /^nf_tables /m.test(modules.value)) return true;
  const builtIn = readText(`/lib/modules/${release()}/modules.builtin`);
  return builtIn.kind === 'value' && /\/nf_tables\.ko/.test(builtIn.value);
}

/** iptables-nft leaves matches such as conntrack and rpfilter to extensions, whose options only it can print. */
function observeCompat(nft: Reading<unknown>, family: Family, timeoutMs: number): readonly SavedTables[] {
  if (nft.kind !== 'value' || !hidesOptions(nft.value, family)) return [];
  const result = read([family === 'ip' ? 'iptables-nft-save' : 'ip6tables-nft-save'], { timeoutMs });
  // Without it those rules stay what they are: rules that may match.
  return result.kind === 'ok' ? [{ by: 'nft', family, rules: value(result.stdout) }] : [];
}

function observeLegacy(family: Family, timeoutMs: number): readonly SavedTables[] {
  const used = tablesInUse(`/proc/net/${family === 'ip' ? 'ip' : 'ip6'}_tables_names`);
  if (used.kind === 'absent') return [];
  if (used.kind === 'unreadable') return [{ by: 'legacy', family, rules: used }];
  const result = read([family === 'ip' ? 'iptables-legacy-save' : 'ip6tables-legacy-save'], { timeoutMs });
  const rules: Reading<string> =
    result.kind === 'ok'
      ? value(result.stdout)
      : unreadable(commandCause(result), commandFailure(result, 'cannot list the legacy firewall’s rules'));
  return [{ by: 'legacy', family, rules }];
}

/** arptables-legacy, and not arptables-legacy-save, which is a script that runs whatever `arptables` there is. */
function observeArptables(timeoutMs: number): Reading<string> {
  const used = tablesInUse('/proc/net/arp_tables_names');
  if (used.kind !== 'value') return used;
  for (const program of ['arptables-legacy', 'arptables']) {
    const result = read([program, '-t', 'filter', '-L', '-n'], { timeoutMs });
    if (result.kind === 'ok') return value(result.stdout);
    if (result.kind !== 'missing') {
      return unreadable(commandCause(result), commandFailure(result, 'cannot list the rules of arptables'));
    }
  }
  return unreadable('io', 'a legacy table of arptables is in use, but arptables, which lists it, is not installed');
}

/** Names of the tables that somebody has used in this network namespace: only those can be listed without loading one. */
function tablesInUse(file: string): Reading<string> {
  try {
    const names = readFileSync(file, 'utf8').trim();
    return names === '' ? absent : value(names);
  } catch (error) {
    return isAbsent(error) ? absent : unreadable(causeOf(error), `${file}: ${errorText(error)}`);
  }
}
