// The facts about Linux that the socket is built on, each in private namespaces with the VIP on lo.
import { describe, expect, it } from 'vitest';
import { type Network, neighbours, VIP, VIP6, withNetwork } from '../../support/netns.ts';
import { type Agent, inside, startAgent } from './agent.ts';

interface Lan extends Network {
  readonly server: Agent;
  readonly asker: Agent;
}

type Replies = readonly { readonly text: string; readonly from: string }[];

/** The network with the VIPs on the real server's lo, and a Node process in real server and client. */
const withLan = (use: (lan: Lan) => Promise<void>): Promise<void> =>
  withNetwork(async (net) => {
    net.rs.ip(`addr add ${VIP}/32 dev lo`);
    net.rs.ip(`addr add ${VIP6}/128 dev lo preferred_lft 0`);
    const server = startAgent(inside(net.rs.namespace));
    const asker = startAgent(inside(net.client.namespace));
    try {
      await use({ ...net, server, asker });
    } finally {
      await Promise.all([server.end(), asker.end()]);
    }
  });

const stats = (agent: Agent): Promise<Record<string, number>> => agent.run('return kept.socket.stats()');

describe('the address that answers is the one that was asked', () => {
  it('over IPv4 and IPv6, VIP and RIP; node:dgram answers for the VIP from the RIP', () =>
    withLan(async ({ server, asker }) => {
      await server.run(`await serve({ type: 'udp6' }, 5300)`);
      for (const address of [VIP, '10.0.0.11', VIP6, 'fd00::11']) {
        const [reply] = await asker.run<Replies>(`return ask('hello', 5300, '${address}')`);
        expect(reply).toEqual({ text: 'hello', from: address });
      }
      await server.run(`const plain = dgram.createSocket('udp6');
        plain.on('message', (message, { port, address }) => plain.send(message, port, address));
        await new Promise((resolve) => plain.bind(5301, resolve));`);
      const [wrong4] = await asker.run<Replies>(`return ask('hello', 5301, '${VIP}')`);
      const [wrong6] = await asker.run<Replies>(`return ask('hello', 5301, '${VIP6}')`);
      expect([wrong4?.from, wrong6?.from]).toEqual(['10.0.0.11', 'fd00::11']);
    }));

  it('on an IPv4 socket too, and for what came through a director that only rewrote the MAC address', () =>
    withLan(async ({ server, asker, client, director }) => {
      await server.run(`await serve({ type: 'udp4' }, 5300)`);
      client.batch([`neigh del ${VIP} dev eth0`, `route add ${VIP}/32 via ${director.address}`]);
      director.arp('all', 'forwarding', 1);
      director.arp('all', 'send_redirects', 0);
      director.arp('eth0', 'send_redirects', 0);
      director.batch([`route add ${VIP}/32 dev eth0`, ...neighbours(VIP)]);
      const [reply] = await asker.run<Replies>(`return ask('through', 5300, '${VIP}')`);
      expect(reply).toEqual({ text: 'through', from: VIP });
      const [seen] =
        await server.run<{ localAddress: string; destination: string; interfaceIndex: number }[]>('return kept.seen');
      expect(seen).toMatchObject({ localAddress: VIP, destination: VIP });
      expect(seen?.interfaceIndex).toBeGreaterThan(1);
    }));

  it('for datagrams that were queued before IP_PKTINFO was set, as with socket activation', () =>
    withLan(async ({ server, asker }) => {
      // libuv's own handle, bound but never read from: what systemd would pass on.
      await server.run(
        `const { UDP } = process.binding('udp_wrap'); kept.handle = new UDP(); kept.handle.bind('0.0.0.0', 5300, 0);`,
      );
      const asked = asker.run<Replies>(`return ask('early', 5300, '${VIP}', { waitMs: 2000 })`);
      await server.run(`await sleep(300); kept.socket = udp.createSocket('udp4'); kept.seen = [];
        kept.socket.on('message', (message, rinfo) => { kept.seen.push(rinfo); kept.socket.reply(message, rinfo); });
        await new Promise((resolve) => kept.socket.bind({ fd: kept.handle.fd }, resolve)); await sleep(100);`);
      expect(await asked).toEqual([{ text: 'early', from: VIP }]);
    }));

  it('for a broadcast from our unicast address; a strict socket does not answer it at all', () =>
    withLan(async ({ server, asker }) => {
      await server.run(`await serve({ type: 'udp4' }, 5300)`);
      const replies = await asker.run<Replies>(`return ask('all', 5300, '10.0.0.255', { broadcast: true })`);
      expect(replies).toEqual([{ text: 'all', from: '10.0.0.11' }]);
      const [seen] = await server.run<{ localAddress: string; destination: string }[]>('return kept.seen');
      expect(seen).toMatchObject({ localAddress: '10.0.0.11', destination: '10.0.0.255' });
      for (const type of ['udp4', 'udp6']) {
        await server.run(`await serve({ type: '${type}', strict: true }, 53${type === 'udp4' ? '01' : '02'})`);
        expect(
          await asker.run(`return ask('all', 53${type === 'udp4' ? '01' : '02'}, '10.0.0.255', { broadcast: true })`),
        ).toEqual([]);
        expect(await stats(server)).toMatchObject({ notUnicast: 1, received: 0 });
      }
    }));

  it('although the route back leaves by another interface than the request came in', () =>
    withLan(async ({ server, asker, rs, client }) => {
      rs.ip(`link add eth1 type veth peer name eth1 netns ${client.namespace}`);
      rs.batch(['link set eth1 up', 'addr add 10.0.1.11/24 dev eth1']);
      client.batch(['link set eth1 up', 'addr add 10.0.1.50/24 dev eth1']);
      client.batch([`neigh del ${VIP} dev eth0`, `route add ${VIP}/32 via 10.0.1.11 src 10.0.0.50`]);
      for (const device of ['all', 'eth0', 'eth1']) rs.arp(device, 'rp_filter', 0);
      for (const device of ['all', 'eth0', 'eth1']) client.arp(device, 'rp_filter', 0);
      await server.run(`await serve({ type: 'udp4' }, 5300)`);
      expect(await asker.run(`return ask('round', 5300, '${VIP}', { from: '10.0.0.50' })`)).toEqual([
        { text: 'round', from: VIP },
      ]);
      const [seen] = await server.run<{ interfaceIndex: number }[]>('return kept.seen');
      const back = rs.ip('-o route get 10.0.0.50');
      const eth1 = Number(rs.must(['cat', '/sys/class/net/eth1/ifindex']));
      expect(seen?.interfaceIndex).toBe(eth1);
      expect(back).toContain('dev eth0');
    }));
});

