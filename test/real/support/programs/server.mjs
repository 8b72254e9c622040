// A service that says who answered, over UDP and TCP: server.mjs NAME PORT ADDRESS… Prints "ready" once all is bound.
// Bound to the VIP its replies come from the VIP; a plain wildcard UDP socket answers from the host's own address.
// RSPREP_UDP names rsprep/udp, and its socket is then used for UDP instead of node:dgram's.
import dgram from 'node:dgram';
import { createServer } from 'node:net';

const [name, port, ...addresses] = process.argv.slice(2);
const { RSPREP_UDP } = process.env;
const { createSocket } = RSPREP_UDP === undefined ? dgram : await import(RSPREP_UDP);

for (const address of addresses) {
  const udp = createSocket({ type: address.includes(':') ? 'udp6' : 'udp4' });
  udp.on('message', (_, from) => {
    if (RSPREP_UDP === undefined) udp.send(name, from.port, from.address);
    else udp.reply(Buffer.from(name), from);
  });
  const tcp = createServer((socket) => {
    socket.on('error', () => socket.destroy()); // a client that went away is its own business
    socket.end(name);
  });
  await new Promise((resolve) => udp.bind(Number(port), address, resolve));
  await new Promise((resolve) => tcp.listen({ port: Number(port), host: address }, resolve));
}
console.log('ready');
