// SMS for the adapter contract: Twilio's emulator behind a proxy, and the gateway's HTTP side before the adapter.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { setTimeout } from 'node:timers/promises';
import type { Adapter } from '../../../adapters/contract.ts';
import { makeSmsAdapter } from '../../../adapters/sms/adapter.ts';
import { SMS_CAPABILITIES } from '../../../adapters/sms/capabilities.ts';
import { smsSettings } from '../../../adapters/sms/settings.ts';
import { systemClock, type Clock } from '../../../shared/clock.ts';
import { accountId, chatId, messageId, userId } from '../../../shared/ids.ts';
import type { Address } from '../../../shared/messages.ts';
import type { AdapterHarness, AdapterRig } from '../../contracts/adapter-harness.ts';
import { makeRecordingHost, type RecordingHost, type RecordingHostOptions } from '../../contracts/adapter-host.ts';
import { ACCOUNT, AUTH_TOKEN, INVALID_NUMBER, OWN_NUMBER, startTwilio, type Twilio } from '../../support/sms/twilio.ts';

export const ADA = '+15557770001';

export type Mode = 'webhook' | 'polling';

export function dmWith(number: string): Address {
  return { platform: 'sms', account: accountId('default'), chat: chatId(number), kind: 'dm' };
}

export function makeAdapter(
  twilio: Twilio,
  gateway: Gateway | undefined,
  extra: Record<string, unknown> = {},
  clock: Clock = systemClock,
): Adapter {
  const settings = smsSettings.parse({
    account_sid: ACCOUNT,
    auth_token: AUTH_TOKEN,
    from: OWN_NUMBER,
    api_root: twilio.url,
    ...(gateway ? { public_url: gateway.url } : { poll_seconds: 0.05 }),
    ...extra,
  });
  return makeSmsAdapter({ platform: 'sms', account: accountId('default'), settings, fetch }, clock);
}

export interface Gateway {
  /** Whose handler answers; requests before there is one get 503. */
  record: RecordingHost | undefined;
  url: string;
  close(): Promise<void>;
}

