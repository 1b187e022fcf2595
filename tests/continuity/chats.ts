// One person in the chats of many platforms at once, each on a loopback server that keeps the platform's protocol.
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { signedHeaders, secretBytes } from '../../shared/webhook-signature.ts';
import { systemClock } from '../../shared/clock.ts';
import { z } from 'zod';
import { say } from '../adapters/homeassistant/home-rig.ts';
import { startBotApi } from '../support/bot-api.ts';
import { startDiscord } from '../support/discord/server.ts';
import { startHomeServer } from '../support/homeassistant/server.ts';
import { startSignalServer } from '../support/signal/server.ts';
import { APP_TOKEN, BOT_TOKEN, startSlack, textOf } from '../support/slack/workspace.ts';
import { FakeCloudApi, type CloudPerson } from '../support/whatsapp/cloud-api.ts';
import { ACCESS_TOKEN, APP_SECRET, object, PHONE_NUMBER_ID, text } from '../support/whatsapp/cloud-world.ts';

export interface PersonsChat {
  platform: string;
  /** Its section in config.yaml. */
  settings: Record<string, unknown>;
  /** Lines of .env. */
  secrets: readonly string[];
  say(text: string): Promise<void> | void;
  /** What Herald said there, oldest first, each message once, as it stands now. */
  told(): Promise<readonly string[]> | readonly string[];
  /** True where a message that nobody takes at once is gone: there people write when somebody listens. */
  keepsNothing?: boolean;
  /** Told where the gateway serves, once it does. */
  gatewayAt?(url: string): void;
  close(): Promise<void>;
}

/** Opens them all; what was opened is closed again when one of them fails. */
export async function openChats(): Promise<readonly PersonsChat[]> {
  const opened: PersonsChat[] = [];
  try {
    for (const open of [web, telegram, discord, slack, whatsapp, signal, homeassistant, webhook])
      opened.push(await open());
    return opened;
  } catch (error) {
    await Promise.all(opened.map((chat) => chat.close()));
    throw error;
  }
}

const pageSchema = z.object({
  entries: z.array(
    z.object({
      key: z.string(),
      direction: z.enum(['in', 'out']),
      via: z.string().optional(),
      html: z.string().optional(),
    }),
  ),
  more: z.boolean(),
});
type Entry = z.output<typeof pageSchema>['entries'][number];

/** The page's protocol, as its script speaks it. */
async function web(): Promise<PersonsChat> {
  let gateway = '';
  let cookie = '';
  let said = 0;
  let isClosed = false;
  const seen = new Set<string>();
  const texts: string[] = [];
  const ask = async (path: string, body?: unknown) => {
    for (let attempt = 0; attempt < 5_000 && !isClosed; attempt++) {
      const headers = { cookie, ...(body !== undefined && { 'content-type': 'application/json' }) };
      const init = body === undefined ? { headers } : { method: 'POST', headers, body: JSON.stringify(body) };
      const answer = await fetch(`${gateway}/${path}`, init).catch(() => undefined);
      if (answer?.ok) return answer;
      await wait(20);
    }
    throw new Error('the page got no answer');
  };
  let sending = Promise.resolve();
  return {
    platform: 'web',
    settings: {},
    secrets: [],
    async say(text) {
      if (cookie === '') cookie = (await ask('session', {})).headers.get('set-cookie')?.split(';')[0] ?? '';
      const id = `continuity-${++said}`;
      sending = sending.then(async () => void (await ask('messages', { id, text })));
    },
    async told() {
      // Back to where it was read last: what is said elsewhere is among the lines.
      const fresh: Entry[] = [];
      for (let before = ''; ; before = `&before=${fresh[0]?.key ?? ''}`) {
        const page = pageSchema.parse(await (await ask(`timeline?limit=100${before}`)).json());
        fresh.unshift(...page.entries.filter((entry) => !seen.has(entry.key)));
        if (!page.more || page.entries.some((entry) => seen.has(entry.key))) break;
      }
      for (const { key, direction, via, html } of fresh) {
        seen.add(key);
        if (direction === 'out' && via === undefined) texts.push((html ?? '').replace(/<[^>]+>/g, '').trim());
      }
      return texts;
    },
    gatewayAt: (url) => void (gateway = url),
    async close() {
      isClosed = true;
    },
  };
}

