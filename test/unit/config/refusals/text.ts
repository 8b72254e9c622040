import type { Refusal } from './refusal.ts';

/** The text. */
export const refusals: readonly Refusal[] = [
  {
    name: 'an empty file',
    text: '',
    errors: [
      '1:1: the configuration is empty: expected at least "version: 1" and "vips:", received nothing; see "rsprep config schema"',
    ],
  },
  {
    name: 'only a comment',
    text: '# nothing yet\n',
    errors: [
      '1:1: the configuration is empty: expected at least "version: 1" and "vips:", received nothing; see "rsprep config schema"',
    ],
  },
  {
    name: 'only white space',
    text: ' \n\t\n',
    errors: [
      '1:1: the configuration is empty: expected at least "version: 1" and "vips:", received nothing; see "rsprep config schema"',
    ],
  },
  {
    name: 'a byte order mark',
    text: '\ufeffversion: 1\n',
    errors: [
      '1:1: the file begins with a byte order mark: expected plain UTF-8, received U+FEFF; save it as "UTF-8 without BOM"',
    ],
  },
  {
    name: 'a NUL byte',
    text: 'version: 1\nvips: [192.0.2.10\u0000]\n',
    errors: ['2:18: a NUL byte: expected printable text, received U+0000; delete it; is this a text file?'],
  },
  {
    name: 'an escape sequence',
    text: 'version: 1\nrip: "\u001b[31m10.0.0.1"\n',
    errors: ['2:7: a control character: expected printable text, received U+001B; delete it; is this a text file?'],
  },
  {
    name: 'old Macintosh line ends',
    text: 'version: 1\rvips: []\r',
    errors: ['1:11: a control character: expected printable text, received U+000D; end lines with LF or CR LF'],
  },
  {
    name: 'more than 1 MiB',
    text: `version: 1\n${'#'.repeat(1024 * 1024)}`,
    errors: [
      '1:1: the configuration is too large: expected at most 1 MiB, received more than that; see whether this is the right file',
    ],
  },
];
