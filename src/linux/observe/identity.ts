// Which host this is, since when it runs, and who is at it.
import { hostname, userInfo } from 'node:os';
import { errorCode } from '../files/errors.ts';
import { readText } from '../files/files.ts';
import { MACHINE_ID_PATH, type Paths } from '../files/paths.ts';

export const hostName = (): string => hostname();

export function machineId(paths: Paths): string | null {
  const text = readText(paths.at(MACHINE_ID_PATH));
  return text.kind === 'value' && text.value.trim() !== '' ? text.value.trim() : null;
}

/** Another after every boot (random(4)). */
export function bootId(): string | null {
  const text = readText('/proc/sys/kernel/random/boot_id');
  return text.kind === 'value' ? text.value.trim() : null;
}

/** Login name; under sudo the person's too. */
export function who(): string {
  const sudo = process.env.SUDO_USER;
  const uid = process.getuid?.() ?? -1;
  let name = `uid ${uid}`;
  try {
    name = userInfo().username;
  } catch (error) {
    if (errorCode(error) === null) throw error;
  }
  return sudo && sudo !== name ? `${sudo} (as ${name})` : name;
}
