import type { ConfigError } from './problem.ts';

/** Largest configuration, in bytes: 10 000 VIPs with services take half of it. */
export const MAX_CONFIG_BYTES = 1024 * 1024;

export const tooLarge = (file: string): ConfigError => ({
  ...{ file, line: 1, column: 1, path: '', message: 'the configuration is too large' },
  ...{ expected: 'at most 1 MiB', received: 'more than that', hint: 'see whether this is the right file' },
});

/** The text of a file's bytes; strict, because a byte that is silently replaced changes a path or a reason. */
export function decodeConfig(
  bytes: Uint8Array,
  file: string,
): { readonly kind: 'text'; readonly text: string } | { readonly kind: 'invalid'; readonly error: ConfigError } {
  if (bytes.length > MAX_CONFIG_BYTES) return { kind: 'invalid', error: tooLarge(file) };
  try {
    return { kind: 'text', text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes) };
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return { kind: 'invalid', error: notUtf8(bytes, file) };
  }
}

function notUtf8(bytes: Uint8Array, file: string): ConfigError {
  const [first = 0, second = 0] = bytes;
  const utf16 = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
  // The decoder does not say where it stopped: halve until the longest right beginning is found.
  let [good, bad] = [0, bytes.length];
  while (good < bad) {
    const middle = (good + bad + 1) >> 1;
    if (isUtf8(bytes.subarray(0, middle), true)) good = middle;
    else bad = middle - 1;
  }
  // The beginning of a character that does not go on belongs to what is wrong.
  while (good > 0 && !isUtf8(bytes.subarray(0, good), false)) good--;
  const before = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(0, good));
  const line = before.split('\n').length;
  return {
    file,
    line,
    column: before.length - before.lastIndexOf('\n'),
    path: '',
    message: 'the file is not UTF-8',
    expected: 'UTF-8 text',
    received: utf16 ? 'UTF-16' : `byte 0x${(bytes[good] ?? 0).toString(16).padStart(2, '0')}`,
    hint: utf16 ? 'save it as UTF-8: iconv -f UTF-16 -t UTF-8' : 'save it as UTF-8, or type the character again',
  };
}

function isUtf8(bytes: Uint8Array, mayGoOn: boolean): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: mayGoOn });
    return true;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return false;
  }
}
