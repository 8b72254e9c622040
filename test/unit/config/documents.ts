import fc from 'fast-check';

/** Pieces that documents of ours are made of, and what people slip into them. */
const KEYS = [
  ...['version', 'vips', 'rip', 'directors', 'role', 'persist', 'responder', 'report', 'ignore', 'farm', 'address'],
  ...['device', 'services', 'port', 'probe', 'send', 'expect', 'interval', 'lease', 'id', 'reason', 'until', 'weight'],
  ...['realServers', 'scheduler', 'textfile', 'remind', 'vip', 'a-b', 'x1'],
];
const ODD_KEYS = ['true', 'null', 'constructor', '__proto__', '<<', 'fd00', '1', '"q"', '? k', ''];
/** What most values look like. */
const USUAL = [
  ...[
    '1',
    '5300',
    'true',
    'false',
    '192.0.2.10',
    '192.0.2.11',
    '10.0.0.2',
    '2001:db8::10',
    'tcp/443',
    'udp/53',
    '1s',
    '24h',
  ],
  ...[
    '2027-01-31',
    'lo',
    'eth0.100',
    'arp-ignore@*',
    '"quoted # text"',
    "'single: quoted'",
    '"1a2b"',
    'lab NIC',
    'a:b',
  ],
  ...['/var/lib/x.prom', 'real-server', '""', '192.0', '12e4', '010', 'null', 'x/y z-1'],
];
/** What people slip into them, and what YAML has up its sleeve. */
const UNUSUAL = [
  ...['1', '0', '-1', '-0', '010', '0x10', '0o17', '1e3', '.5', '1.', '+5', '1.5', '.inf', '.NaN', '5300', '65536'],
  ...['true', 'True', 'yes', 'no', 'off', 'null', '~', 'Null', '192.0.2.10', '192.0.2.11', '10.0.0.2', '192.0', '::1'],
  ...[
    '2001:db8::10',
    '2001:DB8::10',
    '2001:db8::',
    'fe80::1%eth0',
    'fd00:',
    'tcp/443',
    'udp/53',
    '1s',
    '500ms',
    '24h',
    '5',
  ],
  ...[
    '2027-01-31',
    '2027-02-30',
    'lo',
    'eth0.100',
    'lo:0',
    'arp-ignore@*',
    '*',
    '*@eth9',
    '&a',
    '!x',
    '@x',
    '%x',
    '-',
    '- x',
  ],
  ...[
    '?',
    ': x',
    'a: b',
    'a:b',
    'a #b',
    'a#b',
    '#',
    "it's",
    '"quoted"',
    "'single'",
    '"open',
    "'open",
    '"a" b',
    '""',
    "''",
  ],
  ...[
    'lab NIC',
    'lab  NIC',
    'a - b',
    'a :b',
    'a ?b',
    'x,y',
    'x]',
    '{x',
    '/var/lib/x.prom',
    '1a2b',
    '1 2',
    '>',
    '|',
    '---',
    '...',
  ],
  ...[
    '\u00e9',
    '\u00a0',
    '\u2028',
    'a\tb',
    '\\',
    '"\\x41"',
    '"a\\',
    '<<',
    '=',
    '`',
    '1_000',
    '12:30',
    '1:2',
    '01:02:03',
  ],
];

const key = fc.oneof(
  { weight: 30, arbitrary: fc.constantFrom(...KEYS) },
  { weight: 1, arbitrary: fc.constantFrom(...ODD_KEYS) },
);
const scalar = fc.oneof(
  { weight: 40, arbitrary: fc.constantFrom(...USUAL) },
  { weight: 4, arbitrary: fc.constantFrom(...UNUSUAL) },
  { weight: 1, arbitrary: fc.string({ maxLength: 8 }) },
);
const gap = fc.constantFrom('', ' ', ' ', ' ', '  ');
const tail = fc.constantFrom(...Array<string>(20).fill(''), ' ', ' # note', ' # note', '#x', ' #', '\t');

/** Flow text on one line, valid more often than not. */
const flow: fc.Arbitrary<string> = fc.letrec<{ node: string; list: string; map: string }>((tie) => ({
  node: fc.oneof({ maxDepth: 3, depthSize: 'small' }, { weight: 4, arbitrary: scalar }, tie('list'), tie('map')),
  list: fc
    .tuple(fc.array(tie('node'), { maxLength: 4 }), gap, fc.constantFrom(...Array<string>(20).fill(']'), '', ',]', '}'))
    .map(([items, space, end]) => `[${space}${items.join(`,${space}`)}${space}${end}`),
  map: fc
    .tuple(
      fc.array(fc.tuple(key, fc.constantFrom(...Array<string>(20).fill(': '), ':', ':  '), tie('node')), {
        maxLength: 4,
      }),
      gap,
      gap,
    )
    .map(([items, before, after]) => `{${before}${items.map((item) => item.join('')).join(`,${before}`)}${after}}`),
})).node;

