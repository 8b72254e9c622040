import { closeSync } from 'node:fs';
import { createSocket, type Socket } from '../../../udp/index.ts';
import { duplicateFd } from '../../../udp/native.ts';

/** A UDP socket that systemd opened and holds (rsprep-responder.socket); it stays open, whatever becomes of its copies. */
export interface Held {
  readonly type: 'udp4' | 'udp6';
  readonly address: string;
  readonly port: number;
  /** A descriptor of it for one life of a socket. @throws where there is none left to have */
  copy(): number;
}

/** SD_LISTEN_FDS_START (sd_listen_fds(3)). */
const FIRST = 3;
const MOST = 64;

/** What was passed to this process and to no other; children inherit none of it. What is no UDP socket is none of ours. */
export async function heldSockets(env: Readonly<Record<string, string | undefined>>): Promise<readonly Held[]> {
  const count = Number(env.LISTEN_FDS ?? '0');
  if (env.LISTEN_PID !== String(process.pid) || !Number.isInteger(count) || count < 1 || count > MOST) return [];
  const held: Held[] = [];
  for (let fd = FIRST; fd < FIRST + count; fd++) {
    const kept = duplicateFd(fd);
    if (kept < 0) continue;
    closeSync(fd);
    for (const type of ['udp6', 'udp4'] as const) {
      const name = await nameOf(type, duplicateFd(kept));
      if (name !== null) held.push({ type, ...name, copy: () => duplicateFd(kept) });
    }
  }
  return held;
}

/** Null for what is not of this type. */
async function nameOf(
  type: 'udp4' | 'udp6',
  fd: number,
): Promise<{ readonly address: string; readonly port: number } | null> {
  const socket = createSocket(type);
  const error = await bound(socket, { fd });
  if (error !== null) {
    closeSync(fd); // a descriptor that was not taken over is still ours
    socket.close();
    return null;
  }
  const { address, port } = socket.address();
  socket.close();
  return { address, port };
}

/** @returns why not, or null */
export const bound = (socket: Socket, target: object): Promise<Error | null> =>
  new Promise((resolve) => {
    socket.once('error', resolve);
    socket.bind(target, () => {
      socket.off('error', resolve);
      resolve(null);
    });
  });
