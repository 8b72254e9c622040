// Which host this is, and who is at it.
import { hostname, userInfo } from 'node:os';
import { mapped } from '../../core/model/needed.ts';
import { absent, type Reading } from '../../core/model/reading.ts';
import { errorCode } from '../files/errors.ts';
import { readText } from '../files/files.ts';
import { MACHINE_ID_PATH, type Paths } from '../files/paths.ts';

export const hostName = (): string => hostname();

/** machine-id(5); absent on a host that has none, or has not got one yet. */
export function machineId(paths: Paths): Reading<string> {
  const id = mapped(readText(paths.at(MACHINE_ID_PATH)), (text) => text.trim());
  return id.kind === 'value' && id.value === '' ? absent : id;
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
