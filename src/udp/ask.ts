import { randomBytes } from 'node:crypto';
import { createSocket, type RemoteInfo } from 'node:dgram';
import { bytesOf } from './address.ts';
import { decodeReply, encodeRequest, type Reply, type RequestType, type Subject } from './protocol.ts';

export interface Question {
  /** IP address of the responder. */
  readonly address: string;
  readonly port: number;
  readonly subject: Subject;
  /** Address to ask from; null lets the kernel choose. */
  readonly source: string | null;
  readonly timeoutMs: number;
}

export type Answered =
  | { readonly kind: 'reply'; readonly reply: Reply; readonly from: string; readonly latencyMs: number }
  /** Something answered this very request from another address: a client of the VIP would have dropped it. */
  | { readonly kind: 'wrong-source'; readonly from: string; readonly latencyMs: number }
  | { readonly kind: 'silence' }
  | { readonly kind: 'failed'; readonly error: NodeJS.ErrnoException };

/** Asks once, with node:dgram (a client needs no PKTINFO), and believes only a reply that carries the request's nonce. */
export function ask(type: RequestType, question: Question): Promise<Answered> {
  const nonce = randomBytes(8);
  const bytes = encodeRequest({ type, nonce, subject: question.subject });
  const socket = createSocket(question.address.includes(':') ? 'udp6' : 'udp4');
  return new Promise((resolve) => {
    let timer: NodeJS.Timeout | undefined;
    let finished = false;
    const finish = (answered: Answered): void => {
      if (finished) return;
      finished = true;
      clearTimeout(timer);
      socket.removeAllListeners();
      socket.close();
      resolve(answered);
    };
    let sentAtMs = 0;
    socket.on('error', (error) => finish({ kind: 'failed', error }));
    socket.on('message', (message, rinfo: RemoteInfo) => {
      const latencyMs = performance.now() - sentAtMs;
      const reply = decodeReply(message);
      if (reply === null || reply.type !== type || !nonce.equals(reply.nonce)) return; // not an answer to this
      const from = rinfo.address;
      if (sameAddress(from, question.address) && rinfo.port === question.port)
        finish({ kind: 'reply', reply, from, latencyMs });
      else finish({ kind: 'wrong-source', from: `${from} port ${rinfo.port}`, latencyMs });
    });
    socket.bind(0, question.source ?? undefined, () => {
      sentAtMs = performance.now();
      // Counted from here: a director that starts us slowly must not take a real server for silent. For the same reason the socket is
      // looked at once more when time is up: timers come before what has arrived meanwhile (libuv's uv_run).
      timer = setTimeout(() => setImmediate(() => finish({ kind: 'silence' })), question.timeoutMs);
      socket.send(bytes, question.port, question.address, (error) => {
        if (error !== null) finish({ kind: 'failed', error });
      });
    });
  });
}

function sameAddress(left: string, right: string): boolean {
  const [a, b] = [left, right].map((text) => bytesOf(text.split('%')[0] ?? ''));
  return a != null && b != null && Buffer.compare(a, b) === 0;
}
