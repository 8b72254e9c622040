// The services of the real servers, and the client that asks them.
import { createSocket, type RemoteInfo } from 'node:dgram';
import { once } from 'node:events';
import { Agent, createServer, get } from 'node:http';
import { isIPv6 } from 'node:net';
import type { AskOutcome, AskRequest } from './protocol.ts';
import { TCP_PORT, UDP_PORT } from './topology.ts';

/**
 * Serves on every VIP, by HTTP and by UDP: the answer is the server's name. The UDP sockets are bound to the VIP itself, so
 * that replies come from it: from a wildcard socket they would come from the real server's own address.
 */
export async function serve(name: string, vips: readonly string[]): Promise<void> {
  for (const vip of vips) {
    const server = createServer((_request, response) => response.end(`${name}\n`));
    server.listen(TCP_PORT, vip);
    const socket = createSocket({ type: isIPv6(vip) ? 'udp6' : 'udp4' });
    socket.on('message', (_text, from) => socket.send(`${name}\n`, from.port, from.address));
    socket.bind(UDP_PORT, vip);
    await Promise.all([once(server, 'listening'), once(socket, 'listening')]);
  }
}

interface Reply {
  readonly by: string;
  readonly from: string;
}

/** Asks on every flow at once; the requests of one flow follow each other. */
export async function ask(request: AskRequest): Promise<AskOutcome> {
  const flow = request.protocol === 'tcp' ? tcpFlow : udpFlow;
  const flows = await Promise.all(Array.from({ length: request.flows }, () => flow(request)));
  const bySource = count(flows.flat().map(({ from }) => from));
  const answered = flows.filter((replies) => replies.length === request.requestsEach);
  const servers = answered.map((replies) => [...new Set(replies.map(({ by }) => by))]);
  return {
    byServer: count(servers.filter(({ length }) => length === 1).flat()),
    bySource,
    unanswered: flows.length - answered.length,
    torn: servers.filter(({ length }) => length > 1).length,
  };
}

/** One TCP connection, kept open over all its requests. */
async function tcpFlow({ vip, requestsEach, timeoutMs }: AskRequest): Promise<readonly Reply[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const replies: Reply[] = [];
  try {
    for (let n = 0; n < requestsEach; n += 1) {
      const reply = await httpGet(agent, vip, timeoutMs);
      if (reply === null || (n > 0 && !reply.reused)) break;
      replies.push(reply);
    }
  } finally {
    agent.destroy();
  }
  return replies;
}

function httpGet(agent: Agent, vip: string, timeoutMs: number): Promise<(Reply & { reused: boolean }) | null> {
  return new Promise((resolve) => {
    const request = get({ host: vip, port: TCP_PORT, agent, signal: AbortSignal.timeout(timeoutMs) }, (response) => {
      const from = response.socket.remoteAddress ?? '';
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      response.on('end', () => resolve({ by: body.trim(), from, reused: request.reusedSocket }));
      response.on('error', () => resolve(null));
    });
    request.on('error', () => resolve(null)); // refused, reset or out of time: no reply, which is what is counted
  });
}

/** One UDP socket, not connected: it takes replies from any address, so that a wrong one is seen. */
async function udpFlow({ vip, requestsEach, timeoutMs }: AskRequest): Promise<readonly Reply[]> {
  const socket = createSocket(isIPv6(vip) ? 'udp6' : 'udp4');
  const replies: Reply[] = [];
  try {
    for (let n = 0; n < requestsEach; n += 1) {
      const answer = once(socket, 'message', { signal: AbortSignal.timeout(timeoutMs) });
      socket.send('who answers?', UDP_PORT, vip);
      const [text, from] = (await answer) as [Buffer, RemoteInfo];
      replies.push({ by: text.toString().trim(), from: from.address });
    }
  } catch (error) {
    // Out of time, or the network says that there is no way: no reply either way.
    if (!(error instanceof Error)) throw error;
  } finally {
    socket.close();
  }
  return replies;
}

function count(values: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const value of [...values].sort()) counts[value] = (counts[value] ?? 0) + 1;
  return counts;
}
