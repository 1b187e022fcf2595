// What the contract does not ask of a webhook: signatures, replays, and what is posted.
import { afterEach, describe, expect, it } from 'vitest';
import { secretBytes, signedHeaders, verifySigned } from '../../../shared/webhook-signature.ts';
import { webhookManifest } from '../../../adapters/webhook/manifest.ts';
import { loginWebhook } from '../../../adapters/webhook/login.ts';
import { makeRecordingHost, type RecordingHost } from '../../contracts/adapter-host.ts';
import { Program } from './program.ts';
import { makeAdapter, SECRET } from './webhook-harness.ts';

const key = secretBytes(SECRET) ?? Buffer.alloc(0);

describe('a signature', () => {
  // The example of the specification's libraries.
  it('is that of Standard Webhooks', () => {
    const headers = signedHeaders(key, {
      id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      body: '{"test": 2432232314}',
      now: 1_614_265_330_000,
    });
    expect(headers['webhook-signature']).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
  });

  const body = '{"id":"1"}';
  const now = 1_700_000_000_000;
  const signed = (change: Record<string, string> = {}) =>
    verifySigned(key, new Headers({ ...signedHeaders(key, { id: 'm1', body, now }), ...change }), { body, now });

  it.each([
    ['as it should be', {}, true],
    [
      'among others',
      { 'webhook-signature': `v1,AAAA ${signedHeaders(key, { id: 'm1', body, now })['webhook-signature']}` },
      true,
    ],
    ['of another body', { 'webhook-signature': 'v1,AAAA' }, false],
    ['of another version', { 'webhook-signature': 'v2,AAAA' }, false],
    ['without an id', { 'webhook-id': '' }, false],
    ['of a time that is no number', { 'webhook-timestamp': 'now' }, false],
    ['of long ago', { 'webhook-timestamp': String(now / 1000 - 301) }, false],
    ['of the future', { 'webhook-timestamp': String(now / 1000 + 301) }, false],
  ])('%s', (_what, change, ok) => {
    expect(signed(change).ok).toBe(ok);
  });

  it.each([
    ['whsec_c2hvcnQ=', false],
    ['short', false],
    ['twenty-four characters!!!', true],
  ])('the secret %s is taken: %s', (secret, ok) => {
    expect(secretBytes(secret) !== undefined).toBe(ok);
  });
});

describe('posts', () => {
  let record: RecordingHost;
  let program: Program;
  let stop: () => Promise<void>;
  const open = async () => {
    program = new Program(SECRET);
    await program.listen();
    record = makeRecordingHost();
    const adapter = makeAdapter(program.url);
    stop = () => adapter.stop();
    await adapter.start(record.host);
    program.handler = async (request) => record.handler?.(request, { local: false, remote: '' }) ?? new Response();
  };
  afterEach(async () => {
    await stop();
    await program.close();
    await record.close();
  });

  it('that are forged, replayed late or sent elsewhere are refused with a reason', async () => {
    await open();
    const good = '{"id":"1","user":"ann","text":"hi"}';
    expect((await program.postOnce(good, { 'webhook-signature': 'v1,AAAA' }))?.status).toBe(401);
    expect((await program.postOnce(good, { 'webhook-timestamp': '1' }))?.status).toBe(401);
    expect((await record.handler?.(new Request('http://x/messages'), { local: false, remote: '' }))?.status).toBe(404);
    expect(await (await program.postOnce('{"id":"1"}'))?.json()).toEqual({
      error: 'This cannot be understood: user. Nothing was taken.',
    });
    expect(record.received).toEqual([]);
  });

  it('that could not be stored are to be repeated, and repeated ones are one message', async () => {
    await open();
    const good = '{"id":"1","user":"ann","text":"hi"}';
    record.failNext(1);
    expect((await program.postOnce(good))?.status).toBe(503);
    expect(await (await program.postOnce(good))?.json()).toEqual({ id: '1', state: 'new' });
    expect(await (await program.postOnce(good))?.json()).toEqual({ id: '1', state: 'duplicate' });
  });
});

describe('setting up', () => {
  it('makes a secret, shows it once, and says what the program must do', async () => {
    const shown: string[] = [];
    const result = await loginWebhook({
      ask: async () => 'http://127.0.0.1:9000/herald',
      choose: async () => '',
      show: (step) => void shown.push(JSON.stringify(step)),
      say: () => undefined,
      fetch,
      signal: new AbortController().signal,
    });
    expect(result.settings).toEqual({ url: 'http://127.0.0.1:9000/herald' });
    expect(secretBytes(result.secrets['secret'] ?? '')).toHaveLength(32);
    expect(shown.join()).toContain(result.secrets['secret']);
  });

  it('tells an address at which nobody answers', async () => {
    const program = new Program(SECRET);
    await program.listen();
    const input = { platform: 'webhook', account: 'a' as never, settings: { url: program.url, secret: SECRET }, fetch };
    const { signal } = new AbortController();
    expect(await webhookManifest.verify?.(input, signal)).toMatchObject({ ok: true });
    await program.close();
    expect(await webhookManifest.verify?.(input, signal)).toMatchObject({ ok: false, reason: 'unreachable' });
  });
});
