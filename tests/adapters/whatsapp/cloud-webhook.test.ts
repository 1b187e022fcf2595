import { createHmac } from 'node:crypto';
import { describe, expect, it, onTestFinished } from 'vitest';
import { makeWebhookHandler } from '../../../adapters/whatsapp/cloud/webhook.ts';
import { makeRecordingHost } from '../../contracts/adapter-host.ts';
import { openRig } from './cloud-harness.ts';

const SECRET = 'the-secret-of-this-app';
const WORD = 'the-word-of-this-webhook';
const meta = { local: false, remote: '127.0.0.1' };

function open(take: (body: unknown) => Promise<void> = async () => {}) {
  const record = makeRecordingHost();
  const stopping = new AbortController();
  const taken: unknown[] = [];
  const handler = makeWebhookHandler({
    host: record.host,
    receiver: {
      async take(body) {
        await take(body);
        taken.push(body);
      },
    },
    signal: stopping.signal,
    appSecret: SECRET,
    verifyToken: WORD,
  });
  const sign = (body: string | Buffer) => `sha256=${createHmac('sha256', SECRET).update(body).digest('hex')}`;
  const post = async (body: string, signature = sign(body)) =>
    (
      await handler(
        new Request('http://x/', { method: 'POST', body, headers: { 'x-hub-signature-256': signature } }),
        meta,
      )
    ).status;
  const get = async (query: string) => {
    const response = await handler(new Request(`http://x/?${query}`), meta);
    return [response.status, await response.text()];
  };
  return { post, get, sign, taken, record, stopping, handler };
}

describe('the challenge', () => {
  it('is repeated to who knows the word', async () => {
    const { get } = open();
    expect(await get(`hub.mode=subscribe&hub.verify_token=${WORD}&hub.challenge=12345`)).toEqual([200, '12345']);
  });

  it.each([
    '',
    `hub.mode=subscribe&hub.verify_token=wrong&hub.challenge=1`,
    `hub.mode=subscribe&hub.verify_token=${WORD}x&hub.challenge=1`,
    `hub.verify_token=${WORD}&hub.challenge=1`,
    `hub.mode=subscribe&hub.verify_token=${WORD}`,
    `hub.mode=subscribe&hub.verify_token=${WORD}&hub.challenge=%3Cscript%3E`,
  ])('is refused otherwise: %j', async (query) => {
    expect((await open().get(query))[0]).toBe(403);
  });
});

describe('a request', () => {
  it('is answered with 200 once it is stored', async () => {
    const { post, taken, record } = open();
    expect(await post('{"a":1}')).toBe(200);
    expect(taken).toEqual([{ a: 1 }]);
    expect(record.states.at(-1)?.state).toBe('online');
  });

  it('is signed over its bytes, not over what they mean', async () => {
    const { post, sign, taken } = open();
    expect(await post('{"a": 1}', sign('{"a":1}'))).toBe(401);
    expect(await post('{"text":"\\u00e9"}', sign('{"text":"é"}'))).toBe(401);
    expect(await post('{"text":"日本語 é"}')).toBe(200);
    expect(taken).toHaveLength(1);
  });

  it.each([
    ['none', ''],
    ['the wrong one', `sha256=${'0'.repeat(64)}`],
    ['of another kind', `sha1=${createHmac('sha1', SECRET).update('{}').digest('hex')}`],
    ['without its kind', createHmac('sha256', SECRET).update('{}').digest('hex')],
    ['of another secret', `sha256=${createHmac('sha256', 'other').update('{}').digest('hex')}`],
  ])('is refused unread when its signature is %s', async (_name, signature) => {
    const { post, taken, record } = open();
    expect(await post('{}', signature)).toBe(401);
    expect(taken).toEqual([]);
    expect(record.states).toEqual([]);
  });

  it('is answered with 500 when it could not be stored, so that it comes again', async () => {
    const { post, record } = open(() => Promise.reject(new Error('disk full')));
    expect(await post('{}')).toBe(500);
    expect(record.logs.join()).not.toContain('disk full');
  });

  it('is refused when it is no JSON, too large, of another method, or comes while it stops', async () => {
    const { post, taken, stopping, handler } = open();
    expect(await post('no json')).toBe(400);
    expect(await post(`"${'x'.repeat(4_300_000)}"`)).toBe(413);
    expect((await handler(new Request('http://x/', { method: 'PUT', body: '{}' }), meta)).status).toBe(405);
    stopping.abort();
    expect(await post('{}')).toBe(503);
    expect(taken).toEqual([]);
  });
});

describe('requests at once', () => {
  it('are stored in the order of their arrival', async () => {
    const rig = await openRig();
    onTestFinished(() => rig.close());
    const { handler } = rig.record;
    if (!handler) throw new Error('nothing is served');
    rig.record.failNext(0);
    const body = (text: string) =>
      JSON.stringify({
        object: 'whatsapp_business_account',
        entry: [
          {
            changes: [
              {
                field: 'messages',
                value: {
                  metadata: { phone_number_id: '106540352242922', display_phone_number: '15550783881' },
                  contacts: [{ wa_id: '15550002222', profile: { name: 'Ada' } }],
                  messages: [
                    {
                      from: '15550002222',
                      id: `wamid.${text}`,
                      timestamp: String(Math.floor(Date.now() / 1_000)),
                      type: 'text',
                      text: { body: text },
                    },
                  ],
                },
              },
            ],
          },
        ],
      });
    const texts = Array.from({ length: 20 }, (_, i) => `n${i}`);
    const statuses = await Promise.all(texts.map((text) => rig.api.callWebhook(body(text))));
    expect(new Set(statuses)).toEqual(new Set([200]));
    expect(new Set(rig.record.received.map(({ text }) => text))).toEqual(new Set(texts));
  });
});
