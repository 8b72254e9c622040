import { findVip, inPlace, isHostAddress, onDevice, ownLabel } from '../model/addresses.ts';
import { type Check, type CheckContext, ledgerOf } from '../model/check.ts';
import { findingId, unknown, type Verdict, wrong } from '../model/finding.ts';
import { LEDGER_PATH, type Ledger, owns, type Unconfirmed } from '../model/ledger.ts';
import { hostPrefixLength } from '../model/names.ts';
import type { Link } from '../model/observed.ts';
import { isSilent } from '../network/devices.ts';
import { cannotTell } from './unreadable.ts';
import { withLinks } from './with-links.ts';

const ID = 'ledger';

export const ledgerCheck: Check = {
  id: ID,
  title: 'rsprep’s ledger and the kernel agree',
  severity: 'advice',
  looksAt: `${LEDGER_PATH} against the kernel: VIPs that are there but not ours, ours but not there, a run that was killed, a configuration that changed since the last apply.`,
  why: 'rsprep removes only what its ledger says it added or adopted.',
  fix: 'rsprep apply adopts what is there and rebuilds the ledger.',
  source: 'rsprep’s own record; the kernel, never the ledger, says what is there',
  run: (context) =>
    withLinks(context, 'advice', (links) => [
      ...judgeItself(context),
      ...judgeAddresses(context, links),
      ...judgeDesired(context),
    ]),
};

/** The finding about an apply that waits for its confirmation. */
export const UNCONFIRMED = findingId(ID, 'unconfirmed');

function judgeItself(context: CheckContext): readonly Verdict[] {
  if (context.ledger.kind === 'unreadable' && context.ledger.cause === 'privilege') {
    return [
      unknown({
        subject: 'file',
        severity: 'advice',
        reason: context.ledger.reason,
        wouldHelp: `${LEDGER_PATH} readable for this user (chmod a+r; it holds no secrets)`,
        forLackOfPrivilege: true,
      }),
    ];
  }
  if (context.ledger.kind === 'unreadable') {
    return [
      wrong({
        subject: 'file',
        severity: 'advice',
        wanted: `a readable ledger in ${LEDGER_PATH}`,
        seen: context.ledger.reason,
        why: 'Without it rsprep does not know which addresses are its own, and cannot tell drift from a changed configuration.',
        fix: 'rsprep apply sets a broken ledger aside as .bad and builds a new one from what the kernel holds',
        demand: { kind: 'host' },
      }),
    ];
  }
  const ledger = ledgerOf(context);
  if (ledger?.unconfirmed) return [waiting(ledger.unconfirmed)];
  const intent = ledger?.intent;
  if (!intent) return [];
  return [
    wrong({
      subject: 'intent',
      severity: 'advice',
      wanted: 'every run of rsprep ended by itself',
      seen: `\`rsprep ${intent.command}\` (pid ${intent.pid}, started ${intent.startedAt}) was killed or still runs`,
      why: 'It may have stopped half-way. The other findings are about the present state of this host, whatever that run did.',
      fix: 'rsprep apply to go on, rsprep remove to go back',
      actions: [{ kind: 'record-desired' }],
      demand: { kind: 'host' },
    }),
  ];
}

const waiting = ({ until }: Unconfirmed): Verdict =>
  wrong({
    subject: 'unconfirmed',
    severity: 'advice',
    wanted: 'no apply that waits for its confirmation',
    seen: `an apply is taken back at ${until} unless it is confirmed`,
    why: 'Its changes end at that time, and do not survive a reboot.',
    fix: 'rsprep confirm to keep it, rsprep confirm --revert to take it back',
    demand: { kind: 'host' },
  });

