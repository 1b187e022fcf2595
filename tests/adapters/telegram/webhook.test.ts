import { describe, expect, it } from 'vitest';
import { makeTelegramApi } from '../../../adapters/telegram/api.ts';
import { makeWebhookHandler } from '../../../adapters/telegram/receive/webhook.ts';
import { makeRedactor } from '../../../shared/redact.ts';
import { makeRecordingHost } from '../../contracts/adapter-host.ts';
import { makeFakeClock } from '../../support/fake-clock.ts';

const SECRET = 'the-secret-of-this-webhook';
const meta = { local: false, remote: '127.0.0.1' };

function open(take: (update: unknown) => Promise<void> = async () => {}) {
  const record = makeRecordingHost();
  const stopping = new AbortController();
  const taken: unknown[] = [];
  const handler = makeWebhookHandler({
    api: makeTelegramApi({ token: '1234:abcdefghijklmnop', apiRoot: 'http://127.0.0.1:9', fetch }),
    host: record.host,
    receiver: {
      async take(update) {
        await take(update);
        taken.push(update);
      },
      settle: async () => {},
    },
    redactor: makeRedactor(),
    clock: makeFakeClock(),
    signal: stopping.signal,
    webhook: { url: 'https://herald.example/', secret: SECRET },
  });
  const call = async (
    body: string | undefined,
    headers: Record<string, string> = { 'x-telegram-bot-api-secret-token': SECRET },
    method = 'POST',
  ) => (await handler(new Request('http://x/', { method, headers, ...(body !== undefined && { body }) }), meta)).status;
  return { call, taken, record, stopping };
}

describe('makeWebhookHandler', () => {
  it('answers 200 once the update is stored', async () => {
    const { call, taken } = open();
    expect(await call('{"update_id":1}')).toBe(200);
    expect(taken).toEqual([{ update_id: 1 }]);
  });

  it.each([
    ['no secret', {}],
    ['a wrong one', { 'x-telegram-bot-api-secret-token': 'the-secret-of-that-webhook' }],
    ['one that begins right', { 'x-telegram-bot-api-secret-token': SECRET.slice(0, -1) }],
    ['an empty one', { 'x-telegram-bot-api-secret-token': '' }],
  ])('refuses a request with %s, unread', async (_name, headers) => {
    const { call, taken, record } = open();
    expect(await call('{"update_id":1}', headers)).toBe(401);
    expect(taken).toEqual([]);
    expect(record.states).toEqual([]);
  });

  it('answers 500 when the update could not be stored, so that it comes again', async () => {
    const { call, taken } = open(() => Promise.reject(new Error('disk full')));
    expect(await call('{"update_id":1}')).toBe(500);
    expect(taken).toEqual([]);
  });

  it('refuses what is no update, too large, or comes while it stops', async () => {
    const { call, taken, stopping } = open();
    expect(await call('no json')).toBe(400);
    expect(await call(`"${'x'.repeat(1_100_000)}"`)).toBe(400);
    expect(await call(undefined, { 'x-telegram-bot-api-secret-token': SECRET }, 'GET')).toBe(405);
    stopping.abort();
    expect(await call('{"update_id":1}')).toBe(503);
    expect(taken).toEqual([]);
  });
});
