import type { Desired } from '../../core/model/desired.ts';
import { EXIT } from '../../core/report/exit-code.ts';
import { ownText, safe } from '../../format/safe-text.ts';
import type { Rendered } from '../../render/farm.ts';
import type { LocalnodeHost } from '../../render/localnode.ts';
import { type Command, command, group } from '../command.ts';
import { loadDesired } from '../input.ts';
import { addressAndMac, hostAddress } from '../options/network.ts';
import {
  atLeastOnce,
  flag,
  type Option,
  type Options,
  optional,
  type ValuesOf,
  withDefault,
} from '../options/option.ts';
import { oneOf, whole } from '../options/value.ts';
import { UsageError } from '../usage-error.ts';

/** Text for the neighbours, from the configuration file alone: nothing of this host is looked at. */
const writer = <const O extends Options>(
  spec: { readonly name: string; readonly description: string; readonly example: string; readonly options: O },
  render: (desired: Desired, options: ValuesOf<O>) => Promise<Rendered>,
): Command =>
  command({
    name: spec.name,
    description: spec.description,
    options: spec.options,
    after: `Example:\n  ${spec.example}`,
    run: async (context, options) => {
      const desired = await loadDesired(context);
      if (!desired) return;
      const { io } = context;
      const rendered = await render(desired, options);
      if (rendered.kind === 'text') {
        io.out(ownText(rendered.text));
        return io.setExitCode(EXIT.ok);
      }
      io.err(safe`rsprep render ${spec.name}: ${rendered.because}\n  next: ${rendered.next}\n`);
      io.setExitCode(EXIT.configuration);
    },
  });

const check = withDefault(
  oneOf('how', ['udp', 'misc']),
  'udp',
  'udp: keepalived asks the responder itself (default) · misc: through `rsprep ask`',
);

/** A mark is 32 bits, 0 is no mark. */
const MARK = whole('number', 1, 0xffff_ffff);
const fwmark = (does: string): Option<number | null> => optional(MARK, does);

const keepalived = writer(
  {
    name: 'keepalived',
    description: 'virtual_server blocks for keepalived on the directors, with health checks that ask the responder',
    example: 'rsprep render keepalived > /etc/keepalived/rsprep.conf',
    options: {
      check,
      'tcp-check': flag('also connect to each TCP service at RIP:port (only where it listens there too)'),
      fwmark: fwmark('balance packets that carry this mark (the next VIP: the next number), for localnode'),
    },
  },
  async (desired, options) => {
    const { renderKeepalived } = await import('../../render/keepalived.ts');
    return renderKeepalived(desired, {
      check: options.check,
      tcpCheck: options['tcp-check'],
      fwmark: options.fwmark,
    });
  },
);

const ipvsadm = writer(
  {
    name: 'ipvsadm',
    description: 'a shell script for directors without keepalived; running it again changes nothing',
    example: 'rsprep render ipvsadm > /etc/rsprep/director.sh',
    options: { fwmark: fwmark('balance packets that carry this mark, for localnode') },
  },
  async (desired, options) => (await import('../../render/ipvsadm.ts')).renderIpvsadm(desired, options),
);

const localnode = writer(
  {
    name: 'localnode',
    description:
      'for directors that are real servers too: rules that mark what does not come from the other director, and the virtual services for those marks',
    example: 'rsprep render localnode --mac 10.0.0.2=02:00:00:00:00:02 --mac 10.0.0.3=02:00:00:00:00:03',
    options: {
      mac: atLeastOnce(addressAndMac, 'a director and the MAC of its NIC there; once for each'),
      rules: withDefault(
        oneOf('tool', ['nftables', 'iptables']),
        'nftables',
        'what sets the marks: nftables (default) or iptables',
        { conflicts: ['--part balancer'] },
      ),
      balancer: withDefault(
        oneOf('program', ['keepalived', 'ipvsadm']),
        'keepalived',
        'what holds the services: keepalived (default) or ipvsadm',
        { conflicts: ['--part rules'] },
      ),
      check: { ...check, conflicts: ['--balancer ipvsadm', '--part rules'] },
      fwmark: withDefault(MARK, 1, 'mark of the first VIP (default: 1)'),
      host: optional(hostAddress, 'only for this director'),
      part: optional(oneOf('part', ['rules', 'balancer']), 'only this file: rules or balancer'),
    },
  },
  async (desired, { mac: directors, host: only, part, ...options }) => {
    const { renderLocalnode } = await import('../../render/localnode.ts');
    const rendered = renderLocalnode(desired, { directors, ...options });
    if (rendered.kind === 'refused') return rendered;
    const hosts = rendered.hosts.filter(({ address }) => only === null || only === address);
    if (hosts.length === 0) {
      const named = directors.map(({ address }) => address).join(', ');
      throw new UsageError(`--host: expected one of ${named}, received ${JSON.stringify(only)}`);
    }
    return { kind: 'text', text: hosts.map((host) => (part === null ? wholeText(host) : host[part])).join('\n') };
  },
);

function wholeText(host: LocalnodeHost): string {
  const title = (what: string): string => `# ===== ${host.address}: ${what} =====\n`;
  return `${title('marks')}${host.rules}\n${title('virtual services')}${host.balancer}`;
}

const windows = writer(
  {
    name: 'windows',
    description:
      'a PowerShell script that prepares a Windows Server as a real server (-Verify, -Undo); not tried on Windows',
    example: 'rsprep render windows > rsprep.ps1',
    options: {},
  },
  async (desired) => (await import('../../render/windows.ts')).renderWindows(desired),
);

export const renderCommand = group({
  name: 'render',
  summary: 'configuration for the neighbours: directors, localnodes, Windows real servers',
  description:
    'Writes, from this configuration file (vips with their services, farm, responder), what other hosts need. Prints it; changes nothing.',
  after: 'Examples:\n  rsprep render keepalived > /etc/keepalived/rsprep.conf\n  rsprep render windows > prepare.ps1',
  commands: [keepalived, ipvsadm, localnode, windows],
});
