// A program of the person's that speaks for them over the signed webhook.
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { systemClock } from '../../../shared/clock.ts';
import { secretBytes, signedHeaders } from '../../../shared/webhook-signature.ts';
import { TRIES, TRY_AGAIN_MS, type PersonsChat } from '../chat.ts';

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

export async function webhook(): Promise<PersonsChat> {
  const key = secretBytes(SECRET) ?? Buffer.alloc(0);
  const told = new Map<string, string>();
  let gateway = '';
  let isClosed = false;
  let said = 0;
  let delivering = Promise.resolve();
  const server: Server = createServer((request, response) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      if (request.method === 'HEAD') return response.writeHead(405).end();
      const { key: id, plain } = JSON.parse(Buffer.concat(chunks).toString()) as { key: string; plain: string };
      if (!told.has(id)) told.set(id, plain);
      return response.writeHead(204).end();
    })();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const post = async (body: string) => {
    for (let attempt = 0; attempt < TRIES && !isClosed; attempt++) {
      const headers = {
        'content-type': 'application/json',
        ...signedHeaders(key, { id: `w${said}`, body, now: systemClock.now() }),
      };
      const answer = await fetch(`${gateway}/webhook/default/messages`, { method: 'POST', headers, body }).catch(
        () => undefined,
      );
      if (answer?.status === 202) return;
      await wait(TRY_AGAIN_MS);
    }
  };
  return {
    platform: 'webhook',
    settings: { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` },
    secrets: [`WEBHOOK_SECRET=${SECRET}`],
    say(words) {
      const body = JSON.stringify({ id: `w${++said}`, user: 'ann', name: 'Ann', text: words });
      // One after the other, as a program with a queue does.
      delivering = delivering.then(() => post(body));
    },
    told: () => [...told.values()],
    gatewayAt: ({ url }) => void (gateway = url),
    async close() {
      isClosed = true;
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
