import type { Check } from '../model/check.ts';
import { deviceDown, vipMissing, vipPrefix } from './address.ts';
import { ARP_CHECKS } from './arp.ts';
import { bootOwner, bootUnit } from './boot.ts';
import { conntrackFull, conntrackStrict } from './conntrack.ts';
import { arpFilter, firewallDrops } from './firewall.ts';
import { BY_RUN, type ByRun } from './found-by-run.ts';
import { ignoreExpired, ignoreUnknown } from './ignored.ts';
import { noLinkLocal, vip6Anycast, vip6Preferred, vip6Unusable } from './ipv6.ts';
import { ipvsHere } from './ipvs.ts';
import { keepalivedVip } from './keepalived.ts';
import { ledgerCheck, vipStale } from './ledger.ts';
import { vipExpires, vipScope } from './lifetime.ts';
import { localRoute } from './local-route.ts';
import { bootSysctl, persistSysctl } from './persistence.ts';
import { proxyArp, proxyNdp } from './proxy.ts';
import { nicNoArp, noWayBack, ripMissing, vipUnroutable } from './reachability.ts';
import { directorOffLink, gatewayIsDirector, rpFilter } from './routing.ts';
import { serviceMissing, serviceVipOnly } from './service.ts';
import { serviceProbe, serviceSource } from './service-answers.ts';
import { arpSender, vipAsSource } from './vip-as-source.ts';
import { vipClash } from './vip-clash.ts';
import { vipOnNic } from './vip-on-nic.ts';

/** Every check there is, in the order in which reports list them. To add one, write it in its family's file and name it here. */
export const CHECKS: readonly Check[] = [
  ...ARP_CHECKS,
  arpSender,
  arpFilter,
  vipOnNic,
  vipPrefix,
  localRoute,
  proxyArp,
  proxyNdp,
  vip6Anycast,
  keepalivedVip,
  ipvsHere,
  deviceDown,
  vipMissing,
  vip6Unusable,
  vip6Preferred,
  vipExpires,
  vipScope,
  vipClash,
  vipAsSource,
  vipUnroutable,
  noWayBack,
  noLinkLocal,
  nicNoArp,
  ripMissing,
  directorOffLink,
  gatewayIsDirector,
  rpFilter,
  serviceMissing,
  serviceSource,
  serviceProbe,
  serviceVipOnly,
  firewallDrops,
  conntrackStrict,
  conntrackFull,
  persistSysctl,
  bootSysctl,
  bootOwner,
  bootUnit,
  vipStale,
  ledgerCheck,
  ignoreExpired,
  ignoreUnknown(() => [...CHECKS, ...BY_RUN].map(({ id }) => id)),
];

const byId: ReadonlyMap<string, Check> = new Map(CHECKS.map((check) => [check.id, check]));
const byRunById: ReadonlyMap<string, ByRun> = new Map(BY_RUN.map((page) => [page.id, page]));

/** What made a finding, by the id it carries; undefined for what no check makes. */
export const checkNamed = (id: string): Check | undefined => byId.get(id);
/** The same for what a probe or a run found. */
export const byRunNamed = (id: string): ByRun | undefined => byRunById.get(id);

/** What can be answered before the network is up: what `apply --boot` goes by. */
export const EARLY_CHECKS: readonly Check[] = CHECKS.filter(({ early }) => early !== false);
