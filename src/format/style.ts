import { painted, type SafeText, safe } from './safe-text.ts';

type Paint = (text: string | SafeText) => SafeText;

/** ANSI colours, or none. */
export interface Style {
  readonly bold: Paint;
  readonly dim: Paint;
  readonly red: Paint;
  readonly yellow: Paint;
  readonly green: Paint;
  readonly cyan: Paint;
}

const paint =
  (on: boolean, open: number, close: number): Paint =>
  (text) =>
    on ? painted(open, text, close) : safe`${text}`;

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
