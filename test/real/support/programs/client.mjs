// A client that asks one question after another, each from a new socket, so that each is a new flow to the director:
//   client.mjs PROTOCOLS ADDRESSES PORT COUNT GAP_MS TIMEOUT_MS
// PROTOCOLS and ADDRESSES are lists with commas; each protocol at each address is asked in turn. `udp` takes a reply from
// anybody and says from whom, as dig does; `udp-connected` is what most programs are: only a reply from the address asked counts.
// COUNT 0 goes on until standard input ends. Questions overlap: one is sent every GAP_MS whatever became of the last.
// Prints one JSON array: {"at": ms of the clock when sent, "protocol", "to", "by": who answered or null, "from": address of the reply}.
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';

const [protocols, addresses, port, count, gapMs, timeoutMs] = process.argv.slice(2);
const targets = addresses.split(',').flatMap((to) => protocols.split(',').map((protocol) => ({ protocol, to })));
const asked = [];
let going = true;

process.stdin.on('end', () => {
  going = false;
});
process.stdin.resume();

while (going && (Number(count) === 0 || asked.length < Number(count))) {
  asked.push(ask(targets[asked.length % targets.length]));
  await new Promise((resolve) => setTimeout(resolve, Number(gapMs)));
}
process.stdin.destroy(); // nothing else is left to wait for; process.exit() would cut the output off
console.log(JSON.stringify(await Promise.all(asked)));

async function ask(target) {
  const at = Date.now();
  return { at, ...target, ...(await (target.protocol === 'tcp' ? askTcp(target) : askUdp(target))) };
}

/** After a stall the timers come before the sockets: let those have their turn before calling a reply lost. */
function late(giveUp) {
  return setTimeout(() => setTimeout(giveUp, 20), Number(timeoutMs));
}

function askUdp({ protocol, to }) {
  return new Promise((resolve) => {
    const socket = createSocket(to.includes(':') ? 'udp6' : 'udp4');
    let ended = false;
    const end = (by, from) => {
      if (ended) return;
      ended = true;
      clearTimeout(timer);
      socket.close();
      resolve({ by, from });
    };
    const timer = late(() => end(null, null));
    socket.on('error', () => end(null, null));
    socket.on('message', (text, sender) => end(text.toString(), sender.address));
    if (protocol === 'udp') socket.send('who', Number(port), to);
    else socket.connect(Number(port), to, () => socket.send('who'));
  });
}

function askTcp({ to }) {
  return new Promise((resolve) => {
    const socket = connect({ host: to, port: Number(port) });
    let text = '';
    const end = (by) => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ by, from: by === null ? null : to });
    };
    const timer = late(() => end(null));
    socket.on('data', (part) => {
      text += part;
    });
    socket.on('end', () => end(text));
    socket.on('error', () => end(null));
  });
}
