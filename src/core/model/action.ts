import { type ArpSetting, settingText } from './arp-settings.ts';
import { assertNever, type InterfaceName, type Ip } from './names.ts';

/** One change of the host, as data. Each is idempotent: what is already so is not written again. */
export type Action =
  | {
      readonly kind: 'set-sysctl';
      readonly setting: ArpSetting;
      readonly to: number;
      /** Written only while the present value is this one (undo must not overwrite somebody else's value). */
      readonly onlyIf: number | null;
    }
  | { readonly kind: 'set-link'; readonly device: InterfaceName; readonly up: boolean }
  | {
      readonly kind: 'add-address';
      readonly device: InterfaceName;
      readonly ip: Ip;
      readonly prefixLength: number;
      /** Only to put back what was there. */
      readonly peer?: Ip;
      readonly scope: string;
      readonly label: string | null;
      /** IPv6: added with preferred_lft 0, so that it is never chosen as a source (RFC 6724 rule 3). */
      readonly deprecated: boolean;
    }
  | {
      readonly kind: 'delete-address';
      readonly device: InterfaceName;
      readonly ip: Ip;
      readonly prefixLength: number;
      /** Of a point-to-point address: the kernel finds it by this as well. */
      readonly peer?: Ip;
    }
  | {
      /** Lifetimes for ever; IPv6 deprecated. */
      readonly kind: 'refresh-address';
      readonly device: InterfaceName;
      readonly ip: Ip;
      readonly prefixLength: number;
      readonly deprecated: boolean;
    }
  | {
      /**
       * An IPv6 address deleted and added again, next to each other in one batch: for one that the kernel does not use anyway
       * (dadfailed), or that has a wide prefix. The kernel has an IPv6 address on a device only once, whatever its prefix
       * ("address already assigned"), so the right one cannot be added before the wrong one is gone.
       */
      readonly kind: 'renew-address';
      readonly device: InterfaceName;
      readonly ip: Ip;
      /** Of the address deleted. */
      readonly from: number;
      /** Of the address added. */
      readonly prefixLength: number;
    }
  | { readonly kind: 'write-file'; readonly path: string; readonly content: string }
  | { readonly kind: 'delete-file'; readonly path: string }
  /** Ledger only: this address was there before us; it is ours from now on. */
  | {
      readonly kind: 'adopt-address';
      readonly device: InterfaceName;
      readonly ip: Ip;
      readonly prefixLength: number;
    }
  /** Ledger only: remember the present configuration as the one applied. */
  | { readonly kind: 'record-desired' };

/** The two that change only rsprep's own ledger. */
export const isLedgerOnly = (action: Action): boolean =>
  action.kind === 'adopt-address' || action.kind === 'record-desired';

/** One line for a person: what will be done, in the words of ip(8) and sysctl(8). */
export function describeAction(action: Action): string {
  switch (action.kind) {
    case 'set-sysctl':
      return `set ${settingText(action.setting)} = ${action.to}`;
    case 'set-link':
      return `ip link set ${action.device} ${action.up ? 'up' : 'down'}`;
    case 'add-address':
      return `ip address add ${addArguments(action).join(' ')}`;
    case 'delete-address':
      return `ip address del ${target(action)} dev ${action.device}`;
    case 'refresh-address':
      return `ip address change ${action.ip}/${action.prefixLength} dev ${action.device} valid_lft forever preferred_lft ${action.deprecated ? '0' : 'forever'}`;
    case 'renew-address':
      return `ip address del ${action.ip}/${action.from} dev ${action.device}, then add ${action.ip}/${action.prefixLength} preferred_lft 0 nodad`;
    case 'write-file':
      return `write ${action.path}`;
    case 'delete-file':
      return `delete ${action.path}`;
    case 'adopt-address':
      return `adopt ${action.ip}/${action.prefixLength} on ${action.device} as it is (ledger only)`;
    case 'record-desired':
      return 'record the configuration as applied (ledger only)';
    default:
      return assertNever(action);
  }
}

/** An address as ip-address(8) takes it: `10.0.0.100/32`, `10.0.0.100 peer 10.0.0.2/32`. */
export const target = ({ ip, prefixLength, peer }: { ip: Ip; prefixLength: number; peer?: Ip }): string =>
  peer === undefined ? `${ip}/${prefixLength}` : `${ip} peer ${peer}/${prefixLength}`;

/** What follows `ip address add`. */
export function addArguments(action: Extract<Action, { kind: 'add-address' }>): readonly string[] {
  const base = [target(action), 'dev', action.device];
  if (action.deprecated) return [...base, 'preferred_lft', '0', 'nodad'];
  return action.label === null
    ? [...base, 'scope', action.scope]
    : [...base, 'scope', action.scope, 'label', action.label];
}

/** Two actions that would do the same are one step. */
export const actionKey = (action: Action): string => JSON.stringify(action);
