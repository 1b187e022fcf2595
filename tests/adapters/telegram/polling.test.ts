import { afterEach, describe, expect, it } from 'vitest';
import { makeTelegramAdapter } from '../../../adapters/telegram/adapter.ts';
import type { Adapter } from '../../../adapters/contract.ts';
import { parseMarkdown } from '../../../adapters/markdown.ts';
import { makeRecordingHost, type RecordingHost } from '../../contracts/adapter-host.ts';
import { startBotApi } from '../../support/bot-api.ts';
import type { BotApi } from '../../support/bot-api/types.ts';
import { makeFakeClock, type FakeClock } from '../../support/fake-clock.ts';
import { ADA, addressOf, settingsFor } from './telegram-harness.ts';

interface Running {
  api: BotApi;
  adapter: Adapter;
  record: RecordingHost;
  clock: FakeClock;
}

const open: Running[] = [];

async function start(
  prepare: (api: BotApi, record: RecordingHost, clock: FakeClock) => void = () => {},
): Promise<Running> {
  const api = await startBotApi();
  const record = makeRecordingHost();
  const clock = makeFakeClock();
  prepare(api, record, clock);
  const account = addressOf(api, ADA).account;
  const adapter = makeTelegramAdapter({ platform: 'telegram', account, settings: settingsFor(api), fetch }, clock);
  const running = { api, adapter, record, clock };
  open.push(running);
  await adapter.start(record.host);
  return running;
}

afterEach(async () => {
  for (const { api, adapter, record } of open.splice(0)) {
    await adapter.stop();
    await record.close();
    await api.close();
  }
});

const lastState = (record: RecordingHost) => record.states.at(-1)?.state;

