/** ANSI colours, or none. */
export interface Style {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly red: (text: string) => string;
  readonly yellow: (text: string) => string;
  readonly green: (text: string) => string;
  readonly cyan: (text: string) => string;
}

const paint =
  (on: boolean, open: number, close: number) =>
  (text: string): string =>
    on ? `\u001b[${open}m${text}\u001b[${close}m` : text;

export const makeStyle = (on: boolean): Style => ({
  bold: paint(on, 1, 22),
  dim: paint(on, 2, 22),
  red: paint(on, 31, 39),
  yellow: paint(on, 33, 39),
  green: paint(on, 32, 39),
  cyan: paint(on, 36, 39),
});

/** NO_COLOR (no-color.org) and --no-color win; otherwise colour goes to terminals only. */
export const wantsColour = (
  isTerminal: boolean,
  env: Readonly<Record<string, string | undefined>>,
  flag: boolean,
): boolean => flag && isTerminal && (env.NO_COLOR ?? '') === '' && env.TERM !== 'dumb';

/** Text from the host (an interface name, a kernel message) must not steer the terminal that shows it. */
export const printable = (text: string): string =>
  text.replace(
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
