// A process of somebody else, whose name is an escape sequence and a line of rsprep's, listens where verify looks.
import { expect, it } from 'vitest';
import { STEERING } from '../../support/hostile.ts';
import { DIRECTOR, VIP, withNetwork } from '../../support/netns.ts';
import { agentOn, expectCode } from '../../support/rsprep.ts';

const SERVER = `
process.title = '\\x1b[8m\\nrs1: fine';
const socket = require('node:dgram').createSocket('udp4');
socket.bind(5353, '0.0.0.0', () => console.log('ready'));`;

it('its name is shown in no format as anything but text', async () => {
  await withNetwork(async (net) => {
    const vips = [{ address: VIP, services: ['udp/5353'] }];
    const agent = agentOn(net, net.rs, { version: 1, vips, directors: [DIRECTOR] });
    const { child } = net.rs.start(['node', '-e', SERVER]);
    net.onEnd(() => {
      child.kill('SIGKILL');
    });
    await new Promise((resolve) => child.stdout?.once('data', resolve));
    expectCode(agent.run('apply'), 0);

    const said = [
      ['verify'],
      ['verify', '--format', 'json'],
      ['verify', '--format', 'junit'],
      ['verify', '--format', 'prometheus'],
      ['check'],
      ['report'],
      ['status'],
    ].map((words) => ({ words, ...agent.run(...words) }));
    for (const { words, stdout, stderr } of said) {
      const text = `${stdout}${stderr}`;
      expect({ words, steers: STEERING.exec(text.replaceAll('\n', ''))?.[0] }).toEqual({ words, steers: undefined });
      expect({ words, forged: text.split('\n').filter((line) => line.startsWith('rs1: fine')) }).toEqual({
        words,
        forged: [],
      });
    }
    expect(said[0]?.stdout).toContain('\\x1b[8m\\nrs1: fine');
    expect(said[1]?.stdout).toContain('\\u001b[8m\\nrs1: fine');
    expect(said[5]?.stdout).toContain('\\x1b[8m\\nrs1: fine');
  });
});
