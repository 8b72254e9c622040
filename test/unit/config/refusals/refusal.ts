/** A document that is refused, with every error it gives, in order, without the file's name. */
export interface Refusal {
  readonly name: string;
  readonly text: string;
  readonly errors: readonly string[];
}

/** Lines after a valid beginning: the first of them is line 3. */
export const withOneVip = (lines: string): string => `version: 1\nvips: [192.0.2.10]\n${lines}`;

/** A document whose only VIP is this, on line 3. */
export const vipItem = (item: string): string => `version: 1\nvips:\n  - ${item}\n`;
