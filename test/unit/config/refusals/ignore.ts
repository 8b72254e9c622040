import { type Refusal, withOneVip } from './refusal.ts';

/** Ignore. */
export const refusals: readonly Refusal[] = [
  {
    name: 'no reason',
    text: withOneVip('ignore: [{id: arp-ignore@eth9}]\n'),
    errors: [
      '3:10: ignore[0]: the key reason is missing: expected a mapping of id, reason and until, received a mapping without it; add reason: lab NIC',
    ],
  },
  {
    name: 'an empty reason',
    text: withOneVip('ignore: [{id: arp-ignore@eth9, reason: " "}]\n'),
    errors: [
      '3:40: ignore[0].reason: the reason is empty: expected a sentence of 1 to 200 characters, received " "; write why the finding is ignored',
    ],
  },
  {
    name: 'a reason of two lines',
    text: withOneVip('ignore:\n  - id: arp-ignore@eth9\n    reason: |\n      lab\n      NIC\n'),
    errors: [
      '5:13: ignore[0].reason: a line break or control character in the reason: expected a sentence of 1 to 200 characters, received "lab\\nNIC\\n"; write it on one line',
    ],
  },
  {
    name: 'everything',
    text: withOneVip('ignore: [{id: "*", reason: noise}]\n'),
    errors: [
      '3:15: ignore[0].id: this would ignore every finding: expected the id of a finding, in which * stands for any characters and ? for one, received "*"; name a check, such as arp-ignore@*',
    ],
  },
  {
    name: 'everything, by the dash that almost every check has',
    text: withOneVip('ignore: [{id: "*-*", reason: noise}]\n'),
    errors: [
      '3:15: ignore[0].id: this would ignore every finding: expected the id of a finding, in which * stands for any characters and ? for one, received "*-*"; name a check, such as arp-ignore@*',
    ],
  },
  {
    name: 'a day that does not exist',
    text: withOneVip('ignore: [{id: a, reason: b, until: 2027-02-30}]\n'),
    errors: [
      '3:36: ignore[0].until: that month has 28 days: expected a day as YYYY-MM-DD, received 2027-02-30; correct the day',
    ],
  },
  {
    name: 'a month that does not exist',
    text: withOneVip('ignore: [{id: a, reason: b, until: 2027-13-01}]\n'),
    errors: [
      '3:36: ignore[0].until: there is no month 13: expected a day as YYYY-MM-DD, received 2027-13-01; write year, month, day',
    ],
  },
  {
    name: 'a date of another country',
    text: withOneVip('ignore: [{id: a, reason: b, until: 31.01.2027}]\n'),
    errors: [
      '3:36: ignore[0].until: not a day: expected a day as YYYY-MM-DD, received 31.01.2027; write it like 2027-01-31',
    ],
  },
  {
    name: 'a timestamp',
    text: withOneVip('ignore: [{id: a, reason: b, until: 2027-01-31T12:00:00Z}]\n'),
    errors: [
      '3:36: ignore[0].until: not a day: expected a day as YYYY-MM-DD, received 2027-01-31T12:00:00Z; write 2027-01-31: the rule holds until the end of that day, UTC',
    ],
  },
  {
    name: 'a year',
    text: withOneVip('ignore: [{id: a, reason: b, until: 2027}]\n'),
    errors: [
      '3:36: ignore[0].until: YAML reads this as a number: expected a day as YYYY-MM-DD, received 2027; write it like 2027-01-31',
    ],
  },
  {
    name: 'a bare id',
    text: withOneVip('ignore: [arp-ignore@eth9]\n'),
    errors: [
      '3:10: ignore[0]: not a mapping: expected a mapping of id, reason and until, received arp-ignore@eth9; write "key: value" pairs',
    ],
  },
  {
    name: 'an id with a space',
    text: withOneVip('ignore: [{id: arp ignore, reason: b}]\n'),
    errors: [
      '3:15: ignore[0].id: an id cannot have the character " ": expected the id of a finding, in which * stands for any characters and ? for one, received "arp ignore"; copy the id that "rsprep verify" shows',
    ],
  },
];
