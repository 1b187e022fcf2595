// WhatsApp end to end: the real gateway as a process, its command line, and loopback servers for both transports: one that speaks the
// protocol of linked devices (real Noise, real Signal encryption), and Meta's Cloud API with its webhooks.
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCommand } from '../support/command.ts';
import { makeBrokenStory } from '../support/broken-story.ts';
import {
  makeHome,
  requestSocket,
  startGatewayProcess,
  waitFor,
  type GatewayProcess,
} from '../support/gateway-process.ts';
import { startModelServer, type ModelServer } from '../support/model-server.ts';
import { FakeCloudApi, type CloudPerson } from '../support/whatsapp/cloud-api.ts';
import {
  ACCESS_TOKEN,
  APP_SECRET,
  BUSINESS_PHONE,
  object,
  PHONE_NUMBER_ID,
  text,
} from '../support/whatsapp/cloud-world.ts';
import { ROOT_KEY_HEX } from '../support/whatsapp/noise.ts';
import type { Phone } from '../support/whatsapp/phone.ts';
import { FakeWhatsApp } from '../support/whatsapp/server.ts';

const TRUST = new URL('../support/whatsapp/trust.ts', import.meta.url);
const LONG = Array.from({ length: 30 }, (_, index) => `Sentence number ${index + 1} of the story.`).join(' ');

function startModel(): Promise<ModelServer> {
  // One for each: what was begun once is told to its end.
  const brokenStory = makeBrokenStory(LONG);
  return startModelServer({
    script(call) {
      if (call.user.includes('story')) return brokenStory(call);
      return { text: `Heard: **${call.user.slice(-80)}**` };
    },
  });
}

interface PlatformState {
  platform: string;
  state: string;
  login?: { kind: string; data?: string };
}

async function stateOf(gateway: GatewayProcess): Promise<PlatformState | undefined> {
  const { body } = await requestSocket(gateway.socket, { path: '/status' });
  const { adapters } = JSON.parse(body) as { adapters: PlatformState[] };
  return adapters.find(({ platform }) => platform === 'whatsapp');
}

function logOf(home: string): string {
  return fs.readFileSync(path.join(home, 'logs/gateway.log'), 'utf8');
}

describe('WhatsApp as a linked device, end to end', () => {
  let model: ModelServer;
  let whatsapp: FakeWhatsApp;
  let ada: Phone;
  let home: string;
  let gateway: GatewayProcess;

  const start = async () => {
    const env = {
      NODE_OPTIONS: `--import ${pathToFileURL(fileURLToPath(TRUST)).href}`,
      WHATSAPP_TEST_ROOT: ROOT_KEY_HEX,
    };
    gateway = await startGatewayProcess({ home, env });
  };
  const texts = () => whatsapp.seen.of(ada.phone).map(({ raw }) => raw);
  const count = (part: string) => texts().filter((one) => one.includes(part)).length;
  const waitForText = (part: string, timeoutMs = 15_000) =>
    waitFor(part, () => texts().find((one) => one.includes(part)), timeoutMs);

  beforeAll(async () => {
    model = await startModel();
    whatsapp = await FakeWhatsApp.start();
    ada = whatsapp.person({ phone: '15550002222', lid: '222000222000222', name: 'Ada' });
    home = makeHome({
      model: { provider: 'anthropic', base_url: model.url, name: 'claude-test' },
      platforms: { whatsapp: { server_url: whatsapp.url } },
    });
    fs.writeFileSync(path.join(home, '.env'), 'ANTHROPIC_API_KEY=test-key-1234\n', { mode: 0o600 });
    await start();
  }, 60_000);

  afterAll(async () => {
    await gateway?.kill('SIGKILL');
    await whatsapp?.close();
    await model?.close();
    fs.rmSync(home, { recursive: true, force: true });
  });

  it('the gateway shows a QR code, and is linked when the phone scans it', async () => {
    const qr = await waitFor('the code', async () => {
      const state = await stateOf(gateway);
      return state?.state === 'needs-login' && state.login?.kind === 'qr' && state.login.data;
    });
    whatsapp.scan(qr);
    await waitFor('the login', async () => (await stateOf(gateway))?.state === 'online');
    expect((await stateOf(gateway))?.login).toBeUndefined();
  });

  it('a stranger gets a code; approved with the command line they are answered, in WhatsApp’s own marks', async () => {
    await whatsapp.say(ada, { conversation: 'hi' });
    const asked = await waitForText('pairing code is');
    expect(model.calls).toHaveLength(0);
    const code = /code is \W?(\w{8})/.exec(asked)?.[1] ?? '';
    expect(await runCommand(home, 'pairing', 'approve', 'whatsapp', code)).toContain('owner');
    await waitForText('paired');
    await whatsapp.say(ada, { conversation: 'what is up?' });
    await waitForText('Heard: *what is up?*');
  });

  it(
    'kill -9 in the middle of an answer: after the next start it arrives exactly once, with what was sent meanwhile',
    { timeout: 60_000 },
    async () => {
      const before = model.calls.length;
      await whatsapp.say(ada, { conversation: 'tell me a story' });
      await waitFor('the answer to begin', () => model.calls.length > before);
      await gateway.kill('SIGKILL');
      await whatsapp.say(ada, { conversation: 'are you there?' });
      await start();
      await waitForText('number 30', 25_000);
      await waitForText('are you there?', 25_000);
      expect(count('number 30')).toBe(1);
      expect(count('Heard: *are you there?*')).toBe(1);
      expect(whatsapp.waiting).toEqual([]);
    },
  );

  it('the number and the hidden address are one person', async () => {
    ada.addressing = 'pn';
    ada.tellsOther = false;
    await whatsapp.say(ada, { conversation: 'by number' });
    await waitForText('Heard: *by number*');
    ada.addressing = 'lid';
    await whatsapp.say(ada, { conversation: 'by hidden address' });
    await waitForText('Heard: *by hidden address*');
    expect(count('pairing code is')).toBe(1);
  });

  it('neither log nor output ever held a key of the device', () => {
    const log = logOf(home);
    expect(log.length).toBeGreaterThan(0);
    for (const secret of ['privKey', 'noiseKey', 'advSecret', 'SessionEntry', 'test-key-1234']) {
      expect(log).not.toContain(secret);
      expect(gateway.output()).not.toContain(secret);
    }
  });
});

