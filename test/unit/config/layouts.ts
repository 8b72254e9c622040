import fc from 'fast-check';

/** What stands after a key's colon or an item's hyphen, up to the end of its last line; `column` is that of the key or hyphen. */
type Layout = (column: number) => string;

const spaces = (count: number): string => ' '.repeat(Math.max(0, count));

const WORDS = [
  ...[
    '1',
    '0',
    '-0',
    '010',
    '0o17',
    '0x1F',
    '0b1',
    '1_000',
    '1e3',
    '1.5',
    '.5',
    '-.inf',
    '.NaN',
    '+5',
    '9007199254740993',
  ],
  ...[
    'true',
    'True',
    'yes',
    'no',
    'on',
    'off',
    'y',
    'null',
    'Null',
    '~',
    '2027-01-31',
    '2027-01-31 10:00:00',
    '12:30:45',
  ],
  ...[
    '192.0.2.10',
    '2001:db8::10',
    '::1',
    '2001:db8::',
    'tcp/443',
    'lo',
    'eth0.100',
    'a b',
    'a  b',
    'a:b',
    'a#b',
    'a - b',
    "it's",
  ],
  ...[
    '=',
    '<<',
    '-',
    '--',
    '-a',
    '---a',
    '?a',
    ':a',
    'a?',
    'a,b',
    'a]',
    '(a)',
    '.',
    '..',
    '...a',
    '/x',
    '100%',
    'a&b',
    'a*',
    'a!',
    '@',
    '`',
  ],
];
/** Also where a text is odd: an indicator first, what YAML 1.1 and 1.2 read differently, what is no YAML. */
const ODD = [
  '*a',
  '&a',
  '&a b',
  '!!str 1',
  '!x y',
  '!!int "1"',
  '%a',
  '@a',
  '- a',
  '? a',
  'a: b',
  'a #b',
  '"a" b',
  '|',
  '>',
  '',
  ' ',
  '\t',
  '# c',
];

const key = fc.oneof(
  { weight: 90, arbitrary: fc.constantFrom('version', 'vips', 'rip', 'address', 'a-b', 'x1', 'role', 'ignore') },
  {
    weight: 3,
    arbitrary: fc.constantFrom('"vips"', "'rip'", '"a b"', '"a"', 'a b', '1', 'true', '<<', '__proto__', 'constructor'),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '&k vips',
      '!!str rip',
      '*a',
      '[a]',
      '{a: b}',
      '"a\\nb"',
      '~',
      '',
      '-',
      'a\n b',
      '"a\n b"',
    ),
  },
);
/** The first nearly always; the rest is what people and other programs write as well. */
const mostly = <T>(...values: readonly [T, ...T[]]) =>
  fc.constantFrom(...Array<T>(90).fill(values[0]), ...values.slice(1));
const colon = mostly(':', ' :', ':  ', ':\t');
const tail = mostly('', ' # note', ' ', ' #', '#x', '\t', ' \t# x');
const text = fc.string({ unit: fc.constantFrom(...'ab1 :#,-[]{}\'"*&!|>%@?.\\/'), maxLength: 6 });
const quoted = fc.oneof(
  text.map((content) => `"${content.replace(/["\\]/g, '\\$&')}"`),
  text.map((content) => `'${content.replaceAll("'", "''")}'`),
  fc.constantFrom('"\\x41"', '"\\u00e9"', '"\\/"', '"a\\', '"\\q"', '"', "'", "'a'b", '""', "''"),
);
const word = fc.oneof(
  { weight: 40, arbitrary: fc.constantFrom(...WORDS) },
  { weight: 15, arbitrary: quoted },
  { weight: 1, arbitrary: fc.constantFrom(...ODD) },
);
/** Columns more than the key's that a line below it has: too few, now and then. */
const deeper = mostly(2, 4, 1, 3, 6, 0);
const between = (column: number): fc.Arbitrary<string> =>
  mostly('', ' ', ' ', ' ', '  ', '\n', '\n', '\n', ' # c\n', '\n\n', '\t').map((gap) =>
    gap.replaceAll('\n', `\n${spaces(column)}`),
  );

