// A configuration that cannot be used: every command that needs one exits 78 with file:line:column, and changes nothing on a host
// that is prepared and serving.
import { writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { withNetwork } from '../support/netns.ts';
import { agentOn, expectCode } from '../support/rsprep.ts';
import { snapshot } from '../support/snapshot.ts';
import { refusals as hosts } from '../unit/config/refusals/addresses-of-hosts.ts';
import { refusals as document } from '../unit/config/refusals/document.ts';
import { refusals as responder } from '../unit/config/refusals/responder-and-report.ts';
import { refusals as services } from '../unit/config/refusals/services.ts';
import { refusals as text } from '../unit/config/refusals/text.ts';
import { refusals as vips } from '../unit/config/refusals/vips.ts';
import { refusals as yaml } from '../unit/config/refusals/yaml-itself.ts';

/** Each table whole would take a process start each; every third of all of them is more than fifty. */
const INPUTS = [text, yaml, document, vips, services, hosts, responder].flat().filter((_, index) => index % 3 === 0);

describe('a configuration that cannot be used', () => {
  it(`exits 78 with its place and message, and changes nothing (${INPUTS.length} inputs)`, async () => {
    expect(INPUTS.length).toBeGreaterThanOrEqual(40);
    await withNetwork((net) => {
      const agent = agentOn(net);
      expectCode(agent.run('apply'), 0);
      const before = snapshot(net.rs);
      const ledger = agent.host.must(['cat', agent.file('var/lib/rsprep/state.json')]);
      for (const { name, text: input, errors } of INPUTS) {
        writeFileSync(agent.configFile, input, { mode: 0o644 });
        const outcome = agent.run('apply', '--take-from-nic', '--prune');
        expect(outcome.code, name).toBe(78);
        expect(outcome.stderr.trimEnd().split('\n'), name).toEqual(
          errors.map((error) => `${agent.configFile}:${error}`),
        );
      }
      expect(snapshot(net.rs)).toEqual(before);
      expect(agent.host.must(['cat', agent.file('var/lib/rsprep/state.json')])).toBe(ledger);
    });
  });

  it('is refused by verify, plan, confirm’s sibling config check, and says so in JSON too', async () => {
    await withNetwork((net) => {
      const agent = agentOn(net);
      writeFileSync(agent.configFile, 'version: 1\nvips: [192.0.2.300]\n', { mode: 0o644 });
      for (const words of [['verify'], ['plan'], ['apply', '--dry-run'], ['config', 'check']]) {
        const outcome = agent.run(...words, '--format', 'json');
        expect(outcome.code, words.join(' ')).toBe(78);
        const { configuration_errors: errors, exit_code: code } = JSON.parse(outcome.stdout);
        expect(code).toBe(78);
        expect(errors[0]).toMatchObject({ file: agent.configFile, line: 2, column: 8 });
      }
    });
  });

  it('does not keep remove from taking the host out of service', async () => {
    await withNetwork((net) => {
      const agent = agentOn(net);
      const first = snapshot(net.rs);
      expectCode(agent.run('apply'), 0);
      writeFileSync(agent.configFile, 'version: 1\nvips: [oops\n', { mode: 0o644 });
      expectCode(agent.run('remove'), 0);
      expect(snapshot(net.rs)).toEqual(first);
    });
  });
});