describe('WhatsApp through the Cloud API, end to end', () => {
  const bea: CloudPerson = { phone: '15550004444', name: 'Bea', userId: 'US.4444' };
  let model: ModelServer;
  let api: FakeCloudApi;
  let home: string;
  let gateway: GatewayProcess;

  const start = async () => {
    gateway = await startGatewayProcess({ home });
    api.webhookUrl = `${gateway.url}/whatsapp/default/`;
    await waitFor('the account', async () => (await stateOf(gateway))?.state === 'online');
  };
  const say = (body: string) => api.say(bea, { type: 'text', text: { body } });
  const texts = () =>
    api.world.sent.map(({ body }) =>
      body['type'] === 'text' ? text(object(body['text'])['body']) : JSON.stringify(body['interactive'] ?? ''),
    );
  const count = (part: string) => texts().filter((one) => one.includes(part)).length;
  const waitForText = (part: string, timeoutMs = 15_000) =>
    waitFor(part, () => texts().find((one) => one.includes(part)), timeoutMs);

  beforeAll(async () => {
    model = await startModel();
    api = await FakeCloudApi.start();
    home = makeHome({
      model: { provider: 'anthropic', base_url: model.url, name: 'claude-test' },
      platforms: { whatsapp: { transport: 'cloud', phone_number_id: PHONE_NUMBER_ID, api_root: api.root } },
    });
    const secrets = [
      `WHATSAPP_CLOUD_TOKEN=${ACCESS_TOKEN}`,
      `WHATSAPP_APP_SECRET=${APP_SECRET}`,
      'WHATSAPP_VERIFY_TOKEN=verify-token-of-tests',
      'ANTHROPIC_API_KEY=test-key-1234',
    ];
    fs.writeFileSync(path.join(home, '.env'), `${secrets.join('\n')}\n`, { mode: 0o600 });
    await start();
  }, 60_000);

  afterAll(async () => {
    await gateway?.kill('SIGKILL');
    await api?.close();
    await model?.close();
    fs.rmSync(home, { recursive: true, force: true });
  });

  it('the webhook is confirmed to who knows the word, and refuses who does not sign', async () => {
    const ask = (token: string) =>
      fetch(`${api.webhookUrl}?hub.mode=subscribe&hub.verify_token=${token}&hub.challenge=1158201444`);
    const good = await ask('verify-token-of-tests');
    expect([good.status, await good.text()]).toEqual([200, '1158201444']);
    expect((await ask('guess')).status).toBe(403);
    expect(await api.callWebhook('{"object":"whatsapp_business_account","entry":[]}', 'another secret')).toBe(401);
  });

  it('a stranger gets a code; approved with the command line they are answered', async () => {
    say('hi');
    const asked = await waitForText('pairing code is');
    const code = /code is \W?(\w{8})/.exec(asked)?.[1] ?? '';
    expect(await runCommand(home, 'pairing', 'approve', 'whatsapp', code)).toContain('owner');
    await waitForText('paired');
    say('what is up?');
    await waitForText('Heard: *what is up?*');
    expect(api.world.commands.length).toBeGreaterThan(0);
  });

  it(
    'kill -9 in the middle of an answer: after the next start it arrives exactly once, with what was sent meanwhile',
    { timeout: 60_000 },
    async () => {
      const before = model.calls.length;
      say('tell me a story');
      await waitFor('the answer to begin', () => model.calls.length > before);
      await gateway.kill('SIGKILL');
      say('are you there?');
      await start();
      await waitForText('number 30', 25_000);
      await waitForText('Heard: *are you there?*', 25_000);
      expect(count('number 30')).toBe(1);
      expect(count('Heard: *are you there?*')).toBe(1);
      expect(api.world.typing.length).toBeGreaterThan(0);
    },
  );

  it('a webhook that comes twice is answered once', async () => {
    const id = say('only once please');
    await waitForText('Heard: *only once please*');
    api.say(bea, { id, type: 'text', text: { body: 'only once please' } });
    say('the next one');
    await waitForText('Heard: *the next one*');
    expect(count('Heard: *only once please*')).toBe(1);
  });

  it('choices are buttons, and a press is an answer', async () => {
    say('/queue');
    await waitForText('"type":"button"');
    const shown = api.world.sent.findLast((message) => JSON.stringify(message.body).includes('"type":"button"'));
    const { buttons } = object(object(shown?.body['interactive'])['action']) as {
      buttons: { reply: { id: string } }[];
    };
    const choice = buttons[0]?.reply.id ?? '';
    const context = { id: shown?.id, from: BUSINESS_PHONE };
    const sent = api.world.sent.length;
    api.say(bea, { type: 'interactive', interactive: { type: 'button_reply', button_reply: { id: choice } }, context });
    await waitFor('an answer', () => api.world.sent.length > sent);
  });

  it('neither log nor output ever held a secret', () => {
    for (const secret of [ACCESS_TOKEN, APP_SECRET, 'verify-token-of-tests']) {
      expect(logOf(home)).not.toContain(secret);
      expect(gateway.output()).not.toContain(secret);
    }
  });
});