/** Stands for the gateway's HTTP server and the reverse proxy before it. */
export async function openGateway(): Promise<Gateway> {
  const prefix = '/sms/default';
  const server = createServer((incoming, outgoing) => {
    void (async () => {
      const chunks: Buffer[] = [];
      const content: AsyncIterable<Buffer> = incoming;
      for await (const chunk of content) chunks.push(chunk);
      const headers = new Headers();
      for (const [key, value] of Object.entries(incoming.headers))
        if (typeof value === 'string') headers.set(key, value);
      const handler = gateway.record?.handler;
      const request = new Request(`http://gateway${(incoming.url ?? '/').slice(prefix.length) || '/'}`, {
        method: incoming.method ?? 'GET',
        headers,
        ...(chunks.length > 0 && { body: new Uint8Array(Buffer.concat(chunks)) }),
      });
      const response = handler
        ? await handler(request, { local: false, remote: '127.0.0.1' })
        : new Response(null, { status: 503 });
      outgoing.writeHead(response.status, Object.fromEntries(response.headers)).end(await response.text());
    })();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the gateway does not listen');
  const gateway: Gateway = {
    record: undefined,
    url: `http://127.0.0.1:${address.port}${prefix}/`,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return gateway;
}

export interface Started {
  twilio: Twilio;
  gateway: Gateway | undefined;
  adapter: Adapter;
  record: RecordingHost;
  dm: Address;
  /** Stops the adapter and starts another one, with what an earlier one has on disk. */
  restart(whileDown: () => Promise<void>, options?: RecordingHostOptions): Promise<void>;
  close(): Promise<void>;
}

export interface StartOptions {
  mode?: Mode;
  settings?: Record<string, unknown>;
  recordTo?: string;
  clock?: Clock;
  host?: RecordingHostOptions;
}

export async function startSms(options: StartOptions = {}): Promise<Started> {
  const twilio = await startTwilio(options.recordTo === undefined ? {} : { recordTo: options.recordTo });
  const gateway = options.mode === 'polling' ? undefined : await openGateway();
  if (gateway) await twilio.setWebhook(gateway.url);
  const start = async (kept?: RecordingHostOptions) => {
    const record = makeRecordingHost(kept);
    if (gateway) gateway.record = record;
    const adapter = makeAdapter(twilio, gateway, options.settings, options.clock);
    await adapter.start(record.host);
    await record.waitUntil(() => record.states.at(-1)?.state === 'online');
    return { adapter, record };
  };
  const close = async () => {
    await started.adapter.stop();
    await started.record.close();
    await twilio.close();
    await gateway?.close();
  };
  const started: Started = {
    twilio,
    gateway,
    dm: dmWith(ADA),
    ...(await start(options.host)),
    async restart(whileDown, more = {}) {
      await started.adapter.stop();
      if (gateway) gateway.record = undefined;
      await whileDown();
      const { cursors, received } = started.record;
      await started.record.close();
      Object.assign(started, await start({ cursors, received, ...more }));
    },
    close,
  };
  return started;
}

export function makeSmsHarness(mode: Mode, recordTo: string): AdapterHarness {
  return {
    capabilities: SMS_CAPABILITIES,
    async open() {
      const started = await startSms({ mode, recordTo });
      return makeRig(started, mode);
    },
    async openWithWrongSecret() {
      const twilio = await startTwilio();
      const record = makeRecordingHost();
      const wrong = 'not_the_auth_token_0123456789';
      const adapter = makeAdapter(twilio, undefined, { auth_token: wrong });
      await adapter.start(record.host);
      await record.waitUntil(() => record.states.some((entry) => entry.state === 'needs-login'));
      const close = async () => {
        await adapter.stop();
        await record.close();
        await twilio.close();
      };
      return { error: undefined, record, secrets: [wrong], close };
    },
  };
}

function makeRig(started: Started, mode: Mode): AdapterRig {
  const { twilio } = started;
  const rig: AdapterRig = {
    adapter: started.adapter,
    record: started.record,
    dm: started.dm,
    user: userId(ADA),
    nowhere: dmWith(INVALID_NUMBER),
    isPushOnly: mode === 'webhook',
    secrets: [AUTH_TOKEN, Buffer.from(`${ACCOUNT}:${AUTH_TOKEN}`).toString('base64')],
    faults: makeFaults(twilio),
    say: async ({ text }) => messageId(await twilio.write(ADA, text)),
    seen: async (at) =>
      (await twilio.sentTo(at.chat)).map(({ sid, body }) => ({
        id: messageId(sid),
        text: body,
        formatted: false,
        buttons: [],
        files: [],
        reactions: [],
      })),
    async sayAsBot(text) {
      const fields = { MessageSid: `SM${'a'.repeat(32)}`, From: '72975', To: OWN_NUMBER, Body: text };
      if (mode === 'webhook') await twilio.call(fields);
    },
    injectGarbage: async () => injectGarbage(twilio),
    async restart(whileDown) {
      await started.restart(whileDown);
      rig.adapter = started.adapter;
      rig.record = started.record;
    },
    close: () => started.close(),
  };
  return rig;
}

function makeFaults(twilio: Twilio): AdapterRig['faults'] {
  const route = 'POST /Messages.json';
  return {
    rateLimit: (ms) =>
      twilio.fail({ route, status: 429, code: 20_429, headers: { 'retry-after': String(ms / 1_000) } }),
    serverError: () => twilio.fail({ route, status: 503, code: 20_503 }),
    dropBefore: () => twilio.fail({ route, drop: 'before' }),
    dropAfter: () => twilio.fail({ route, drop: 'after' }),
    async goAway() {
      await twilio.goAway();
      // Until the ends of its idle connections are noticed, the client may still write into one: then it cannot know.
      await setTimeout(30);
    },
    comeBack: () => twilio.comeBack(),
    disconnect: async () => twilio.disconnect(),
    block: (on) => twilio.optOut(ADA, on),
  };
}

async function injectGarbage(twilio: Twilio): Promise<void> {
  const sid = `SM${'b'.repeat(32)}`;
  const broken: readonly Record<string, string>[] = [
    {},
    { MessageSid: 'x', From: ADA, To: OWN_NUMBER, Body: 'no id' },
    { MessageSid: sid, To: OWN_NUMBER, Body: 'no sender' },
    { MessageSid: sid, From: ADA, To: '+15550002222', Body: 'for another number' },
    { MessageSid: sid, From: ADA, To: OWN_NUMBER, Body: '' },
    { MessageSid: sid, From: ADA, To: OWN_NUMBER, Body: 'STOP', OptOutType: 'STOP' },
    { MessageSid: sid, From: OWN_NUMBER, To: OWN_NUMBER, Body: 'our own' },
    { MessageSid: sid, From: 'whatsapp:+15557770001', To: OWN_NUMBER, Body: 'of another channel' },
  ];
  if ((await twilio.webhook()) === null) return;
  for (const fields of broken) await twilio.call(fields);
}
