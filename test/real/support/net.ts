import { run as attempt, must } from '../../support/process.ts';
import { startReaper, uniqueName } from '../../support/reaper.ts';

/**
 * A throwaway network of namespaces on the host's kernel: one Ethernet segment (a bridge in a namespace of its own) and
 * hosts plugged into it. If this process is killed, the reaper removes it.
 */
export interface Lan {
  /** Adds a host: a namespace whose `eth0` is on the segment, with addresses such as `10.0.0.11/24`. */
  host(name: string, ...addresses: readonly string[]): Host;
  /**
   * Adds the socket for a guest: a namespace whose veth `port` a guest's vec device takes over (`startGuest`). A guest
   * with several devices gets several ports in one namespace.
   */
  guest(name: string, ports: number): { readonly netns: string; readonly veths: readonly string[] };
  /** Takes the segment's end of a host's or guest's cable down (carrier lost at the other end) or up. */
  cable(name: string, state: 'up' | 'down', port?: number): void;
  /** Removes all of it, and ends what still runs in it. */
  remove(): void;
}

export interface Host {
  /** Full name, for `ip -n` and `ip netns exec`. */
  readonly netns: string;
  readonly mac: string;
  /** Runs a command in the namespace and returns its standard output; throws unless it exits 0. */
  run(...argv: string[]): string;
  /** Writes a sysctl, as path segments below /proc/sys. */
  sysctl(path: readonly string[], value: string | number): void;
}

export function makeLan(): Lan {
  startReaper();
  const prefix = uniqueName();
  const made: string[] = [];
  const add = (name: string): string => {
    const netns = `${prefix}-${name}`;
    ip('netns', 'add', netns);
    made.push(netns);
    ip('-n', netns, 'link', 'set', 'lo', 'up');
    return netns;
  };
  const lanNs = add('lan');
  // No IPv6 chatter, no learning delay: the segment is a plain switch.
  ip('-n', lanNs, 'link', 'add', 'br0', 'type', 'bridge', 'forward_delay', '0', 'mcast_snooping', '0');
  ip('-n', lanNs, 'link', 'set', 'br0', 'up');
  const plug = (netns: string, name: string, device: string): void => {
    ip('-n', lanNs, 'link', 'add', 'name', portOf(name), 'type', 'veth', 'peer', 'name', device, 'netns', netns);
    ip('-n', lanNs, 'link', 'set', portOf(name), 'master', 'br0', 'up');
    ip('-n', netns, 'link', 'set', device, 'up');
  };
  return {
    host(name, ...addresses) {
      const netns = add(name);
      plug(netns, name, 'eth0');
      for (const address of addresses) {
        // Nobody else has it: no waiting for duplicate address detection.
        ip('-n', netns, 'address', 'add', address, 'dev', 'eth0', ...(address.includes(':') ? ['nodad'] : []));
      }
      const [link] = JSON.parse(ip('-n', netns, '-j', 'link', 'show', 'eth0')) as { address: string }[];
      const run = (...argv: string[]): string => ip('netns', 'exec', netns, ...argv);
      return {
        netns,
        mac: link?.address ?? '',
        run,
        sysctl: (path, value) => void run('sh', '-c', `echo ${value} > /proc/sys/${path.join('/')}`),
      };
    },
    guest(name, ports) {
      const netns = add(name);
      const veths = Array.from({ length: ports }, (_, n) => `port${n}`);
      for (const [n, veth] of veths.entries()) plug(netns, n === 0 ? name : `${name}.${n}`, veth);
      return { netns, veths };
    },
    cable(name, state, port = 0) {
      ip('-n', lanNs, 'link', 'set', portOf(port === 0 ? name : `${name}.${port}`), state);
    },
    remove() {
      for (const netns of made.splice(0).reverse()) {
        for (const pid of ip('netns', 'pids', netns).split('\n').filter(Boolean)) attempt(['kill', '-KILL', pid]);
        ip('netns', 'delete', netns);
      }
    },
  };
}

/** Name of the segment's end of a cable: never one that `ip` could take for a keyword. */
const portOf = (name: string): string => `to-${name}`;

const ip = (...args: string[]): string => must(['ip', ...args]);
