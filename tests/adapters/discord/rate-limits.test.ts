// Rate limits: what Discord says reaches the core, short waits are waited for, nothing hangs.
import { describe, expect, it } from 'vitest';
import { messageId, userId } from '../../../shared/ids.ts';
import { makeOutbound } from '../../contracts/adapter-samples.ts';
import { openRig, type Rig } from './rig.ts';

const SENDS = { method: 'POST', route: /^\/channels\/\d+\/messages$/ };
const send = ({ adapter, dm }: Rig, text: string, signal = AbortSignal.timeout(15_000)) =>
  adapter.send(dm, makeOutbound(text), signal);
const postsOf = ({ server }: Rig) =>
  server.calls.filter((call) => call.method === 'POST' && SENDS.route.test(call.route));

describe('a bucket that is empty', () => {
  it('is waited for when it fills soon, without asking Discord for a refusal', async () => {
    const rig = await openRig({ server: { bucket: { limit: 2, windowMs: 600 } } });
    for (let i = 0; i < 5; i++) expect(await send(rig, `part ${i}`)).toMatchObject({ ok: true });
    expect(postsOf(rig).map((call) => call.status)).toEqual([200, 200, 200, 200, 200]);
    expect(rig.server.sent(rig.dm.chat).map((message) => message.content)).toEqual(
      [0, 1, 2, 3, 4].map((i) => `part ${i}`),
    );
  });

  it('is told at once when it does not', async () => {
    const rig = await openRig({ server: { bucket: { limit: 2, windowMs: 60_000 } } });
    for (const text of ['one', 'two']) expect(await send(rig, text)).toMatchObject({ ok: true });
    const refused = await send(rig, 'three');
    expect(refused).toMatchObject({ ok: false, code: 'rate_limited', reached: 'no' });
    expect(!refused.ok && refused.retryAfterMs).toBeGreaterThan(50_000);
    expect(postsOf(rig)).toHaveLength(2);
  });

  it('of one channel does not hold up another', async () => {
    const rig = await openRig({ server: { bucket: { limit: 1, windowMs: 60_000 } } });
    const eve = rig.server.person(6_001, 'Eve');
    await send(rig, 'one');
    const other = await rig.adapter.openDm?.(userId(eve.user.id));
    if (!other) throw new Error('no DM');
    expect(await rig.adapter.send(other, makeOutbound('hi'), AbortSignal.timeout(5_000))).toMatchObject({ ok: true });
  });
});

describe('a refusal', () => {
  it('for a minute comes back as one, at once, and the next send is not even tried', async () => {
    const rig = await openRig();
    rig.server.fail({ ...SENDS, status: 429, retryAfterMs: 65_000 });
    expect(await send(rig, 'one')).toMatchObject({
      ok: false,
      code: 'rate_limited',
      retryAfterMs: 65_000,
      reached: 'no',
    });
    expect(await send(rig, 'two')).toMatchObject({ ok: false, code: 'rate_limited', reached: 'no' });
    expect(postsOf(rig)).toHaveLength(1);
  });

  it('of all calls stops them all', async () => {
    const rig = await openRig();
    rig.server.fail({ ...SENDS, status: 429, retryAfterMs: 30_000, global: true });
    expect(await send(rig, 'one')).toMatchObject({ ok: false, code: 'rate_limited', retryAfterMs: 30_000 });
    const edited = await rig.adapter.edit?.(rig.dm, messageId('1'), makeOutbound('x'), AbortSignal.timeout(5_000));
    expect(edited).toMatchObject({ ok: false, code: 'rate_limited', reached: 'no' });
  });

  it('by a page of a proxy that names no time is one of a second', async () => {
    const rig = await openRig();
    rig.server.fail({ ...SENDS, status: 429, text: '<html>error 1015</html>' });
    expect(await send(rig, 'one')).toMatchObject({ ok: false, code: 'rate_limited', retryAfterMs: 1_000 });
  });

  it('in the middle of several messages is waited for', async () => {
    const rig = await openRig();
    const long = Array.from({ length: 68 }, (_, i) => `word\\_${i}\\* and more text here`).join('\n\n');
    rig.server.fail({ ...SENDS, delayMs: 0 });
    rig.server.fail({ ...SENDS, status: 429, retryAfterMs: 1_000 });
    const result = await send(rig, long);
    expect(result.ok && result.ids).toHaveLength(2);
  });

  it('ends at once for who gives up', async () => {
    const rig = await openRig({ server: { bucket: { limit: 2, windowMs: 4_000 } } });
    for (const text of ['one', 'two']) await send(rig, text);
    const result = await send(rig, 'three', AbortSignal.timeout(50));
    expect(result).toMatchObject({ ok: false, reached: 'no' });
    expect(postsOf(rig)).toHaveLength(2);
  });
});

describe('more than fifty calls a second', () => {
  it('are spread, none refused', async () => {
    const rig = await openRig();
    const results = await Promise.all(Array.from({ length: 70 }, (_, i) => send(rig, `burst ${i}`)));
    expect(results.every((result) => result.ok)).toBe(true);
    const at = postsOf(rig).map((call) => call.atMs);
    expect((at.at(-1) ?? 0) - (at[0] ?? 0)).toBeGreaterThan(700);
  });
});
