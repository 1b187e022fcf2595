// Webhooks that begin jobs: who may, what they are told, once per delivery.
import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { removeTrigger } from '../../../data/schedule/triggers.ts';
import { createPerson } from '../../../data/process/people.ts';
import { personScope } from '../../../data/scope.ts';
import { listArmedTriggers } from '../../../data/process/schedule/triggers.ts';
import { makeRateLimit } from '../../../gateway/triggers/rate-limit.ts';
import { fillTemplate, wholePayload } from '../../../gateway/triggers/template.ts';
import { addWebhook, makeWebhookHandler, type webhookSpec } from '../../../gateway/triggers/webhooks.ts';
import { AppError } from '../../../shared/errors.ts';
import { silentLog } from '../../../shared/log.ts';
import { secretBytes, signedHeaders } from '../../../shared/webhook-signature.ts';
import type { z } from 'zod';
import { openTemporaryData } from '../../data/temporary-data.ts';
import { makeNotingJobs } from './trigger-bench.ts';

async function open(spec: z.input<typeof webhookSpec>, failure?: AppError) {
  const { db, clock } = await openTemporaryData();
  const scope = personScope((await createPerson(db, { name: 'Ann', role: 'owner' })).id);
  const { begun, trigger } = makeNotingJobs(failure);
  const hook = await addWebhook(db, scope, { job: 'deploys', spec });
  const handler = makeWebhookHandler({ db, clock, log: silentLog, jobs: { trigger } });
  const post = async (headers: Record<string, string>, body: string, path = hook.path) => {
    const answer = await handler(new Request(`http://h${path}`, { method: 'POST', headers, body }), meta);
    return { status: answer.status, text: await answer.text(), after: answer.headers.get('retry-after') };
  };
  return { db, clock, scope, begun, hook, handler, post };
}

const meta = { local: false, remote: '127.0.0.1' };

const hub = (secret: string, body: string, event = 'push', delivery = 'd1') => ({
  'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
  'x-github-event': event,
  'x-github-delivery': delivery,
});

describe('GitHub', () => {
  test('a signed event begins the job once, with its text as somebody else’s', async () => {
    const at = await open({ format: 'github', template: 'New push to {{repository.name}} by {{pusher.name}}' });
    const body = JSON.stringify({ repository: { name: 'herald' }, pusher: { name: '{{repository.name}}' } });
    expect((await at.post(hub(at.hook.secret, body), body)).status).toBe(202);
    expect((await at.post(hub(at.hook.secret, body), body)).text).toContain('has begun a run before');
    expect(at.begun).toEqual([
      {
        job: 'deploys',
        input: {
          key: `${at.hook.id}.d1`,
          text: '[Webhook, event push]\nNew push to herald by {{repository.name}}',
          origin: 'foreign',
        },
      },
    ]);
    expect(await listArmedTriggers(at.db, { kind: 'hook' })).toMatchObject([{ fired: 1, firedAt: at.clock.now() }]);
  });

  test('deliveries whose long names begin alike are different ones', async () => {
    const at = await open({ format: 'github' });
    for (const end of ['1', '2', '2'])
      await at.post(hub(at.hook.secret, '{}', 'push', `${'x'.repeat(150)}${end}`), '{}');
    expect(at.begun).toHaveLength(2);
    for (const { input } of at.begun) expect(input.key.length).toBeLessThanOrEqual(100);
  });

  test('a ping is greeted, other events are passed over, and a wrong or missing signature begins nothing', async () => {
    const at = await open({ format: 'github', events: ['release'] });
    expect((await at.post(hub(at.hook.secret, '{}', 'ping'), '{}')).status).toBe(200);
    expect((await at.post(hub(at.hook.secret, '{}', 'push'), '{}')).status).toBe(202);
    expect((await at.post(hub('other', '{}', 'release'), '{}')).status).toBe(401);
    expect((await at.post(hub(at.hook.secret, '{} ', 'release'), '{}')).status).toBe(401);
    expect((await at.post({}, '{}')).status).toBe(401);
    expect(at.begun).toEqual([]);
  });
});

describe('a payload', () => {
  const deep = (levels: number) => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;

  test.each([undefined, 'See {{a}}'])(
    'that is nested without end is refused, whatever the template (%s)',
    async (template) => {
      const at = await open({ format: 'github', template });
      for (const body of [deep(65), deep(100_000), '['.repeat(400_000) + ']'.repeat(400_000)]) {
        const { status, text } = await at.post(hub(at.hook.secret, body), body);
        expect([status, text]).toEqual([422, expect.stringContaining('nested more than 64 deep. Nothing was begun')]);
      }
      const body = deep(64);
      expect((await at.post(hub(at.hook.secret, body), body)).status).toBe(202);
      expect(at.begun).toHaveLength(1);
    },
  );

  test('of a webhook that cannot be read begins nothing, and says what to do', async () => {
    const at = await open({ format: 'github' });
    await at.db.query.updateTable('triggers').set({ spec: '{' }).where('id', '=', at.hook.id).execute();
    const { status, text } = await at.post(hub(at.hook.secret, '{}'), '{}');
    expect([status, text]).toEqual([409, expect.stringContaining('make it anew')]);
  });
});

