import type { Desired } from '../../core/model/desired.ts';
import { fromBits, toBits } from '../../core/model/ip-bits.ts';
import { kernelIp } from '../../core/model/names.ts';
import { absent, type Reading, unreadable, value } from '../../core/model/reading.ts';
import type { Ipvs } from '../../core/model/surroundings.ts';
import { readText } from '../files/files.ts';
import { commandCause, commandFailure, read } from '../process/command.ts';
import { ipOfHex } from './kernel-hex.ts';

/** Virtual services of this network namespace; the sync daemon is asked for only where a VIP is served here. */
export function observeIpvs(desired: Desired, timeoutMs: number): Reading<Ipvs> {
  const text = readText('/proc/net/ip_vs');
  if (text.kind !== 'value') return text.kind === 'absent' ? absent : text;
  const services = parseIpvs(text.value);
  const ours = services.some(({ ip }) => desired.vips.some(({ address }) => address === ip));
  return value({ services, syncDaemon: ours ? askDaemon(timeoutMs) : value([]) });
}

/** `TCP  0A000064:0050 rr`, `UDP  [fd00:…:0100]:0035 wrr`, `FWM  00000001 rr` (net/netfilter/ipvs/ip_vs_ctl.c). */
function parseIpvs(text: string): Ipvs['services'] {
  return text.split('\n').flatMap((line): Ipvs['services'] => {
    const match = /^(TCP|UDP|SCTP)\s+(?:([0-9A-F]{8})|\[([0-9a-f:]+)\]):([0-9A-F]{4})\s/i.exec(line);
    if (match) {
      const [, protocol = '', v4, v6 = '', port = ''] = match;
      const ip = v4 ? ipOfHex(v4) : fromBits(toBits(kernelIp(v6)), 6);
      return [{ protocol: protocol.toLowerCase(), ip, port: Number.parseInt(port, 16) }];
    }
    return /^FWM\s/.test(line) ? [{ protocol: 'fwmark', ip: null, port: null }] : [];
  });
}

function askDaemon(timeoutMs: number): Ipvs['syncDaemon'] {
  const result = read(['ipvsadm', '-l', '--daemon'], { timeoutMs });
  if (result.kind === 'ok') {
    const modes = [...result.stdout.matchAll(/^(master|backup) sync daemon/gm)];
    return value(modes.map(([, mode]) => (mode === 'master' ? 'master' : 'backup')));
  }
  return unreadable(commandCause(result), commandFailure(result, 'cannot ask for the IPVS sync daemon'));
}