/** Brackets over one line or several, with comments and commas at odd places. */
const flow: fc.Arbitrary<string> = fc.letrec<{ node: string; list: string; map: string }>((tie) => {
  const gaps = fc.integer({ min: 0, max: 6 }).chain(between);
  const item = fc.tuple(gaps, tie('node'), gaps).map((parts) => parts.join(''));
  const pair = fc
    .tuple(gaps, mostly('', '? '), key, colon, mostly(' ', '', '\n '), tie('node'), gaps)
    .map((parts) => parts.join(''));
  const closing = (mark: string) => mostly(mark, `,${mark}`, '', `,,${mark}`, `\n${mark}`);
  return {
    node: fc.oneof({ maxDepth: 3, depthSize: 'small' }, { weight: 4, arbitrary: word }, tie('list'), tie('map')),
    list: fc
      .tuple(
        fc.array(fc.oneof({ weight: 9, arbitrary: item }, { weight: 1, arbitrary: pair }), { maxLength: 4 }),
        closing(']'),
      )
      .map(([items, end]) => `[${items.join(',')}${end}`),
    map: fc
      .tuple(
        fc.array(fc.oneof({ weight: 9, arbitrary: pair }, { weight: 1, arbitrary: item }), { maxLength: 4 }),
        closing('}'),
      )
      .map(([items, end]) => `{${items.join(',')}${end}`),
  };
}).node;

const inline: fc.Arbitrary<Layout> = fc.tuple(mostly(' ', '  ', '\n  ', '\t'), fc.oneof(word, flow), tail).map(
  ([gap, value, note]) =>
    (column) =>
      `${gap === '\n  ' ? `\n${spaces(column + 2)}` : gap}${value}${note}\n`,
);
/** A scalar over several lines: plain, quoted or a block. */
const lines: fc.Arbitrary<Layout> = fc
  .tuple(
    fc.constantFrom('', '"', "'", '|', '>', '|-', '>+', '|2', '>1-'),
    fc.array(fc.constantFrom('a', 'b c', '1', '', '# d', '- e', 'f: g', '...', '---'), { minLength: 1, maxLength: 3 }),
    deeper,
  )
  .map(([style, words, by]) => (column) => {
    const below = `\n${spaces(column + by)}`;
    if (/^[|>]/.test(style)) return ` ${style}${below}${words.join(below)}\n`;
    return ` ${style}${words.join(below)}${style}\n`;
  });

const note = mostly('', '\n', '\n', '# note\n', '# note\n', '      # note\n', '---\n', '\t\n');
const decoration = mostly('', ' &a', ' !!map', ' !x', ' *a');

const layout: fc.Arbitrary<Layout> = fc.letrec<{ any: Layout; map: Layout; list: Layout }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    { weight: 24, arbitrary: inline },
    { weight: 1, arbitrary: lines },
    { weight: 10, arbitrary: tie('map') },
    { weight: 10, arbitrary: tie('list') },
  ),
  map: fc
    .tuple(
      decoration,
      deeper,
      fc.boolean(),
      fc.array(fc.tuple(note, mostly('', '? '), key, colon, tie('any')), { minLength: 1, maxLength: 4 }),
    )
    .map(([mark, by, isCompact, pairs]) => (column) => {
      const at = column + by;
      const written = pairs.map(
        ([before, question, name, end, value], index) =>
          `${index === 0 && isCompact ? '' : before + spaces(at)}${question}${name}${end}${value(at)}`,
      );
      // "- key: value" begins on the line of its hyphen; after a colon that is no YAML.
      return `${mark}${isCompact ? spaces(by - 1) : '\n'}${written.join('')}`;
    }),
  list: fc
    .tuple(
      decoration,
      mostly(2, 0, 0, 0, 4, 1),
      fc.boolean(),
      fc.array(fc.tuple(note, tie('any')), { minLength: 1, maxLength: 4 }),
    )
    .map(([mark, by, isCompact, items]) => (column) => {
      const at = column + by;
      const written = items.map(
        ([before, value], index) => `${index === 0 && isCompact ? '' : before + spaces(at)}-${value(at)}`,
      );
      return `${mark}${isCompact ? spaces(by - 1) : '\n'}${written.join('')}`;
    }),
})).any;

/** Documents in every layout YAML has, most of them valid: what a reader of more than our plain part may meet. */
export const layoutsOfYaml: fc.Arbitrary<string> = fc
  .tuple(
    mostly('', '---\n', '--- # c\n', '%YAML 1.2\n---\n', '%YAML 1.1\n---\n', '\uFEFF', '# c\n---\n', '--- ', '...\n'),
    fc.array(fc.tuple(key, colon, layout), { minLength: 1, maxLength: 3 }),
    mostly('', '...\n', '---\n', '---\na: b\n', '... # c\n', '...\na: b\n', '\t'),
    mostly('\n', '\r\n', '\r'),
  )
  .map(([first, pairs, last, end]) =>
    `${first}${pairs.map(([name, mark, value]) => `${name}${mark}${value(0)}`).join('')}${last}`.replaceAll('\n', end),
  );
