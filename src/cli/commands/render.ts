import { type Command, Option } from 'commander';
import { parseHostAddress } from '../../config/address.ts';
import type { Desired } from '../../core/model/desired.ts';
import type { Ip } from '../../core/model/names.ts';
import { EXIT } from '../../core/report/exit-code.ts';
import type { Rendered } from '../../render/farm.ts';
import type { LocalnodeHost } from '../../render/localnode.ts';
import { type Context, contextOf, type Io } from '../context.ts';
import { addGlobals, checkFormat, UsageError } from '../globals.ts';
import { loadDesired } from '../input.ts';

interface Options {
  readonly check?: 'udp' | 'misc';
  readonly tcpCheck?: boolean;
  readonly fwmark?: number;
  readonly mac?: readonly string[];
  readonly rules?: 'nftables' | 'iptables';
  readonly balancer?: 'keepalived' | 'ipvsadm';
  readonly host?: string;
  readonly part?: 'rules' | 'balancer';
}

type Render = (desired: Desired, options: Options) => Promise<Rendered>;

/** Text for the neighbours, from the configuration file alone: nothing of this host is looked at. */
export function registerRender(program: Command, io: Io): void {
  const group = program
    .command('render')
    .summary('configuration for the neighbours: directors, localnodes, Windows real servers')
    .description(
      'Writes, from this configuration file (vips with their services, farm, responder), what other hosts need. Prints it; changes nothing.',
    )
    .addHelpText(
      'after',
      '\nExamples:\n  rsprep render keepalived > /etc/keepalived/rsprep.conf\n  rsprep render windows > prepare.ps1',
    );
  const add = (name: string, description: string, example: string, render: Render): Command => {
    const command = group.command(name).description(description).addHelpText('after', `\nExample:\n  ${example}`);
    addGlobals(command).action(async (options: Options, self: Command) => {
      const context = contextOf(self, io);
      checkFormat(context.globals.format, ['text']);
      const desired = await loadDesired(context);
      if (desired) print(await render(desired, options), context, name);
    });
    return command;
  };

  add(
    'keepalived',
    'virtual_server blocks for keepalived on the directors, with health checks that ask the responder',
    'rsprep render keepalived > /etc/keepalived/rsprep.conf',
    async (desired, options) => {
      const { renderKeepalived } = await import('../../render/keepalived.ts');
      const { check = 'udp', tcpCheck = false, fwmark = null } = options;
      return renderKeepalived(desired, { check, tcpCheck, fwmark });
    },
  )
    .addOption(checkOption())
    .option('--tcp-check', 'also connect to each TCP service at RIP:port (only where it listens there too)')
    .addOption(fwmarkOption('balance packets that carry this mark (the next VIP: the next number), for localnode'));

  add(
    'ipvsadm',
    'a shell script for directors without keepalived; running it again changes nothing',
    'rsprep render ipvsadm > /etc/rsprep/director.sh',
    async (desired, { fwmark = null }) => (await import('../../render/ipvsadm.ts')).renderIpvsadm(desired, { fwmark }),
  ).addOption(fwmarkOption('balance packets that carry this mark, for localnode'));

  add(
    'localnode',
    'for directors that are real servers too: rules that mark what does not come from the other director, and the virtual services for those marks',
    'rsprep render localnode --mac 10.0.0.2=02:00:00:00:00:02 --mac 10.0.0.3=02:00:00:00:00:03',
    renderHosts,
  )
    .requiredOption('--mac <address=mac>', 'a director and the MAC of its NIC there; once for each', collect)
    .addOption(new Option('--rules <tool>', 'what sets the marks').choices(['nftables', 'iptables']))
    .addOption(new Option('--balancer <program>', 'what holds the services').choices(['keepalived', 'ipvsadm']))
    .addOption(checkOption())
    .addOption(fwmarkOption('mark of the first VIP (default: 1)'))
    .option('--host <address>', 'only for this director')
    .addOption(new Option('--part <part>', 'only this file').choices(['rules', 'balancer']));

  add(
    'windows',
    'a PowerShell script that prepares a Windows Server as a real server (-Verify, -Undo); not tried on Windows',
    'rsprep render windows > rsprep.ps1',
    async (desired) => (await import('../../render/windows.ts')).renderWindows(desired),
  );
}

const checkOption = (): Option =>
  new Option(
    '--check <how>',
    'udp: keepalived asks the responder itself (default) · misc: through `rsprep ask`',
  ).choices(['udp', 'misc']);

/** A mark is 32 bits, 0 is no mark. */
const fwmarkOption = (description: string): Option =>
  new Option('--fwmark <number>', description).argParser((text) => {
    const mark = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (mark >= 1 && mark <= 0xffff_ffff) return mark;
    throw new UsageError(`--fwmark: expected 1 to 4294967295, received ${JSON.stringify(text)}`);
  });

const collect = (text: string, before: readonly string[] | undefined): readonly string[] => [...(before ?? []), text];

async function renderHosts(desired: Desired, options: Options): Promise<Rendered> {
  const { renderLocalnode } = await import('../../render/localnode.ts');
  const directors = (options.mac ?? []).map(parseMac);
  const { rules = 'nftables', balancer = 'keepalived', check = 'udp', fwmark = 1 } = options;
  const rendered = renderLocalnode(desired, { directors, rules, balancer, check, fwmark });
  if (rendered.kind === 'refused') return rendered;
  const hosts = rendered.hosts.filter(({ address }) => options.host === undefined || options.host === address);
  if (hosts.length === 0) {
    throw new UsageError(
      `--host: expected one of ${directors.map(({ address }) => address).join(', ')}, received ${options.host}`,
    );
  }
  return { kind: 'text', text: hosts.map((host) => hostText(host, options.part)).join('\n') };
}

function hostText(host: LocalnodeHost, part: Options['part']): string {
  if (part !== undefined) return host[part];
  const title = (what: string): string => `# ===== ${host.address}: ${what} =====\n`;
  return `${title('marks')}${host.rules}\n${title('virtual services')}${host.balancer}`;
}

function parseMac(text: string): { readonly address: Ip; readonly mac: string } {
  const [address = '', mac = ''] = text.split('=');
  const parsed = parseHostAddress(address);
  if (parsed.kind !== 'ok' || !/^([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}$/.test(mac)) {
    throw new UsageError(
      `--mac: expected an address and a MAC such as 10.0.0.2=02:00:00:00:00:02, received ${JSON.stringify(text)}`,
    );
  }
  return { address: parsed.value, mac };
}

function print(rendered: Rendered, { io }: Context, what: string): void {
  if (rendered.kind === 'text') {
    io.out(rendered.text);
    io.setExitCode(EXIT.ok);
    return;
  }
  io.err(`rsprep render ${what}: ${rendered.because}\n  next: ${rendered.next}\n`);
  io.setExitCode(EXIT.configuration);
}
