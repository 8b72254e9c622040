// Connections that last: long-client.mjs ADDRESS PORT COUNT. Prints "ready" once each knows who serves it, sends a byte over
// each every 50 ms, and at the end of standard input waits for what is outstanding, closes them and prints one JSON array:
//   {"by": who serves it, "sent": bytes, "received": bytes, "error": what broke it, or null}
import { once } from 'node:events';
import { connect } from 'node:net';

const [host, port, count] = process.argv.slice(2);
const connections = await Promise.all(Array.from({ length: Number(count) }, open));
console.log('ready');
const sending = setInterval(() => {
  for (const { socket, said } of connections) {
    if (said.error === null) {
      socket.write('x');
      said.sent += 1;
    }
  }
}, 50);
process.stdin.resume();
await once(process.stdin, 'end');
clearInterval(sending);
await Promise.all(connections.map(close));
console.log(JSON.stringify(connections.map(({ said }) => said)));

async function open() {
  const socket = connect({ host, port: Number(port) });
  const said = { by: null, sent: 0, received: 0, error: null };
  socket.on('error', ({ code }) => {
    said.error ??= code;
  });
  const [name] = await once(socket, 'data');
  said.by = name.toString().trim();
  socket.on('data', (bytes) => {
    said.received += bytes.length;
  });
  socket.on('end', () => {
    if (!socket.writableEnded) said.error ??= 'ended by the server';
  });
  return { socket, said };
}

async function close({ socket, said }) {
  for (let tries = 0; tries < 40 && said.error === null && said.received < said.sent; tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  if (said.received < said.sent) said.error ??= 'no answer within 2 s';
  socket.destroySoon();
}
