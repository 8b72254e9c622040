import type { Desired } from '../core/model/desired.ts';
import { isIpv6 } from '../core/model/names.ts';
import { directorNotes } from './director-notes.ts';
import { comment, farmOf, type Rendered, type VirtualService } from './farm.ts';

export interface IpvsadmOptions {
  /** Virtual services by firewall mark, for localnode: the first VIP's mark; null for address and port. */
  readonly fwmark: number | null;
}

/**
 * A shell script for directors without keepalived: makes IPVS hold exactly these services with these real servers (and
 * leaves other services alone). Running it again changes nothing. Nobody checks the real servers' health then.
 */
export function renderIpvsadm(desired: Desired, options: IpvsadmOptions): Rendered {
  const farm = farmOf(desired, options.fwmark);
  if ('kind' in farm) return farm;
  const head = comment([
    'Virtual services for a director without keepalived, rendered by rsprep. Render again instead of editing.',
    'Nothing here notices a real server that fails: cron may run `rsprep ask` and set a weight to 0.',
    '',
    ...directorNotes(farm),
  ]);
  const services = farm.services.map((virtual) => script(virtual, farm.scheduler));
  return { kind: 'text', text: `${['#!/bin/sh', head, 'set -eu', '', HELPER, ...services].join('\n')}\n` };
}

/** Adding what is there fails, editing what is not there fails: together they always end in what is wanted. */
const HELPER = `# service "FLAGS" SCHEDULER "RIP:PORT WEIGHT"…   flags and servers as ipvsadm -Sn writes them
service() {
  flags=$1 scheduler=$2 wanted=
  shift 2
  # shellcheck disable=SC2086 # flags are several words
  {
    ipvsadm -A $flags -s "$scheduler" 2>/dev/null || ipvsadm -E $flags -s "$scheduler"
    for server; do
      rip=\${server% *} weight=\${server#* }
      ipvsadm -a $flags -r "$rip" -g -w "$weight" 2>/dev/null || ipvsadm -e $flags -r "$rip" -g -w "$weight"
      wanted="$wanted $rip "
    done
    # Those that are no longer configured. The flows they have go on until they end, or are scheduled anew (see above).
    ipvsadm -Sn | grep -F -e "-a $flags -r " | while read -r line; do
      rip=\${line#* -r }
      rip=\${rip%% *}
      case $wanted in *" $rip "*) ;; *) ipvsadm -d $flags -r "$rip" ;; esac
    done
  }
}
`;

function script({ vip, service, mark, realServers }: VirtualService, scheduler: string): string {
  const bracket = (ip: string): string => (ip.includes(':') ? `[${ip}]` : ip);
  const flags =
    service === null
      ? `-f ${mark}${isIpv6(vip) ? ' -6' : ''}`
      : `-${service.protocol === 'udp' ? 'u' : 't'} ${bracket(vip)}:${service.port}`;
  // Port 0 for a mark: the port the packet came to.
  const servers = realServers.map(({ rip, weight }) => `'${bracket(rip)}:${service?.port ?? 0} ${weight}'`);
  const about = service === null ? comment([`packets for ${vip} that carry mark ${mark}`]) : '';
  return [...(about === '' ? [] : [about]), `service '${flags}' ${scheduler} ${servers.join(' ')}`].join('\n');
}
