import { systemError } from './errors.ts';
import { type RemoteInfo, readBatch } from './incoming.ts';
import { EVENT, type Handle, loadNative } from './native.ts';
import type { NativeOptions } from './options.ts';
import { Outgoing } from './outgoing.ts';
import { allocateShared } from './records.ts';

export interface Open {
  readonly handle: Handle;
  readonly outgoing: Outgoing;
}

/** What a socket does with what happens to it. */
export interface OpenEvents {
  readonly message: (message: Buffer, rinfo: RemoteInfo) => void;
  readonly error: (error: Error) => void;
  readonly closed: () => void;
  readonly isOpen: () => boolean;
}

/**
 * Opens a socket, or takes over descriptor `fd` when it is not negative. Closing it is the caller's, also when this throws
 * for an adopted descriptor.
 * @throws SocketError when the kernel refuses
 */
export function openSocket(
  resource: object,
  family: 4 | 6,
  options: NativeOptions,
  fd: number,
  events: OpenEvents,
): Open {
  const { config, allow, batch } = options;
  const shared = allocateShared(batch);
  const onEvent = (event: number, number: number, memory: ArrayBuffer): void => {
    if (event === EVENT.closed) events.closed();
    if (!events.isOpen()) return;
    if (event === EVENT.messages) {
      outgoing.held = true;
      readBatch(shared.inRecords, family, number, memory, outgoing.current, events.message);
      outgoing.held = false;
      if (events.isOpen()) outgoing.flush();
    } else if (event === EVENT.writable) outgoing.writable();
    else events.error(systemError(-number, 'recvmsg'));
  };
  const handle = loadNative().open(fd, config, allow, resource, shared.all, onEvent);
  if (typeof handle === 'number') throw systemError(handle, 'socket');
  const outgoing = new Outgoing(handle, shared, batch);
  return { handle, outgoing };
}
