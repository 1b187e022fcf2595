// What each operation of the control API does, on a real core and database.
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { listAudit } from '../../../data/process/audit.ts';
import { getOutboxByKey } from '../../../data/process/outbox.ts';
import { personScope } from '../../../data/scope.ts';
import { changeSession, currentSession } from '../../../data/sessions.ts';
import { userId } from '../../../shared/ids.ts';
import { openControl, type ControlFixture } from './fixture.ts';

let control: ControlFixture | undefined;
afterEach(async () => {
  await control?.gateway.close();
  control = undefined;
});
const open = async (options: Parameters<typeof openControl>[0] = {}) => (control = await openControl(options));

/** The owner with one exchange behind them. */
async function openWithTalk(text = 'hello there') {
  const fixture = await open();
  const owner = await fixture.gateway.pair(fixture.fake, 'ann');
  await fixture.fake.say(text);
  await fixture.gateway.settle();
  return { ...fixture, owner };
}

describe('status and the process', () => {
  it('tells what the gateway says, through the output schema', async () => {
    const { call } = await openWithTalk();
    const status = await call('status', {});
    expect(status).toMatchObject({ version: 'test', persons: 1, inbox: { answered: 1 }, outbox: { sent: 1 } });
    expect(status.adapters).toMatchObject([{ platform: 'fake', state: 'online' }]);
  });

  it('passes stop, restart, reload and backup on', async () => {
    const { call, asked } = await open();
    await call('stop', { reason: 'night' });
    await call('restart', {});
    await call('reload', {});
    expect(await call('backup', { file: '/tmp/x.db' })).toEqual({ file: '/tmp/x.db' });
    expect(asked).toEqual(['stop night', 'restart asked on the command line', 'reload', 'backup /tmp/x.db']);
  });

  it('adds the prompt up', async () => {
    const { call, context } = await open();
    context.promptSize = async () => [
      { name: 'identity', tokens: 20, chars: 80 },
      { name: 'tools', tokens: 300, chars: 1200 },
    ];
    expect((await call('prompt-size', {})).total).toBe(320);
  });
});

describe('send', () => {
  it('goes to the chat that the owner last wrote in, and tells its delivery', async () => {
    const { call, fake, gateway } = await openWithTalk();
    const sent = await call('send', { text: 'from a script' });
    expect(sent.target).toBe('fake:ann');
    expect((await call('delivery', { key: sent.key })).parts).toEqual([
      { state: expect.stringMatching(/pending|sending/) },
    ]);
    await gateway.settle();
    expect(fake.texts().at(-1)).toBe('from a script');
    expect((await call('delivery', { key: sent.key })).parts).toEqual([{ state: 'sent' }]);
  });

  it('finds a chat by platform and by name, and no chat of anybody else', async () => {
    const { call, fake, gateway } = await openWithTalk();
    await gateway.pair(fake, 'bob', 'member');
    await fake.say('I am bob', { user: 'bob' });
    await gateway.settle();
    expect((await call('send', { text: 'x', to: 'fake' })).target).toBe('fake:ann');
    expect((await call('send', { text: 'x', to: 'fake:ann' })).target).toBe('fake:ann');
    await expect(call('send', { text: 'x', to: 'fake:bob' })).rejects.toMatchObject({ code: 'not_found' });
    expect((await call('send', { text: 'x', to: 'fake:bob', person: 'bob' })).target).toBe('fake:bob');
    expect((await call('targets', {})).map((entry) => entry.target)).toEqual(['fake:ann']);
  });

  it('says what to do when nobody is paired, or has written yet', async () => {
    const { call, fake, gateway } = await open();
    await expect(call('send', { text: 'x' })).rejects.toMatchObject({ code: 'not_found' });
    await gateway.pair(fake, 'ann');
    await expect(call('send', { text: 'x' })).rejects.toThrow(/write to Herald once/);
  });

  it('keeps a file of its own before it is sent', async () => {
    const { call, gateway, context } = await openWithTalk();
    const file = path.join(gateway.home, 'chart.png');
    fs.writeFileSync(file, 'png bytes');
    const { key } = await call('send', { text: '', file });
    fs.rmSync(file);
    const row = await getOutboxByKey(context.db, `${key}.1`);
    expect(row?.files).toMatchObject([{ mime: 'image/png', bytes: 9, kind: 'image' }]);
    expect(fs.readFileSync(row?.files[0]?.path ?? '', 'utf8')).toBe('png bytes');
  });

  it('refuses a file that is not there or too large, and sends nothing', async () => {
    const { call, gateway, fake } = await openWithTalk();
    const before = fake.sent.length;
    await expect(call('send', { text: 'x', file: '/nonexistent' })).rejects.toMatchObject({ code: 'not_found' });
    await expect(call('send', { text: 'x', file: gateway.home })).rejects.toMatchObject({ code: 'not_found' });
    const large = path.join(gateway.home, 'large.bin');
    fs.writeFileSync(large, Buffer.alloc(2_000));
    await expect(call('send', { text: 'x', file: large })).rejects.toMatchObject({ code: 'bad_input' });
    await gateway.settle();
    expect(fake.sent.length).toBe(before);
  });
});

