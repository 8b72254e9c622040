import fc from 'fast-check';

/**
 * What must never reach a terminal, a mail or a log raw: C0 with the end of line, DEL, C1, marks and overrides of direction, what has no
 * width, separators of lines, halves of surrogate pairs. Written out here, so that it is not what the program believes.
 */
export const STEERING =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;

const PIECES = [
  '\u001b[8m',
  '\u001b]0;title\u0007',
  '\u001b[2J\u001b[H',
  '\u009b31m',
  '\n',
  '\r',
  '\r\n',
  '\t',
  '\b\b\b',
  '\u0000',
  '\u007f',
  '\u0085',
  '\u061c',
  '\u200b',
  '\u200e',
  '\u200f',
  '\u202e',
  '\u2028',
  '\u2029',
  '\u2066',
  '\u2069',
  '\ufeff',
  '\ud800',
  '\udfff',
  '|',
  '"',
  "'",
  '\\',
  '<![CDATA[',
  ']]>',
  '&#27;',
  '%s',
  '$(id)',
  '\nFORGED line of ours',
  'ä',
  '😀',
];

/** Text of somebody who wants to be seen otherwise: printable pieces among those that steer. */
export const hostile: fc.Arbitrary<string> = fc
  .array(fc.oneof(fc.constantFrom(...PIECES), fc.string({ unit: 'binary', maxLength: 4 }), fc.constant('eth0')), {
    minLength: 1,
    maxLength: 6,
  })
  .map((pieces) => pieces.join('') || 'x');
