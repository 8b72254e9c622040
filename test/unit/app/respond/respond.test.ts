import { expect, it } from 'vitest';
import { makeResponder } from '../../../../src/app/respond/respond.ts';
import { emptyDesired } from '../../../../src/core/model/desired.ts';
import type { Answer } from '../../../../src/udp/answer.ts';
import { arpValues, FakeHost, type FakeLink } from '../../../support/fake-host.ts';

it('what it tells whoever asks steers no terminal, whoever drained the host', async () => {
  const links: FakeLink[] = [{ name: 'lo', up: true, kind: 'loopback', addresses: [], arp: arpValues() }];
  const fake = new FakeHost(
    { links, all: arpValues(), default: arpValues(), promoteSecondaries: false, files: {} },
    [],
  );
  const until = null;
  fake.overrides = [{ kind: 'drain', reason: 'a\u202eb', who: 'x\u001b[8m\ny', since: '2026-01-01T00:00:00Z', until }];
  const host = Object.assign(fake, {
    fingerprint: () => '',
    configuration: async () => ({ kind: 'ok', desired: emptyDesired }) as const,
  });
  const said: Answer[] = [];
  const socket = { set: (answers: readonly Answer[]) => void said.push(...answers), renew: () => undefined };
  const settings = { ...emptyDesired.responder };
  await makeResponder(host, socket, settings, () => undefined).tick();
  expect(said.map(({ text }) => text)).toEqual([expect.stringContaining('drained by x\\x1b[8m\\ny: a\\u202eb')]);
});