/** Turns the clock step by step, so that real answers can come in between. */
async function advanceUntil({ clock }: Running, passes: () => boolean, stepMs: number, steps = 400): Promise<number> {
  for (let step = 0; step < steps; step++) {
    if (passes()) return step * stepMs;
    await clock.advance(stepMs);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  throw new Error('it did not happen');
}

const call = (api: BotApi, method: string, params: Record<string, unknown>) =>
  fetch(`${api.url}/bot${api.token}/${method}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(params),
  });

describe('two programs with one token', () => {
  it('the one thrown out is offline, says why, and waits longer than a poll lasts', async () => {
    const running = await start();
    const { api, record, clock } = running;
    await record.waitUntil(() => lastState(record) === 'online');
    await advanceUntil(running, () => api.isPolling(), 0);
    const since = clock.now();
    const other = call(api, 'getUpdates', { timeout: 50 });
    await record.waitUntil(() => lastState(record) === 'offline');
    expect(record.states.at(-1)?.detail).toMatch(/another program/i);
    await advanceUntil(running, () => lastState(record) === 'online', 1_000);
    expect(clock.now() - since).toBeGreaterThan(30_000);
    expect((await other).status).toBe(409);
  });

  it('a webhook that somebody set is removed', async () => {
    const running = await start();
    const { api, record } = running;
    await record.waitUntil(() => lastState(record) === 'online');
    await call(api, 'setWebhook', { url: 'https://elsewhere.example/' });
    const removals = () => api.calls.filter((made) => made.method === 'deleteWebhook').length;
    const before = removals();
    await advanceUntil(running, () => removals() > before && lastState(record) === 'online', 500);
    api.user(ADA).dm.sendText('polled again');
    await record.waitFor((message) => message.text === 'polled again');
  });
});

describe('the position in the queue', () => {
  it('is kept only behind updates that are stored, and is not asked for again', async () => {
    const { api, record } = await start();
    api.user(ADA).dm.sendText('one');
    await record.waitFor((message) => message.text === 'one');
    await record.waitUntil(() => record.cursors.has('offset'));
    const [offset] = (record.cursors.get('offset') ?? '').split(' ');
    expect(Number(offset)).toBeGreaterThan(700_000_000);
    api.user(ADA).dm.sendText('two');
    await record.waitFor((message) => message.text === 'two');
    expect(record.answers.map((answer) => answer.outcome)).toEqual(['new', 'new']);
  });

  it('is forgotten after six days, when Telegram may number from anywhere', async () => {
    const { record } = await start((api, kept, clock) => {
      kept.cursors.set('offset', `999999999 ${clock.now() - 7 * 24 * 3_600_000}`);
      api.user(ADA).dm.sendText('numbered lower than before');
    });
    await record.waitFor((message) => message.text === 'numbered lower than before');
  });

  it('is used when it is fresh', async () => {
    const { api, record } = await start((prepared, kept, clock) => {
      const first = prepared.user(ADA).dm.sendText('seen before');
      expect(first.message_id).toBeGreaterThan(0);
      kept.cursors.set('offset', `${(prepared.pendingUpdates()[0] ?? 0) + 1} ${clock.now() - 3_600_000}`);
    });
    api.user(ADA).dm.sendText('new');
    await record.waitFor((message) => message.text === 'new');
    expect(record.received.map((message) => message.text)).toEqual(['new']);
  });

  it('survives a cursor that cannot be read', async () => {
    const { record } = await start((api, kept) => {
      kept.cursors.set('offset', 'nonsense');
      api.user(ADA).dm.sendText('still here');
    });
    await record.waitFor((message) => message.text === 'still here');
  });
});

describe('a network or a login that fails', () => {
  it('at the start is no error: it connects when it can', async () => {
    const api = await startBotApi();
    await api.goAway();
    const record = makeRecordingHost();
    const clock = makeFakeClock();
    const account = addressOf(api, ADA).account;
    const adapter = makeTelegramAdapter({ platform: 'telegram', account, settings: settingsFor(api), fetch }, clock);
    const running = { api, adapter, record, clock };
    open.push(running);
    await adapter.start(record.host);
    expect(lastState(record)).toBe('offline');
    await clock.advance(3_000);
    await api.comeBack();
    await advanceUntil(running, () => lastState(record) === 'online', 1_000);
  });

  it('a token that is revoked while running asks for a login, and is tried again', async () => {
    const running = await start();
    const { api, record } = running;
    await record.waitUntil(() => lastState(record) === 'online');
    api.fail({ method: 'getUpdates', status: 401 });
    api.disconnect();
    await advanceUntil(running, () => lastState(record) === 'needs-login', 500);
    await advanceUntil(running, () => lastState(record) === 'online', 30_000);
  });

  it('a poll that is refused for its rate waits as long as it is told', async () => {
    const running = await start();
    const { api, record, clock } = running;
    await record.waitUntil(() => lastState(record) === 'online');
    api.fail({ method: 'getUpdates', status: 429, retryAfter: 20 });
    api.disconnect();
    const since = clock.now();
    api.user(ADA).dm.sendText('later');
    await advanceUntil(running, () => record.received.length === 1, 1_000);
    expect(clock.now() - since).toBeGreaterThanOrEqual(20_000);
  });

  it('every press is answered, once it is stored', async () => {
    const { api, adapter, record } = await start();
    const { dm } = api.user(ADA);
    const outbound = {
      key: 'k',
      body: parseMarkdown('Go?'),
      plain: false,
      files: [],
      buttons: [[{ label: 'Go', data: 'go' }]],
      silent: true,
    };
    const sent = await adapter.send(addressOf(api, ADA), outbound, AbortSignal.timeout(5_000));
    const id = sent.ok ? Number(sent.ids[0]) : 0;
    expect(api.calls.findLast((made) => made.method === 'sendMessage')?.params['disable_notification']).toBe('true');
    record.failNext(1);
    const callback = dm.press(id, 'go');
    await record.waitUntil(() => record.answers.length === 1);
    expect(api.callback(callback)).toMatchObject({ answered: false });
    const running = open.at(-1);
    if (running) await advanceUntil(running, () => api.callback(callback)?.answered === true, 100);
  });
});