describe('pairing', () => {
  const stranger = { platform: 'fake', user: userId('eve'), name: 'Eve' };

  it('lists, approves with a welcome in the chat, and revokes', async () => {
    const { call, pairing, fake, gateway } = await open();
    const asked = await pairing.requestCode({ ...stranger, account: fake.address().account }, fake.address('eve'));
    if (!asked.ok) throw new Error('a code was expected');
    expect((await call('pairing.list', {})).pending).toMatchObject([
      { platform: 'fake', user: 'eve', userName: 'Eve' },
    ]);
    const approved = await call('pairing.approve', { platform: 'fake', code: asked.code.toLowerCase() });
    expect(approved).toMatchObject({ name: 'Eve', role: 'owner', firstOwner: true });
    await gateway.settle();
    expect(fake.texts('eve')).toHaveLength(1);
    expect(fake.texts('eve')[0]).toMatch(/owner/);
    expect((await call('pairing.list', {})).paired).toMatchObject([{ user: 'eve', role: 'owner' }]);
    expect((await call('pairing.list', { platform: 'other' })).paired).toEqual([]);
    expect(await call('pairing.revoke', { platform: 'fake', user: 'eve' })).toEqual({ removed: 1 });
    await expect(call('pairing.revoke', { platform: 'fake', user: 'eve' })).rejects.toMatchObject({
      code: 'not_found',
    });
  });

  it('keeps the welcome for the next start when no gateway runs', async () => {
    const { call, pairing, fake, context } = await open({ offline: true });
    const asked = await pairing.requestCode({ ...stranger, account: fake.address().account }, fake.address('eve'));
    if (!asked.ok) throw new Error('a code was expected');
    await call('pairing.approve', { platform: 'fake', code: asked.code });
    const rows = await context.db.query.selectFrom('outbox').select(['chat', 'state', 'kind']).execute();
    expect(rows).toEqual([{ chat: 'eve', state: 'pending', kind: 'notice' }]);
  });

  it('locks after five wrong codes, and says for how long', async () => {
    const { call } = await open();
    for (let attempt = 0; attempt < 5; attempt++)
      await expect(call('pairing.approve', { platform: 'fake', code: 'AAAABBB2' })).rejects.toMatchObject({
        code: 'not_found',
      });
    await expect(call('pairing.approve', { platform: 'fake', code: 'AAAABBB2' })).rejects.toThrow(
      /locked for 60 more minutes/,
    );
  });

  it('forgets open requests', async () => {
    const { call, pairing, fake } = await open();
    await pairing.requestCode({ ...stranger, account: fake.address().account }, fake.address('eve'));
    expect(await call('pairing.clear-pending', { platform: 'fake' })).toEqual({ cleared: 1 });
    expect((await call('pairing.list', {})).pending).toEqual([]);
  });

  it('makes an owner code with its link, which works', async () => {
    const { call, pairing, fake } = await open();
    const { code, link } = await call('link-code', {});
    expect(link).toBe(`http://page/#link=${code}`);
    const redeemed = await pairing.redeem(code, { ...stranger, account: fake.address().account });
    expect(redeemed).toMatchObject({ ok: true, how: 'owner' });
  });
});