describe('what cannot be sent is counted; nothing ends and no error is emitted', () => {
  it('the address has left the host before the reply: IPv4 ENETUNREACH, IPv6 EINVAL', () =>
    withLan(async ({ server, asker, rs }) => {
      await server.run(`await serve({ type: 'udp6' }, 5300); kept.held = []; kept.socket.removeAllListeners('message');
        kept.socket.on('message', (message, rinfo) => kept.held.push([message, rinfo]));`);
      await asker.run(
        `await ask('a', 5300, '${VIP}', { waitMs: 50 }); await ask('b', 5300, '${VIP6}', { waitMs: 50 });`,
      );
      rs.ip(`addr del ${VIP}/32 dev lo`);
      rs.ip(`addr del ${VIP6}/128 dev lo`);
      const codes = await server.run(`return Promise.all(kept.held.map(([message, rinfo]) =>
        new Promise((resolve) => kept.socket.reply(message, rinfo, (error) => resolve(error?.code ?? null)))))`);
      expect(codes).toEqual(['ENETUNREACH', 'EINVAL']);
      expect(await stats(server)).toMatchObject({ received: 2, addressGone: 2, sent: 0 });
      const [alive] = await asker
        .run<Replies>(`return ask('c', 5300, '10.0.0.11', { waitMs: 50 })`)
        .then(async () => server.run<Replies>('return kept.held.length === 3 ? [{ text: "alive", from: "" }] : []'));
      expect(alive?.text).toBe('alive');
      expect(await server.run('return kept.errors')).toEqual([]);
    }));

  it('a firewall drops what we send: EPERM', () =>
    withLan(async ({ server, asker, rs }) => {
      await server.run(`await serve({ type: 'udp4' }, 5300)`);
      const rules = 'table ip t { chain o { type filter hook output priority 0; udp sport 5300 drop; }; }';
      rs.must(['nft', '-f', '-'], { input: rules });
      expect(await asker.run(`return ask('x', 5300, '${VIP}')`)).toEqual([]);
      expect(await server.run('return [kept.seen.at(-1), kept.errors]')).toEqual(['EPERM', []]);
      expect(await stats(server)).toMatchObject({ filtered: 1, sent: 0 });
    }));

  it('one that fails in a batch does not take the others along: sendmmsg stops there, we go on behind it', () =>
    withLan(async ({ server, asker }) => {
      await asker.run(`kept.got = []; kept.sink = dgram.createSocket('udp4'); kept.sink.on('message', (m) => kept.got.push(String(m)));
        await new Promise((resolve) => kept.sink.bind(6000, resolve));`);
      const results = await server.run(`const socket = udp.createSocket('udp4'); kept.socket = socket;
        const send = (text, localAddress) => new Promise((resolve) =>
          socket.send(text, 6000, '10.0.0.50', { localAddress }, (error) => resolve(error?.code ?? text)));
        return Promise.all([send('1', '${VIP}'), send('2', '192.0.2.1'), send('3', '10.0.0.11'), send('4', '192.0.2.2')]);`);
      expect(results).toEqual(['1', 'ENETUNREACH', '3', 'ENETUNREACH']);
      expect(await asker.run('await sleep(50); return kept.got')).toEqual(['1', '3']);
      expect(await stats(server)).toMatchObject({ sent: 2, addressGone: 2 });
    }));

  it('the send buffer is full: replies wait, and each still goes to the one who asked, from where it was asked', () =>
    withLan(async ({ server, asker, rs }) => {
      const count = 90;
      rs.must(['tc', 'qdisc', 'add', 'dev', 'eth0', 'root', 'tbf', 'rate', '1mbit', 'burst', '2000', 'latency', '3s']);
      await server.run(`await serve({ type: 'udp6', batch: 16, sendBufferSize: 4608 }, 5300);
        kept.socket.removeAllListeners('message'); kept.most = 0; kept.bytes = 0;
        kept.socket.on('message', (message, rinfo) => { kept.socket.reply(message, rinfo);
          kept.most = Math.max(kept.most, kept.socket.getSendQueueCount()); kept.bytes = Math.max(kept.bytes, kept.socket.getSendQueueSize()); });`);
      const wrong = await asker.run<
        string[]
      >(`const sockets = [0, 1, 2].map(() => dgram.createSocket('udp4')); const seen = [];
        sockets.forEach((socket, n) => socket.on('message', (message, { address }) => seen.push(message + ' ' + address + ' ' + n)));
        for (let i = 0; i < ${count}; i++) sockets[i % 3].send(String(i).padStart(200), 5300, ['${VIP}', '10.0.0.11'][i % 2]);
        for (let i = 0; i < 600 && seen.length < ${count}; i++) await sleep(10);
        for (const socket of sockets) socket.close();
        const wanted = Array.from({ length: ${count} }, (_, i) => String(i).padStart(200) + ' ' + ['${VIP}', '10.0.0.11'][i % 2] + ' ' + (i % 3));
        return wanted.filter((text) => !seen.includes(text)).concat(seen.length === ${count} ? [] : [seen.length + ' replies']);`);
      expect(wrong).toEqual([]);
      expect(await stats(server)).toMatchObject({ received: count, sent: count, sendErrors: 0 });
      expect((await stats(server)).wouldBlock).toBeGreaterThan(2);
      expect(await server.run('return [kept.most > 16, kept.bytes > 3200, kept.socket.getSendQueueCount()]')).toEqual([
        true,
        true,
        0,
      ]);
    }));

  it('longer than maxPayload: dropped and counted, never delivered in part', () =>
    withLan(async ({ server, asker }) => {
      await server.run(`await serve({ type: 'udp4', maxPayload: 100 }, 5300)`);
      expect(await asker.run(`return ask('x'.repeat(101), 5300, '${VIP}', { waitMs: 100 })`)).toEqual([]);
      expect(await asker.run(`return (await ask('x'.repeat(100), 5300, '${VIP}')).length`)).toBe(1);
      expect(await stats(server)).toMatchObject({ truncated: 1, received: 1 });
    }));

  it('what the kernel dropped for want of buffer: received and dropped add up to sent', () =>
    withLan(async ({ server, asker }) => {
      await server.run(
        `await serve({ type: 'udp4', recvBufferSize: 4096 }, 5300); kept.socket.removeAllListeners('message');`,
      );
      const blocked = server.run(`const end = Date.now() + 1000; while (Date.now() < end);`);
      await asker.run(`await sleep(200); const s = dgram.createSocket('udp4');
        for (let i = 0; i < 500; i++) await new Promise((resolve) => s.send('x', 5300, '${VIP}', resolve)); s.close();`);
      await blocked;
      await server.run('await sleep(100)');
      const { received = 0, kernelDrops = 0 } = await stats(server);
      expect(kernelDrops).toBeGreaterThan(300);
      expect(received + kernelDrops).toBe(500);
    }));

  it('link-local IPv6 keeps its interface, both ways', () =>
    withLan(async ({ server, asker }) => {
      await server.run(`await serve({ type: 'udp6' }, 5300)`);
      expect(await asker.run(`return ask('ll', 5300, 'fe80::11%eth0')`)).toEqual([
        { text: 'll', from: 'fe80::11%eth0' },
      ]);
      const [seen] = await server.run<object[]>('return kept.seen');
      expect(seen).toMatchObject({ address: 'fe80::50%eth0', localAddress: 'fe80::11%eth0', destination: 'fe80::11' });
      // As dgram: bound to one, it says its zone.
      const name = `await new Promise((r) => kept.ll.bind(5301, 'fe80::11%eth0', r)); return kept.ll.address().address;`;
      for (const made of ["udp.createSocket('udp6')", "dgram.createSocket('udp6')"])
        expect(await server.run(`kept.ll?.close(); kept.ll = ${made}; ${name}`)).toBe('fe80::11%eth0');
    }));
});
