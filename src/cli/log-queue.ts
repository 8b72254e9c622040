/** What waits for a reader at most, in bytes: some thousand lines. */
const MOST_WAITING_BYTES = 256 * 1024;

/** Lines on their way to somebody who may not be reading. Never waits; what does not fit is counted and said. */
export interface LogQueue {
  add(line: string): void;
  /** Writes what can be written by now. */
  flush(): void;
}

/**
 * @param write writes what it can without waiting, and returns how many bytes are done with
 * @param tellDropped says how many lines were lost, through `add`
 */
export function makeLogQueue(write: (bytes: Uint8Array) => number, tellDropped: (lines: number) => void): LogQueue {
  const waiting: Buffer[] = [];
  let waitingBytes = 0;
  let dropped = 0;

  function drain(): void {
    for (let [first] = waiting; first !== undefined; [first] = waiting) {
      const done = write(first);
      waitingBytes -= done;
      if (done < first.length) {
        waiting[0] = first.subarray(done);
        return;
      }
      waiting.shift();
    }
  }

  function flush(): void {
    drain();
    if (waiting.length > 0 || dropped === 0) return;
    const lines = dropped;
    dropped = 0;
    tellDropped(lines);
  }

  return {
    add: (line) => {
      const bytes = Buffer.from(line);
      if (waitingBytes + bytes.length > MOST_WAITING_BYTES) {
        dropped += 1;
        return;
      }
      waiting.push(bytes);
      waitingBytes += bytes.length;
      flush();
    },
    flush,
  };
}
