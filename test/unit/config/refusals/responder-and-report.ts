import { type Refusal, withOneVip } from './refusal.ts';

/** Responder and report. */
export const refusals: readonly Refusal[] = [
  {
    name: 'a bare number',
    text: withOneVip('responder: {interval: 1}\n'),
    errors: [
      '3:23: responder.interval: YAML reads this as a number: expected a duration of 100ms to 1h, received 1; give the unit: 1s or 1m or 1h',
    ],
  },
  {
    name: 'a bare number in quotes',
    text: withOneVip('responder: {interval: "5"}\n'),
    errors: [
      '3:23: responder.interval: a duration without a unit: expected a duration of 100ms to 1h, received "5"; give the unit: 5s or 5m',
    ],
  },
  {
    name: 'a unit in full',
    text: withOneVip('responder: {unknownGrace: 2min}\n'),
    errors: [
      '3:27: responder.unknownGrace: not written as a duration: expected a duration of 0s to 1d, received 2min; write 2m',
    ],
  },
  {
    name: 'a unit in capitals',
    text: withOneVip('responder: {unknownGrace: 5M}\n'),
    errors: [
      '3:27: responder.unknownGrace: not written as a duration: expected a duration of 0s to 1d, received 5M; write 5m',
    ],
  },
  {
    name: 'a space before the unit',
    text: withOneVip('responder: {unknownGrace: 5 s}\n'),
    errors: [
      '3:27: responder.unknownGrace: not written as a duration: expected a duration of 0s to 1d, received "5 s"; write 5s',
    ],
  },
  {
    name: 'an unknown unit',
    text: withOneVip('responder: {unknownGrace: 2w}\n'),
    errors: [
      '3:27: responder.unknownGrace: an unknown unit "w": expected a duration of 0s to 1d, received 2w; use ms, s, m, h or d',
    ],
  },
  {
    name: 'a fraction',
    text: withOneVip('responder: {interval: 1.5s}\n'),
    errors: [
      '3:23: responder.interval: a fraction: expected a duration of 100ms to 1h, received 1.5s; use a smaller unit, such as 1500ms for 1.5s',
    ],
  },
  {
    name: 'two units',
    text: withOneVip('report: {remind: 1h30m}\n'),
    errors: [
      '3:18: report.remind: more than one unit: expected a duration of 1m to 365d, received 1h30m; use the smaller unit alone, such as 90m for 1h30m',
    ],
  },
  {
    name: 'a negative duration',
    text: withOneVip('responder: {interval: -1s}\n'),
    errors: [
      '3:23: responder.interval: a negative duration: expected a duration of 100ms to 1h, received -1s; write a whole number and ms, s, m, h or d',
    ],
  },
  {
    name: 'a word',
    text: withOneVip('responder: {interval: often}\n'),
    errors: [
      '3:23: responder.interval: not a duration: expected a duration of 100ms to 1h, received often; write a whole number and ms, s, m, h or d',
    ],
  },
  {
    name: 'too short',
    text: withOneVip('responder: {interval: 50ms}\n'),
    errors: [
      '3:23: responder.interval: too short: expected a duration of 100ms to 1h, received 50ms; write 100ms or more',
    ],
  },
  {
    name: 'too long',
    text: withOneVip('responder: {stopGrace: 5m}\n'),
    errors: ['3:24: responder.stopGrace: too long: expected a duration of 0s to 1m, received 5m; write 1m or less'],
  },
  {
    name: 'very long',
    text: withOneVip('report: {remind: 99999999999d}\n'),
    errors: [
      '3:18: report.remind: too long: expected a duration of 1m to 365d, received 99999999999d; write 365d or less',
    ],
  },
  {
    name: 'a lease that is no longer than the interval',
    text: withOneVip('responder: {interval: 5s, lease: 5s}\n'),
    errors: [
      '3:34: responder.lease: the lease would end before the host is looked at again (the other is at line 3, column 23): expected a lease longer than the interval of 5s, received 5s; write a lease of about five intervals',
    ],
  },
  {
    name: 'a lease below the interval by default',
    text: withOneVip('responder:\n  lease: 500ms\n'),
    errors: [
      '4:10: responder.lease: the lease would end before the host is looked at again: expected a lease longer than the interval of 1s, received 500ms; write a lease of about five intervals',
    ],
  },
  {
    name: 'a port in quotes',
    text: withOneVip('responder: {port: "5300"}\n'),
    errors: [
      '3:19: responder.port: a number in quotes: expected a whole number of 1 to 65535, received "5300"; write 5300 without quotes',
    ],
  },
  {
    name: 'port 0',
    text: withOneVip('responder: {port: 0}\n'),
    errors: [
      '3:19: responder.port: out of range: expected a whole number of 1 to 65535, received 0; correct the number',
    ],
  },
  {
    name: 'port 70000',
    text: withOneVip('responder: {port: 70000}\n'),
    errors: [
      '3:19: responder.port: out of range: expected a whole number of 1 to 65535, received 70000; correct the number',
    ],
  },
  {
    name: 'port 53.5',
    text: withOneVip('responder: {port: 53.5}\n'),
    errors: [
      '3:19: responder.port: not a whole number in plain decimal: expected a whole number of 1 to 65535, received 53.5; write the digits alone',
    ],
  },
  {
    name: 'an octal port',
    text: withOneVip('responder: {port: 05300}\n'),
    errors: [
      '3:19: responder.port: not a whole number in plain decimal: expected a whole number of 1 to 65535, received 05300; write the digits alone',
    ],
  },
  {
    name: 'an unknown onDrift',
    text: withOneVip('responder: {onDrift: silence}\n'),
    errors: [
      '3:22: responder.onDrift: not one of the possible values: expected one of silent, report, received silence; did you mean silent?',
    ],
  },
  {
    name: 'a relative textfile',
    text: withOneVip('report: {textfile: rsprep.prom}\n'),
    errors: [
      '3:20: report.textfile: not an absolute path: expected an absolute path that ends in .prom, received rsprep.prom; write the whole path, from /',
    ],
  },
  {
    name: 'a textfile that nobody reads',
    text: withOneVip('report: {textfile: /var/lib/x/rsprep.txt}\n'),
    errors: [
      '3:20: report.textfile: node_exporter would not read this file: expected an absolute path that ends in .prom, received /var/lib/x/rsprep.txt; end the name in .prom',
    ],
  },
  {
    name: 'a textfile that climbs',
    text: withOneVip('report: {textfile: /var/lib/../etc/x.prom}\n'),
    errors: [
      '3:20: report.textfile: a path with ".." in it: expected an absolute path that ends in .prom, received /var/lib/../etc/x.prom; write the path without it',
    ],
  },
  {
    name: 'a textfile of nothing',
    text: withOneVip('report: {textfile: ~}\n'),
    errors: [
      '3:20: report.textfile: nothing is written here: expected an absolute path that ends in .prom, received ~; write the path, or leave textfile out',
    ],
  },
];