describe('GitLab', () => {
  test('its token and its names of events', async () => {
    const at = await open({ format: 'gitlab', events: ['merge request'] });
    const headers = {
      'x-gitlab-token': at.hook.secret,
      'x-gitlab-event': 'Merge Request Hook',
      'idempotency-key': 'k',
    };
    expect((await at.post(headers, '{"a":1}')).status).toBe(202);
    expect(at.begun.map(({ input }) => input.text)).toEqual(['[Webhook, event merge request]\n{\n "a": 1\n}']);
    expect((await at.post({ ...headers, 'x-gitlab-token': 'x' }, '{}')).status).toBe(401);
    expect((await at.post({}, '{}')).status).toBe(401);
  });
});

describe('Standard Webhooks', () => {
  test('signed just now; an old or a changed post is refused', async () => {
    const at = await open({ format: 'standard', events: ['invoice.paid'] });
    const key = secretBytes(at.hook.secret) ?? Buffer.alloc(0);
    const body = '{"data":{"type":"x"},"type":"invoice.paid"}';
    const signed = (ageMs: number, id: string) => signedHeaders(key, { id, body, now: at.clock.now() - ageMs });
    expect((await at.post(signed(0, 'm1'), body)).status).toBe(202);
    expect((await at.post(signed(600_000, 'm2'), body)).status).toBe(401);
    expect((await at.post(signed(0, 'm3'), body.replace('paid', 'void'))).status).toBe(401);
    expect(at.begun.map(({ input }) => input.key)).toEqual([`${at.hook.id}.m1`]);
  });
});

describe('the address', () => {
  test('is not guessed, not read, and gone when it was removed', async () => {
    const at = await open({ format: 'github' });
    expect(at.hook.id).toMatch(/^[\w-]{24}$/);
    expect((await at.post(hub(at.hook.secret, '{}'), '{}', `/hooks/${'x'.repeat(24)}`)).status).toBe(404);
    expect((await at.handler(new Request(`http://h${at.hook.path}`), meta)).status).toBe(405);
    expect(await removeTrigger(at.db, at.scope, at.hook.id)).toBe(true);
    expect((await at.post(hub(at.hook.secret, '{}'), '{}')).status).toBe(404);
  });

  test('too many posts wait, a huge one is refused, and what failed may be sent again', async () => {
    const at = await open({ format: 'github', perMinute: 2 });
    const big = 'x'.repeat(1024 * 1024 + 1);
    expect((await at.post(hub(at.hook.secret, big), big)).status).toBe(413);
    expect((await at.post(hub(at.hook.secret, '1', 'push', 'a'), '1')).status).toBe(202);
    expect(await at.post(hub(at.hook.secret, '2', 'push', 'b'), '2')).toMatchObject({ status: 429, after: '30' });
    await at.clock.advance(30_000);
    expect((await at.post(hub(at.hook.secret, '2', 'push', 'b'), '2')).status).toBe(202);
    const broken = await open({ format: 'github' }, new AppError('db_locked', 'busy'));
    expect(await broken.post(hub(broken.hook.secret, '{}'), '{}')).toMatchObject({ status: 503, after: '30' });
    const gone = await open({ format: 'github' }, new AppError('not_found', 'There is no job deploys.'));
    expect((await gone.post(hub(gone.hook.secret, '{}'), '{}')).status).toBe(409);
  });
});

describe('templates', () => {
  test('reach values only, never what is behind an object', () => {
    const payload = { a: { b: [10, { c: 'x' }] }, n: null, big: 'y'.repeat(9_000) };
    expect(
      fillTemplate('{{a.b.0}} {{ a.b.1.c }} {{a.b.1}} [{{n}}{{a.none.x}}{{constructor.name}}{{a.b.length}}]', payload),
    ).toBe('10 x {"c":"x"} [2]');
    expect(fillTemplate('{{big}}', payload)).toMatch(/^y{4000}… \[cut: 5000 characters more\]$/);
    expect(wholePayload('z'.repeat(30_000))).toHaveLength(20_000 + '… [cut: 10000 characters more]'.length);
  });
});

test('a bucket per key fills again with time, also after the clock went back', async () => {
  const { clock } = await openTemporaryData();
  const limit = makeRateLimit(clock);
  expect([limit.take('a', 1), limit.take('a', 1), limit.take('b', 1)]).toEqual([0, 60_000, 0]);
  await clock.advance(59_999);
  expect(limit.take('a', 1)).toBeGreaterThan(0);
  await clock.advance(2);
  expect(limit.take('a', 1)).toBe(0);
});
