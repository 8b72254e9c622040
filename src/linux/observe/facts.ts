import { readlinkSync } from 'node:fs';
import { basename } from 'node:path';
import type { Facts } from '../../core/model/facts.ts';
import { errorCode, errorText } from '../files/errors.ts';
import { CHILD_ENV } from '../process/command.ts';

/**
 * Facts about the host for a fleet's inventory. systeminformation starts many processes and takes a second: it is loaded
 * only for this, and never asked about addresses, of which it reports one per interface. And only the files that are needed: two
 * thirds of the package are about disks, graphics, batteries and printers.
 */
export async function hostFacts(): Promise<Facts> {
  const callers = process.env;
  // It starts about 80 commands through sh(1), by names that are looked for in PATH: they get what all our children get.
  process.env = { ...CHILD_ENV };
  try {
    return await ask();
  } finally {
    process.env = callers;
  }
}

async function ask(): Promise<Facts> {
  const { osInfo } = await import('systeminformation/lib/osinfo.js');
  const { system: machine } = await import('systeminformation/lib/system.js');
  const { cpu: processor } = await import('systeminformation/lib/cpu.js');
  const { mem } = await import('systeminformation/lib/memory.js');
  const { networkInterfaces } = await import('systeminformation/lib/network.js');
  const [os, system, cpu, memory, interfaces] = await Promise.all([
    tell(osInfo()),
    tell(machine()),
    tell(processor()),
    tell(mem()),
    tell(networkInterfaces()),
  ]);
  const list = Array.isArray(interfaces) ? interfaces : [];
  return {
    distribution: os ? [os.distro, os.release].filter(Boolean).join(' ') : null,
    kernel: os?.kernel ?? null,
    architecture: os?.arch ?? null,
    virtualization: system ? (system.virtual ? system.virtualHost || 'virtual' : 'none') : null,
    model: system ? [system.manufacturer, system.model].filter(Boolean).join(' ') || null : null,
    cpus: cpu ? cpu.cores : null,
    memoryBytes: memory ? memory.total : null,
    nics: list.map((nic) => ({
      name: nic.iface,
      kind: nic.type || null,
      speedMbps: typeof nic.speed === 'number' && nic.speed > 0 ? nic.speed : null,
      mtu: nic.mtu ?? null,
      driver: driverOf(nic.iface),
      virtual: nic.virtual,
    })),
  };
}

/** A fact that cannot be had is null: nothing depends on it. */
async function tell<T>(promise: Promise<T>): Promise<T | null> {
  try {
    return await promise;
  } catch (error) {
    process.emitWarning(`a host fact could not be read: ${errorText(error)}`);
    return null;
  }
}

/** The kernel's driver: the name /sys/class/net/IF/device/driver links to. A virtual device has none. */
function driverOf(name: string): string | null {
  try {
    return basename(readlinkSync(`/sys/class/net/${name}/device/driver`));
  } catch (error) {
    if (errorCode(error) === null) throw error;
    return null;
  }
}