const indent = fc.constantFrom(0, 0, 0, 2, 2, 2, 4, 4, 6, 1, 3).map((count) => ' '.repeat(count));
const line = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(indent, key, fc.constantFrom(':', ':', ': ', ' : '), tail).map((p) => p.join('')) },
  {
    weight: 6,
    arbitrary: fc.tuple(indent, key, fc.constantFrom(': ', ': ', ':  '), flow, tail).map((p) => p.join('')),
  },
  {
    weight: 6,
    arbitrary: fc
      .tuple(indent, fc.constantFrom('- ', '- ', '- ', '-', '-  ', '- - '), flow, tail)
      .map((p) => p.join('')),
  },
  {
    weight: 5,
    arbitrary: fc.tuple(indent, fc.constant('- '), key, fc.constant(': '), flow, tail).map((p) => p.join('')),
  },
  { weight: 1, arbitrary: fc.tuple(indent, key, fc.constant(':')).map(([i, k, c]) => `${i}- ${k}${c}`) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('', '   ', '# note', '  # note', '---', '...', '%YAML 1.2', '\t', '--- # x'),
  },
);

/** Line by line: keys, items and values of ours in an order that means something now and then. */
export const linesOfYaml: fc.Arbitrary<string> = fc
  .tuple(fc.array(line, { minLength: 1, maxLength: 8 }), fc.constantFrom('\n', '\n', '\n', '\r\n'), fc.boolean())
  .map(([lines, end, last]) => lines.join(end) + (last ? end : ''));

/** A tree written in block style with proper indentation: nearly always valid YAML. */
export const treesOfYaml: fc.Arbitrary<string> = fc
  .letrec<{ block: readonly string[]; map: readonly string[]; list: readonly string[] }>((tie) => ({
    block: fc.oneof(
      { maxDepth: 4, depthSize: 'small' },
      flow.map((text) => [text]),
      tie('map'),
      tie('list'),
    ),
    map: fc
      .uniqueArray(fc.tuple(key, tie('block'), fc.constantFrom(2, 2, 4), fc.boolean(), tail), {
        ...{ minLength: 1, maxLength: 4, selector: ([name]) => name },
      })
      .map((pairs) => pairs.flatMap((pair) => pairLines(...pair))),
    list: fc
      .array(tie('block'), { minLength: 1, maxLength: 4 })
      .map((items) => items.flatMap((block) => block.map((text, index) => `${index === 0 ? '-' : ' '} ${text}`))),
  }))
  .map.map((lines) => `${lines.join('\n')}\n`);

function pairLines(name: string, block: readonly string[], by: number, flush: boolean, note: string): string[] {
  const [first = ''] = block;
  if (block.length === 1 && !/^(?:- |[\w-]+:(?: |$))/.test(first)) return [`${name}: ${first}${note}`];
  // A list may stand at the column of its key.
  const indentation = ' '.repeat(flush && first.startsWith('- ') ? 0 : by);
  return [`${name}:${note}`, ...block.map((text) => indentation + text)];
}

const INSERTED = [
  ...' :-#,[]{}"\'&*!|>%@`?~0/.\n\tx',
  '\r\n',
  '\u00e9',
  '\u0000',
  '\uFEFF',
  '\ud800',
  '  ',
  ': ',
  ' #',
  '\n---\n',
];

/** A valid document with up to four slips: characters or lines that go missing, appear, move, or repeat. */
export const mutantsOf = (documents: readonly string[]): fc.Arbitrary<string> =>
  fc
    .tuple(
      fc.constantFrom(...documents),
      fc.array(
        fc.tuple(fc.nat(5), fc.double({ min: 0, max: 1, noNaN: true }), fc.constantFrom(...INSERTED, ...USUAL)),
        { maxLength: 4 },
      ),
    )
    .map(([document, slips]) => slips.reduce((text, slip) => mutate(text, ...slip), document));

function mutate(text: string, kind: number, where: number, piece: string): string {
  const at = Math.floor(where * text.length);
  const lines = text.split('\n');
  const line = Math.floor(where * lines.length);
  const current = lines[line] ?? '';
  switch (kind) {
    case 0:
      return text.slice(0, at) + text.slice(at + 1);
    case 1:
      return text.slice(0, at) + piece + text.slice(at);
    case 2:
      return lines.filter((_, index) => index !== line).join('\n');
    case 3:
      return lines.toSpliced(line, 0, current).join('\n');
    case 4:
      return lines.toSpliced(line, 1, ` ${current}`).join('\n');
    default:
      return lines.toSpliced(line, 1, current.replace(/(?<=[:-] )[^#]*/, piece)).join('\n');
  }
}
