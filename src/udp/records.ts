/**
 * The memory a socket shares with the addon (src/native/udp/binding.h): a record of 32-bit words per datagram in and out,
 * then the bytes to send. Received bytes come in an ArrayBuffer of their own.
 */
export interface Shared {
  readonly all: Uint8Array;
  readonly inRecords: Uint32Array;
  readonly outRecords: Uint32Array;
  /** The send results in outRecords, as signed numbers. */
  readonly outResults: Int32Array;
  readonly outbox: Uint8Array;
}

/** Words of a received datagram: offset, length, port, scope, interface; then the addresses, four words each; then one of the addon's own. */
export const IN = {
  words: 20,
  offset: 0,
  length: 1,
  port: 2,
  scope: 3,
  interface: 4,
  peer: 5,
  local: 9,
  destination: 13,
};

/**
 * Words of a datagram to send; the result is 0 or a negated errno. `answers` is 0, or one more than the number of the received
 * datagram whose addresses are meant: then port, scope, peer and local are not read.
 */
export const OUT = {
  words: 16,
  offset: 0,
  length: 1,
  port: 2,
  scope: 3,
  peer: 4,
  hasLocal: 8,
  local: 9,
  localInterface: 13,
  result: 14,
  answers: 15,
};

/** Room to send: at least one datagram of the largest size UDP has. */
const OUTBOX_BYTES = 65_536;

export function allocateShared(batch: number): Shared {
  const inBytes = batch * IN.words * 4;
  const outBytes = batch * OUT.words * 4;
  const buffer = new ArrayBuffer(inBytes + outBytes + OUTBOX_BYTES);
  return {
    all: new Uint8Array(buffer),
    inRecords: new Uint32Array(buffer, 0, batch * IN.words),
    outRecords: new Uint32Array(buffer, inBytes, batch * OUT.words),
    outResults: new Int32Array(buffer, inBytes, batch * OUT.words),
    outbox: new Uint8Array(buffer, inBytes + outBytes, OUTBOX_BYTES),
  };
}