describe('sessions', () => {
  it('lists, shows, searches and exports what was said', async () => {
    const { call } = await openWithTalk('the red bicycle');
    const [first] = await call('sessions.list', {});
    expect(first).toMatchObject({ messages: 2, opening: 'the red bicycle' });
    const shown = await call('sessions.show', { session: (first?.id ?? '').slice(0, 20) });
    expect(shown.messages.map((message) => [message.role, message.text])).toEqual([
      ['user', 'the red bicycle'],
      ['assistant', 'echo: the red bicycle'],
    ]);
    expect(await call('sessions.search', { query: 'bicycle' })).toHaveLength(2);
    expect((await call('sessions.export', { session: first?.id ?? '' })).messages).toHaveLength(2);
  });

  it('finds by title, and asks for more when several fit', async () => {
    const { call, context, owner, fake, gateway } = await openWithTalk();
    const scope = personScope(owner.id);
    const one = await currentSession(context.db, scope);
    await fake.say('/new');
    await gateway.settle();
    await fake.say('again');
    await gateway.settle();
    const two = await currentSession(context.db, scope);
    if (!one || !two) throw new Error('two sessions were expected');
    await changeSession(context.db, scope, one.id, { title: 'Trip to Rome' });
    await changeSession(context.db, scope, two.id, { title: 'Trip to Oslo' });
    expect((await call('sessions.show', { session: 'trip to rome' })).session.id).toBe(one.id);
    await expect(call('sessions.show', { session: 'trip' })).rejects.toMatchObject({ code: 'bad_input' });
    await expect(call('sessions.show', { session: 'nothing' })).rejects.toMatchObject({ code: 'not_found' });
  });

  it('deletes for good', async () => {
    const { call } = await openWithTalk('forget the otter');
    const [first] = await call('sessions.list', {});
    await call('sessions.delete', { session: first?.id ?? '' });
    expect(await call('sessions.list', {})).toEqual([]);
    expect(await call('sessions.search', { query: 'otter' })).toEqual([]);
  });

  it("reads another person's only when that person is named, and notes it", async () => {
    const { call, fake, gateway, context } = await openWithTalk('mine');
    const bob = await gateway.pair(fake, 'bob', 'member');
    await fake.say('the secret of bob', { user: 'bob' });
    await gateway.settle();
    expect(await call('sessions.search', { query: 'secret' })).toEqual([]);
    expect(await call('sessions.search', { query: 'secret', person: 'BOB' })).toHaveLength(2);
    expect(await call('sessions.search', { query: 'secret', person: 'fake:bob' })).toHaveLength(2);
    await expect(call('sessions.search', { query: 'x', person: 'carol' })).rejects.toThrow(/Known: ann, bob/);
    const noted = (await listAudit(context.db, 20)).filter((entry) => entry.action === 'sessions.search');
    expect(noted).toHaveLength(2);
    expect(noted.every((entry) => entry.actor === 'cli' && entry.subject === bob.id)).toBe(true);
  });
});

describe('usage', () => {
  it('sums the calls of the last days for one person', async () => {
    const { call, context, owner } = await openWithTalk();
    const scope = personScope(owner.id);
    const { reserveUsage, settleUsage } = await import('../../../data/usage.ts');
    const caps = {
      turnMicroUsd: null,
      personDayMicroUsd: null,
      dayMicroUsd: null,
      turnTokens: null,
      personDayTokens: null,
      dayTokens: null,
    };
    const reserved = await reserveUsage(context.db, scope, {
      session: undefined,
      turn: undefined,
      cause: 'turn',
      provider: 'p',
      model: 'm',
      tokens: 100,
      microUsd: 50,
      costKnown: true,
      dayStart: 0,
      caps,
    });
    if (!reserved.ok) throw new Error('no cap is set');
    const actual = {
      provider: 'p',
      model: 'm',
      input: 10,
      output: 5,
      cacheRead: 1,
      cacheWrite: 0,
      reasoning: 0,
      microUsd: 30,
      costKnown: true,
    };
    await settleUsage(context.db, scope, reserved.id, actual);
    expect((await call('usage', {})).models).toMatchObject([
      { provider: 'p', model: 'm', calls: 1, input: 10, output: 5, microUsd: 30, unpriced: 0 },
    ]);
    await control?.gateway.clock.advance(31 * 24 * 3_600_000);
    expect((await call('usage', { days: 30 })).models).toEqual([]);
  });
});
