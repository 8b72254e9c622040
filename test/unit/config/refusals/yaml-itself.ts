import { type Refusal, withOneVip } from './refusal.ts';

/** YAML itself. */
export const refusals: readonly Refusal[] = [
  {
    name: 'a tab as indentation',
    text: 'version: 1\nvips:\n\t- 192.0.2.10\n',
    errors: ['3:1: a tab in the indentation: expected spaces, received "- 192.0.2.10"; replace every tab by spaces'],
  },
  {
    name: 'a second document',
    text: withOneVip('---\nversion: 1\n'),
    errors: ['3:1: a second document: expected one document, received "---"; delete everything from this line on'],
  },
  {
    name: 'an open bracket',
    text: 'version: 1\nvips: [192.0.2.10\nrip: 10.0.0.11\n',
    errors: [
      '3:1: not YAML: flow sequence in block collection must be sufficiently indented and end with a ]: expected YAML 1.2, received "rip: 10.0.0.11"; close it with ]',
    ],
  },
  {
    name: 'an open quote',
    text: 'version: 1\nvips: ["192.0.2.10]\n',
    errors: [
      '3:1: not YAML: missing closing "quote: expected YAML 1.2, received the end of the file; add what is missing',
    ],
  },
  {
    name: 'a colon too many',
    text: withOneVip('ignore:\n  - id: arp-ignore@*\n    reason: lab: not in use\n'),
    errors: [
      '5:13: not YAML: nested mappings are not allowed in compact mappings: expected YAML 1.2, received "reason: lab: not in use"; align it with the lines above; a text with ": " has to be in quotes',
    ],
  },
  {
    name: 'a missing colon',
    text: 'version: 1\nvips\n  - 192.0.2.10\n',
    errors: [
      '2:1: not YAML: implicit keys need to be on a single line: expected a key on one line, received "vips"; is a colon missing, or a space after one?',
    ],
  },
  {
    name: 'a list item at the wrong column',
    text: 'version: 1\nvips:\n  - 192.0.2.10\n - 192.0.2.11\n',
    errors: [
      '4:1: not YAML: a block sequence may not be used as an implicit map key: expected YAML 1.2, received "- 192.0.2.11"; align it with the lines above; a text with ": " has to be in quotes',
    ],
  },
  {
    name: 'a reserved first character',
    text: withOneVip('rip: @10.0.0.11\n'),
    errors: [
      '3:6: not YAML: plain value cannot start with reserved character @: expected YAML 1.2, received "rip: @10.0.0.11"; put the text in quotes',
    ],
  },
  {
    name: 'a star without quotes',
    text: withOneVip('ignore: [{id: *@eth9, reason: lab}]\n'),
    errors: [
      '3:15: ignore[0].id: an alias: expected a value without anchors, aliases and tags, received "*@eth9"; write the value itself; a text that begins with * has to be in quotes',
    ],
  },
  {
    name: 'a duplicate key',
    text: withOneVip('rip: 10.0.0.11\nrip: 10.0.0.12\n'),
    errors: [
      '4:1: rip: the same key twice: expected each key once, received "rip"; delete one; the first is at line 3, column 1',
    ],
  },
  {
    name: 'a duplicate key in a flow mapping',
    text: withOneVip('responder: {port: 5300, port: 5301}\n'),
    errors: [
      '3:25: responder.port: the same key twice: expected each key once, received "port"; delete one; the first is at line 3, column 13',
    ],
  },
  {
    name: 'an anchor and its alias',
    text: withOneVip('rip: &me 10.0.0.11\ndirectors: [*me]\n'),
    errors: [
      '3:10: rip: an anchor: expected a value without anchors, aliases and tags, received "&me"; delete it; a text that begins with & has to be in quotes',
      '4:13: directors[0]: an alias: expected a value without anchors, aliases and tags, received "*me"; write the value itself; a text that begins with * has to be in quotes',
    ],
  },
  {
    name: 'an alias without an anchor',
    text: withOneVip('rip: *me\n'),
    errors: [
      '3:6: rip: an alias: expected a value without anchors, aliases and tags, received "*me"; write the value itself; a text that begins with * has to be in quotes',
    ],
  },
  {
    name: 'a billion laughs',
    text: 'a: &a [x, x]\nb: &b [*a, *a]\nversion: 1\nvips: [*b, *b]\n',
    errors: [
      '1:1: a: unknown key: expected one of version, vips, rip, directors, role, persist, responder, report, ignore, farm, received "a"; delete it',
      '1:7: a: an anchor: expected a value without anchors, aliases and tags, received "&a"; delete it; a text that begins with & has to be in quotes',
      '2:1: b: unknown key: expected one of version, vips, rip, directors, role, persist, responder, report, ignore, farm, received "b"; delete it',
      '2:7: b: an anchor: expected a value without anchors, aliases and tags, received "&b"; delete it; a text that begins with & has to be in quotes',
      '2:8: b[0]: an alias: expected a value without anchors, aliases and tags, received "*a"; write the value itself; a text that begins with * has to be in quotes',
      '2:12: b[1]: an alias: expected a value without anchors, aliases and tags, received "*a"; write the value itself; a text that begins with * has to be in quotes',
      '4:8: vips[0]: an alias: expected a value without anchors, aliases and tags, received "*b"; write the value itself; a text that begins with * has to be in quotes',
      '4:12: vips[1]: an alias: expected a value without anchors, aliases and tags, received "*b"; write the value itself; a text that begins with * has to be in quotes',
    ],
  },
  {
    name: 'a tag',
    text: withOneVip('rip: !!str 10.0.0.11\n'),
    errors: [
      '3:12: rip: a tag: expected a value without anchors, aliases and tags, received "!!str"; delete it; a text that begins with ! has to be in quotes',
    ],
  },
  {
    name: 'a tag nobody knows',
    text: withOneVip('rip: !mine 10.0.0.11\n'),
    errors: [
      '3:6: not YAML: unresolved tag: !mine: expected a value without anchors, aliases and tags, received "rip: !mine 10.0.0.11"; delete the tag; a text that begins with ! has to be in quotes',
    ],
  },
  {
    name: 'a directive',
    text: '%YAML 1.1\n---\nversion: 1\n',
    errors: ['1:1: a YAML directive: expected YAML 1.2 without directives, received "%YAML 1.1"; delete the line'],
  },
  {
    name: 'a merge key',
    text: withOneVip('report: {<<: {remind: 1h}}\n'),
    errors: ['3:10: report."<<": unknown key: expected one of textfile, remind, received "<<"; delete it'],
  },
  {
    name: 'a list as a key',
    text: withOneVip('? [a, b]\n: c\n'),
    errors: ['3:3: a key that is not a word: expected the name of a key, received a list; write "key: value"'],
  },
  {
    name: "a key of valibot's blind spot",
    text: withOneVip('__proto__: {polluted: true}\nconstructor: 1\n'),
    errors: [
      '3:1: "__proto__": unknown key: expected a key of the configuration, received "__proto__"; delete it',
      '4:1: constructor: unknown key: expected a key of the configuration, received "constructor"; delete it',
    ],
  },
  {
    name: 'a list nested a hundred levels deep',
    text: withOneVip(`rip: ${'['.repeat(100)}${']'.repeat(100)}\n`),
    errors: [
      '3:6: rip: not a text: expected an IPv4 or IPv6 address for a host, received a list; write all parts of one address, such as 10.0.0.2 or 2001:db8::2',
      '3:30: rip[0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0]: nested too deep: expected at most 24 levels, received more; flatten it',
    ],
  },
];
