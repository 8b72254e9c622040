// How much the responder answers in a second: what its directors may ask of it always fits.
import { expect, it } from 'vitest';
import { loadOf } from '../../../../../src/cli/commands/respond/socket.ts';
import { emptyDesired, type Service } from '../../../../../src/core/model/desired.ts';
import type { Ip } from '../../../../../src/core/model/names.ts';
import { vip } from '../../../core/checks/host.ts';

const SERVICES: readonly Service[] = [
  { protocol: 'tcp', port: 80 },
  { protocol: 'tcp', port: 443 },
];

const load = (vips: number, directors: number, intervalMs: number) =>
  loadOf({
    ...emptyDesired,
    vips: Array.from({ length: vips }, (_, i) => vip(`10.1.${i >> 8}.${i & 255}`, SERVICES)),
    directors: Array.from({ length: directors }, (_, i) => `10.0.0.${i + 2}` as Ip),
    responder: { ...emptyDesired.responder, intervalMs },
  });

it('a thousand VIPs with two services, asked every second by two directors', () => {
  const asked = 1000 * 2 * 2;
  expect(load(1000, 2, 1000).atOnce).toBeGreaterThanOrEqual(asked);
  expect(load(1000, 2, 1000).perSecond).toBeGreaterThan(4 * asked);
});

it('grows with VIPs, services and directors over the interval, and is never less than a core can answer', () => {
  expect(load(1000, 20, 100).perSecond).toBe(8 * 3001 * 20 * 10);
  expect(load(1, 1, 1000).perSecond).toBe(400_000);
  expect(load(0, 0, 60_000).perSecond).toBe(400_000);
});