function judgeAddresses(context: CheckContext, links: readonly Link[]): readonly Verdict[] {
  // What a ledger says that cannot be read is not known; that it cannot be read has been said.
  if (context.ledger.kind === 'unreadable') return [];
  const ledger = ledgerOf(context);
  const verdicts: Verdict[] = [];
  for (const vip of context.desired.vips) {
    const prefixLength = hostPrefixLength(vip.address);
    const entry = { device: vip.device, ip: vip.address, prefixLength };
    const there = inPlace(links, vip) !== null;
    const ours = owns(ledger, entry) !== null;
    if (there === ours) continue;
    if (there) {
      verdicts.push(
        wrong({
          subject: vip.address,
          severity: 'advice',
          wanted: `${vip.address} in the ledger`,
          seen: `${vip.address}/${prefixLength} is on ${vip.device}, but rsprep did not add it`,
          why: '`rsprep remove` would leave it, because rsprep removes only what is in its ledger.',
          fix: 'rsprep apply adopts it as it is, without touching it',
          actions: [{ kind: 'adopt-address', ...entry }],
          demand: { kind: 'vip', ip: vip.address },
        }),
      );
    } else {
      verdicts.push(
        wrong({
          subject: vip.address,
          severity: 'advice',
          wanted: `${vip.address}/${prefixLength} on ${vip.device}, as the ledger says`,
          seen: 'not there',
          why: 'Somebody removed what rsprep had added.',
          fix: 'rsprep apply',
          demand: { kind: 'vip', ip: vip.address },
          rootedIn: `${onDevice(links, vip).length > 0 ? 'vip-prefix' : 'vip-missing'}@${vip.address}`,
        }),
      );
    }
  }
  return verdicts;
}

function judgeDesired(context: CheckContext): readonly Verdict[] {
  const applied = ledgerOf(context)?.applied;
  if (!applied || JSON.stringify(applied.desired) === JSON.stringify(context.desired)) return [];
  return [
    wrong({
      subject: 'configuration',
      severity: 'advice',
      wanted: 'the configuration last applied',
      seen: `the configuration has changed since the apply of ${applied.at}`,
      why: 'The responder vouches for what was last applied, not for a file somebody just edited.',
      fix: 'rsprep plan, then rsprep apply',
      actions: [{ kind: 'record-desired' }],
      demand: { kind: 'configuration' },
    }),
  ];
}

export const vipStale: Check = {
  id: 'vip-stale',
  title: 'No VIP is left over from an earlier configuration',
  severity: 'high',
  culprit: 'address-owner',
  looksAt: 'Addresses that rsprep added (by its ledger or by the label), and that are no longer in the configuration.',
  why: 'If the VIP was moved to another farm, this host still treats it as its own.',
  fix: 'rsprep apply --prune, after the director has stopped sending.',
  source: 'rsprep’s ledger and label; ip-address(8) label',
  run: (context) =>
    withLinks(context, 'high', (links) => {
      const ledger: Ledger | null = ledgerOf(context);
      if (context.ledger.kind === 'unreadable' && mayBeStale(context, links)) {
        const wouldHelp = `a readable ${LEDGER_PATH}: this host holds addresses that may be of an earlier configuration`;
        return [cannotTell(context.ledger, { subject: null, severity: 'high', wouldHelp })];
      }
      return links.flatMap((link) =>
        link.addresses.flatMap((address): readonly Verdict[] => {
          const entry = { device: link.name, ip: address.ip, prefixLength: address.prefixLength };
          const owned = owns(ledger, entry) !== null;
          const labelled = address.label !== null && address.label === ownLabel(link.name);
          if (findVip(context.desired, address.ip)?.device === link.name || (!owned && !labelled)) return [];
          return [
            wrong({
              subject: address.ip,
              severity: 'high',
              wanted: `${address.ip} in the configuration, or not on ${link.name}`,
              seen: `${address.ip}/${address.prefixLength} on ${link.name}${owned ? '' : ` with the label ${address.label}, but not in the ledger`}`,
              why: 'This host still treats that VIP as its own, although it is no longer in the configuration.',
              fix: owned
                ? `rsprep apply --prune, or ip address del ${address.ip}/${address.prefixLength} dev ${link.name}`
                : `rsprep apply adopts it; then rsprep apply --prune deletes it`,
              actions: owned ? [{ kind: 'delete-address', ...entry }] : [{ kind: 'adopt-address', ...entry }],
              needs: owned ? 'prune' : null,
              demand: { kind: 'vip', ip: address.ip },
              vips: [address.ip],
            }),
          ];
        }),
      );
    }),
};

/** Whether anything is there that a ledger could call ours and the configuration does not name. */
const mayBeStale = ({ desired }: CheckContext, links: readonly Link[]): boolean =>
  links
    .filter(isSilent)
    .some(({ addresses }) =>
      addresses.some((a) => isHostAddress(a) && !findVip(desired, a.ip) && a.ip !== '::1' && !a.ip.startsWith('127.')),
    );
