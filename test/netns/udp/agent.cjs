// Runs in a host of the test network: evaluates the JavaScript it is sent, line by line, and answers with JSON.
const dgram = require('node:dgram');
const { createInterface } = require('node:readline');
const udp = require('../../../dist/udp.cjs');

const AsyncFunction = (async () => undefined).constructor;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
/** Kept from one line to the next. */
const kept = {};

/** Asks and gives what came back within the time, with the address it came from. */
async function ask(text, port, address, { from, waitMs = 400, broadcast = false } = {}) {
  const socket = dgram.createSocket(address.includes(':') ? 'udp6' : 'udp4');
  const replies = [];
  socket.on('message', (message, rinfo) => replies.push({ text: message.toString(), from: rinfo.address }));
  await new Promise((resolve) => socket.bind(0, from, resolve));
  if (broadcast) socket.setBroadcast(true);
  socket.send(text, port, address);
  for (const end = Date.now() + waitMs; replies.length === 0 && Date.now() < end; ) await sleep(5);
  await new Promise((resolve) => socket.close(resolve));
  return replies;
}

/** A socket that answers with what it saw of the request. */
async function serve(options, port, address) {
  const socket = udp.createSocket(options);
  kept.errors = [];
  kept.seen = [];
  socket.on('error', (error) => kept.errors.push(String(error)));
  socket.on('message', (message, rinfo) => {
    kept.seen.push(rinfo);
    socket.reply(`${message}`, rinfo, (error) => error && kept.seen.push(error.code));
  });
  await new Promise((resolve) => socket.bind(port, address, resolve));
  kept.socket = socket;
}

createInterface({ input: process.stdin })
  .on('line', async (line) => {
    const { id, code } = JSON.parse(line);
    try {
      const run = new AsyncFunction('udp', 'dgram', 'kept', 'sleep', 'ask', 'serve', code);
      const value = await run(udp, dgram, kept, sleep, ask, serve);
      process.stdout.write(`${JSON.stringify({ id, value: value ?? null })}\n`);
    } catch (error) {
      process.stdout.write(`${JSON.stringify({ id, error: String(error?.stack ?? error) })}\n`);
    }
  })
  .on('close', () => process.exit(0));
