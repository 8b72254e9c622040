// One server of the benchmark: `node server.cjs BUNDLE KIND [blocked]`. Prints its port. KIND: events | native | dgram.
const dgram = require('node:dgram');
const { createSocket } = require(process.argv[2]);
const kind = process.argv[3];

function start() {
  if (kind === 'dgram') {
    const socket = dgram.createSocket('udp4');
    socket.on('message', (message, rinfo) => socket.send(message, rinfo.port, rinfo.address));
    return socket;
  }
  if (kind === 'events') {
    const socket = createSocket({ type: 'udp4' });
    socket.on('message', (message, rinfo) => socket.reply(message, rinfo));
    return socket;
  }
  const rateLimit = {
    perSource: { perSecond: 5_000_000, burst: 1_000_000 },
    total: { perSecond: 10_000_000, burst: 2_000_000 },
  };
  return createSocket({ type: 'udp4', strict: true, allow: ['10.0.0.2', '10.0.0.3', '127.0.0.0/8'], rateLimit });
}

const socket = start();
socket.bind(0, () => {
  if (kind === 'native') {
    const answers = [{ subject: {}, verdict: 'vouched', speaks: true, text: 'all checks pass' }];
    socket.setAnswers({ answers, leaseMs: 5000 });
    setInterval(() => socket.renewAnswers(5000), 1000);
  }
  process.stdout.write(`${socket.address().port}\n`);
});

if (process.argv[4] === 'blocked') {
  setInterval(() => {
    const end = performance.now() + 20;
    while (performance.now() < end);
  }, 200);
}