const ANN = 101;

async function telegram(): Promise<PersonsChat> {
  const bot = await startBotApi();
  const ann = bot.user(ANN, 'Ann');
  return {
    platform: 'telegram',
    settings: { api_root: bot.url, rate_limit: false },
    secrets: [`TELEGRAM_BOT_TOKEN=${bot.token}`],
    say: (said) => void ann.dm.sendText(said),
    told: () => bot.messages(ANN).map(({ message }) => message.text ?? ''),
    close: () => bot.close(),
  };
}

async function discord(): Promise<PersonsChat> {
  const server = await startDiscord();
  const ann = server.person(5001, 'Ann');
  return {
    platform: 'discord',
    settings: { api_root: server.apiRoot, cdn_root: server.cdnRoot },
    secrets: [`DISCORD_BOT_TOKEN=${server.token}`],
    say: (said) => void ann.dm.say(said),
    told: () => server.sent(server.dmOf(ann)).map((message) => message.content),
    close: () => server.close(),
  };
}

async function slack(): Promise<PersonsChat> {
  const workspace = await startSlack();
  const { ada } = workspace;
  return {
    platform: 'slack',
    settings: { api_root: workspace.apiRoot },
    secrets: [`SLACK_BOT_TOKEN=${BOT_TOKEN}`, `SLACK_APP_TOKEN=${APP_TOKEN}`],
    say: async (said) => void (await ada.say(ada.dm, said)),
    told: async () => (await workspace.ours(ada.dm)).map(textOf),
    close: () => workspace.close(),
  };
}

async function whatsapp(): Promise<PersonsChat> {
  const api = await FakeCloudApi.start();
  const ann: CloudPerson = { phone: '15550004444', name: 'Ann', userId: 'US.4444' };
  return {
    platform: 'whatsapp',
    settings: { transport: 'cloud', phone_number_id: PHONE_NUMBER_ID, api_root: api.root },
    secrets: [
      `WHATSAPP_CLOUD_TOKEN=${ACCESS_TOKEN}`,
      `WHATSAPP_APP_SECRET=${APP_SECRET}`,
      'WHATSAPP_VERIFY_TOKEN=verify-token-of-tests',
    ],
    say: (said) => void api.say(ann, { type: 'text', text: { body: said } }),
    told: () =>
      api.world.sent.map(({ body }) =>
        body['type'] === 'text' ? text(object(body['text'])['body']) : JSON.stringify(body['interactive']),
      ),
    gatewayAt: (url) => void (api.webhookUrl = `${url}/whatsapp/default/`),
    close: () => api.close(),
  };
}

async function signal(): Promise<PersonsChat> {
  const server = await startSignalServer();
  const ann = server.person('Ann');
  return {
    platform: 'signal',
    settings: { url: server.url, number: server.number },
    secrets: [],
    async say(said) {
      await server.until('a socket', () => server.sockets() > 0, 20_000);
      ann.dm.write(said);
    },
    told: () => server.messages(ann.uuid).map((message) => message.text),
    keepsNothing: true,
    close: () => server.close(),
  };
}

async function homeassistant(): Promise<PersonsChat> {
  const server = await startHomeServer();
  const ann = server.world.addUser('Ann');
  return {
    platform: 'homeassistant',
    settings: { url: server.url },
    secrets: [`HASS_TOKEN=${server.token}`],
    say: async (said) => void (await say(server, ann, said)),
    told: () => [...server.world.notifications.values()].map((one) => one.message),
    keepsNothing: true,
    close: () => server.close(),
  };
}

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

async function webhook(): Promise<PersonsChat> {
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
    for (let attempt = 0; attempt < 5_000 && !isClosed; attempt++) {
      const headers = {
        'content-type': 'application/json',
        ...signedHeaders(key, { id: `w${said}`, body, now: systemClock.now() }),
      };
      const answer = await fetch(`${gateway}/webhook/default/messages`, { method: 'POST', headers, body }).catch(
        () => undefined,
      );
      if (answer?.status === 202) return;
      await wait(20);
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
    gatewayAt: (url) => void (gateway = url),
    async close() {
      isClosed = true;
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
