// The lab on a kernel that has IPVS: the only place where its first choice of director can be seen at work.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NETWORK_MODULES } from './support/inside.ts';
import { type Guest, startGuest } from './support/uml.ts';

interface LabDocument {
  readonly exit_code: number;
  readonly director: { readonly mode: string; readonly why: string | null };
  readonly steps: readonly { readonly id: string; readonly ok: boolean; readonly data: unknown }[];
  readonly failure: { readonly message: string } | null;
}

let guest: Guest;

beforeAll(async () => {
  guest = await startGuest({ init: 'plain', modules: NETWORK_MODULES, memoryMiB: 1024 });
}, 300_000);
afterAll(() => guest?.stop());

describe('rsprep lab', () => {
  it('uses IPVS where the kernel has it, and shows all of it', async () => {
    // Node starts about 17 times slower in UML; the lab starts it some twenty times.
    const { stdout, stderr } = await guest.sh('exec /opt/node/node /rsprep/dist/rsprep.cjs lab --format json', {
      timeoutMs: 150_000,
    });
    expect(stderr).toBe('');
    const document = JSON.parse(stdout) as LabDocument;
    expect(document.failure).toBeNull();
    expect(document.director).toMatchObject({ mode: 'ipvs', why: null });
    expect(document.steps.filter(({ ok }) => !ok)).toEqual([]);
    expect(document.exit_code).toBe(0);
    // Round robin: IPVS itself shares evenly, which the hash of the nftables director does not.
    const served = document.steps.find(({ id }) => id === 'requests')?.data;
    expect(served).toMatchObject({
      requests: [{ protocol: 'tcp', flows_by_server: { rs1: 12, rs2: 12 } }, {}, {}, {}],
    });
  });
});
