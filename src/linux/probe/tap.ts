import { closeSync } from 'node:fs';
import type { Frame, Tap } from '../../app/ports/probe.ts';
import { failed, ok, type Tried } from '../../probe/result.ts';
import { ADDRESS_ROOM, FAMILY, type Packets, SOCKET, systemFailure } from './native.ts';

const ETH_P_ALL = 3;
const MAX_FRAMES = 64;
const BUFFER_BYTES = 1 << 17;

/**
 * A packet socket on an interface (0: all). ETH_P_ALL, because only that shows what leaves (dev_queue_xmit_nit); the filter is
 * attached before the socket is bound, so that nothing else is ever queued.
 */
export function openTap(packets: Packets, namespace: number, index: number, filter: Uint8Array): Tried<Tap> {
  const fd = packets.openIn(namespace, FAMILY.packet, SOCKET.raw, 0);
  if (fd < 0) return failed(systemFailure('a packet socket cannot be opened', fd));
  const attached = packets.attachFilter(fd, filter);
  const bound = attached < 0 ? attached : packets.bindTo(fd, linkAddress(index, ETH_P_ALL));
  if (bound < 0) {
    closeSync(fd);
    return failed(systemFailure('a packet socket cannot be bound to its interface', bound));
  }
  return ok(makeTap(packets, fd, index));
}

function makeTap(packets: Packets, fd: number, index: number): Tap {
  const buffer = new Uint8Array(BUFFER_BYTES);
  const info = new Int32Array(MAX_FRAMES * 4);
  const fds = Int32Array.of(fd);
  const to = linkAddress(index, 0);
  return {
    next: (timeoutMs) => {
      const count = packets.receiveBytes(fds, Math.ceil(timeoutMs), buffer, info);
      const frames: Frame[] = [];
      for (let at = 0; at < count; at += 1) {
        const [, offset = 0, length = 0, error = 0] = info.subarray(4 * at, 4 * at + 4);
        if (error < 0) continue; // ENETDOWN: the interface went down; the control will tell
        const view = new DataView(buffer.buffer, offset, ADDRESS_ROOM);
        const start = offset + ADDRESS_ROOM;
        frames.push({
          bytes: buffer.slice(start, start + length),
          kind: view.getUint8(10),
          interface: view.getInt32(4, true),
        });
      }
      return frames;
    },
    send: (frame) => Math.min(0, packets.sendBytes(fd, frame, to)),
    close: () => closeSync(fd),
  };
}

/** struct sockaddr_ll, packet(7). */
function linkAddress(index: number, protocol: number): Uint8Array {
  const bytes = new Uint8Array(20);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, FAMILY.packet, true);
  view.setUint16(2, protocol);
  view.setInt32(4, index, true);
  return bytes;
}
