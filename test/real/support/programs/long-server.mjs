// A TCP service whose connections last: says its name, then sends back whatever comes. long-server.mjs NAME PORT ADDRESS
import { createServer } from 'node:net';

const [name, port, host] = process.argv.slice(2);
createServer((socket) => {
  socket.on('error', () => socket.destroy());
  socket.write(`${name}\n`);
  socket.pipe(socket);
}).listen({ port: Number(port), host }, () => console.log('ready'));
