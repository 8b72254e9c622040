// A rollback on a host that leaked before: what closes the leak is not taken back, and that is said.
import { expect, it } from 'vitest';
import { apply } from '../../../../src/app/apply/apply.ts';
import { exitCode } from '../../../../src/core/report/exit-code.ts';
import { APPLYING, oneVip, oneVipHost } from '../../../support/one-vip.ts';

it('says of a step that failed after its write that it is kept, if it is in force', async () => {
  const host = oneVipHost();
  expect(exitCode(await apply(host, oneVip, APPLYING))).toBe(0);
  host.state.all.arp_ignore = 0;
  host.state.all.arp_announce = 0;
  host.rebase();
  host.uncertainAt = 0;
  const report = await apply(host, oneVip, APPLYING);
  expect(exitCode(report)).toBe(4);
  expect(report.failure?.message).toMatch(/taken back, except for one step that keeps the VIP from leaking$/);
  expect(report.steps[0]).toMatchObject({ status: 'failed' });
  expect(report.steps[0]?.detail).toMatch(/; kept, if it is in force: a VIP remains on this host/);
  expect(host.state.all.arp_announce).toBe(2);
});
