// How parts of the outbox reach a chat: order, retries, uncertainty, age.
import { afterEach, describe, expect, it } from 'vitest';
import type { Capabilities } from '../../adapters/capabilities.ts';
import type { SendCode, SendResult } from '../../adapters/contract.ts';
import { makeFakePlatform } from '../support/fake-platform.ts';
import { answer, openTestGateway, type RunTurn, type TestGateway } from '../support/gateway.ts';

let gateway: TestGateway | undefined;
afterEach(async () => {
  await gateway?.close();
  gateway = undefined;
});

async function open(capabilities: Partial<Capabilities> = {}, run?: RunTurn) {
  const fake = makeFakePlatform({ capabilities });
  const opened = await openTestGateway({ platforms: [fake], ...(run && { run }) });
  gateway = opened;
  await opened.pair(fake, 'ann');
  return { fake, gateway: opened };
}

const failed = (code: SendCode, reached: 'no' | 'maybe', retryAfterMs?: number): SendResult => ({
  ok: false,
  code,
  reached,
  ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  cause: new Error(`${code} in a test`),
});

const outboxStates = async (opened: TestGateway) =>
  (await opened.db.query.selectFrom('outbox').select(['state', 'kind']).orderBy('seq').execute()).map(
    (row) => `${row.kind} ${row.state}`,
  );

describe('a part that was not taken', () => {
  it('is sent again after retry-after, and later parts keep their place', async () => {
    const { fake, gateway } = await open();
    fake.failures.push({ result: failed('rate_limited', 'no', 30_000), arrives: false });
    await fake.say('one');
    await gateway.settle();
    await fake.say('two', { sentAt: gateway.clock.now() + 60_000 });
    await gateway.settle();
    expect(fake.texts()).toEqual([]);
    await gateway.clock.advance(29_000);
    await gateway.settle();
    expect(fake.texts()).toEqual([]);
    await gateway.clock.advance(1_500);
    await gateway.settle();
    expect(fake.texts()).toEqual(['echo: one', 'echo: two']);
  });

  it('is tried again with growing pauses for as long as it is worth it', async () => {
    const { fake, gateway } = await open();
    for (let i = 0; i < 8; i++) fake.failures.push({ result: failed('unreachable', 'no'), arrives: false });
    await fake.say('one');
    await gateway.settle();
    await gateway.clock.advance(20 * 60_000);
    await gateway.settle();
    expect(fake.texts()).toEqual(['echo: one']);
  });

  it('for its markup is sent plain', async () => {
    const { fake, gateway } = await open();
    fake.failures.push({ result: failed('format', 'no'), arrives: false });
    await fake.say('*odd');
    await gateway.settle();
    expect(fake.sent).toEqual([expect.objectContaining({ plain: true })]);
  });

  it('for good is told in another chat of the person', async () => {
    const first = makeFakePlatform({ id: 'one' });
    const second = makeFakePlatform({ id: 'two' });
    const opened = await openTestGateway({ platforms: [first, second] });
    gateway = opened;
    const person = await opened.pair(first, 'ann');
    await opened.db.query
      .insertInto('identities')
      .values({
        platform: 'two',
        account: second.account.account,
        user_id: (await opened.db.query.selectFrom('identities').select('user_id').executeTakeFirstOrThrow()).user_id,
        person_id: person.id,
        name: 'ann',
        created_at: 0,
      })
      .execute();
    await second.say('hi from two');
    await opened.settle();
    first.failures.push({ result: failed('forbidden', 'no'), arrives: false });
    await first.say('hi from one', { sentAt: opened.clock.now() + 60_000 });
    await opened.settle();
    expect(first.texts()).toEqual([]);
    expect(second.texts().at(-1)).toContain('echo: hi from one');
  });
});

describe('a part that may have arrived', () => {
  it('is not repeated where that could show it twice: the person is asked', async () => {
    const { fake, gateway } = await open({ sendDedupe: 'none' });
    fake.failures.push({ result: failed('unreachable', 'maybe'), arrives: true });
    await fake.say('one');
    await gateway.settle();
    await gateway.clock.advance(3_600_000);
    await gateway.settle();
    expect(fake.texts()).toEqual([
      'echo: one',
      expect.stringContaining('cannot tell whether this message reached you'),
    ]);
    expect(await outboxStates(gateway)).toEqual(['answer uncertain', 'notice sent']);
  });

  it('is sent again when the person presses the button', async () => {
    const { fake, gateway } = await open({ sendDedupe: 'none' });
    fake.failures.push({ result: failed('unreachable', 'maybe'), arrives: false });
    await fake.say('one');
    await gateway.settle();
    const button = fake.sent.at(-1)?.buttons[0];
    expect(button?.label).toBe('Send again');
    await fake.say('', { kind: 'button', button: { data: button?.data ?? '', message: fake.address().chat as never } });
    await gateway.settle();
    expect(fake.texts().filter((text) => text === 'echo: one')).toHaveLength(1);
  });

  it('is repeated by key where the platform ignores the second', async () => {
    const { fake, gateway } = await open({ sendDedupe: 'by-key' });
    fake.failures.push({ result: failed('unreachable', 'maybe'), arrives: true });
    await fake.say('one');
    await gateway.settle();
    await gateway.clock.advance(60_000);
    await gateway.settle();
    expect(fake.texts()).toEqual(['echo: one']);
    expect(await outboxStates(gateway)).toEqual(['answer sent']);
  });

  it('because the process died while sending is settled at the next start', async () => {
    const { fake, gateway: first } = await open({ sendDedupe: 'none' });
    await first.db.query
      .insertInto('outbox')
      .values({
        key: 'k.1',
        chat_key: `fake\u001fbot\u001fann\u001f`,
        platform: 'fake',
        account: fake.account.account,
        chat: fake.address().chat,
        thread: '',
        chat_kind: 'dm',
        turn_id: null,
        person_id: (await first.db.query.selectFrom('persons').select('id').executeTakeFirstOrThrow()).id,
        kind: 'answer',
        part: 1,
        parts: 1,
        text: 'half sent',
        files: '[]',
        buttons: '[]',
        reply_to: null,
        edit_of: null,
        silent: 0,
        plain: 0,
        state: 'sending',
        attempts: 1,
        due_at: 0,
        expires_at: first.clock.now() + 1e9,
        sent_ids: null,
        error: null,
        created_at: 0,
        updated_at: 0,
      })
      .execute();
    const home = await first.crash();
    gateway = await openTestGateway({ platforms: [fake], home, clock: first.clock });
    await gateway.settle();
    expect(fake.texts()).toEqual([expect.stringContaining('half sent')]);
    expect(await outboxStates(gateway)).toEqual(['answer uncertain', 'notice sent']);
  });
});

describe('age', () => {
  it('a hundred answers that could not go out for a day become one line', async () => {
    const { fake, gateway } = await open();
    for (let i = 0; i < 400; i++) fake.failures.push({ result: failed('unreachable', 'no'), arrives: false });
    await fake.say('first');
    await gateway.settle();
    for (let i = 0; i < 100; i++) await gateway.core.actions.post(fake.address(), `report ${i}`, { kind: 'message' });
    await gateway.clock.advance(25 * 3_600_000);
    await gateway.settle();
    fake.failures.length = 0;
    await gateway.clock.advance(600_000);
    await gateway.settle();
    expect(fake.texts()).toHaveLength(1);
    expect(fake.texts()[0]).toContain('101 old answers were');
  });
});

describe('streaming', () => {
  const slow: RunTurn = async (turn) => {
    turn.emit({ type: 'text', delta: 'A first part that is long enough, ' });
    await gatewayRef?.clock.sleep(2_000);
    turn.emit({ type: 'text', delta: 'and a second.' });
    await gatewayRef?.clock.sleep(2_000);
    return answer(turn, 'A first part that is long enough, and a second.');
  };
  let gatewayRef: TestGateway | undefined;

  it('edits one message in place, and the answer takes its place', async () => {
    const { fake, gateway } = await open({ edits: { support: 'full', minIntervalMs: 500, maxAgeMs: 1e9 } }, slow);
    gatewayRef = gateway;
    await fake.say('go');
    await gateway.clock.advance(250);
    await gateway.settle();
    expect(fake.texts()).toEqual(['A first part that is long enough, …']);
    expect(fake.typings).toBeGreaterThan(0);
    await gateway.clock.advance(5_000);
    await gateway.settle();
    expect(fake.texts()).toEqual(['A first part that is long enough, and a second.']);
    expect(await outboxStates(gateway)).toEqual(['answer sent', 'answer sent']);
  });

  it('begins when all that was said before is there, so that it does not stand above that', async () => {
    const { fake, gateway } = await open({ edits: { support: 'full', minIntervalMs: 500, maxAgeMs: 1e9 } }, slow);
    gatewayRef = gateway;
    fake.failures.push({ result: failed('unreachable', 'no'), arrives: false });
    await gateway.core.actions.post(fake.address(), 'said before', { kind: 'message' });
    await fake.say('go');
    await gateway.clock.advance(250);
    await gateway.settle();
    expect(fake.texts()).toEqual([]);
    await gateway.clock.advance(60_000);
    await gateway.settle();
    expect(fake.texts()).toEqual(['said before', 'A first part that is long enough, and a second.']);
  });

  it('spares an answer that comes at once typing and preview', async () => {
    const { fake, gateway } = await open(
      {
        edits: { support: 'full', minIntervalMs: 500, maxAgeMs: 1e9 },
        drafts: { support: 'full', minIntervalMs: 500 },
      },
      async (turn) => {
        turn.emit({ type: 'text', delta: 'The whole answer, which is long enough.' });
        return answer(turn, 'The whole answer, which is long enough.');
      },
    );
    await fake.say('go');
    await gateway.settle();
    expect(fake.texts()).toEqual(['The whole answer, which is long enough.']);
    await gateway.clock.advance(60_000);
    expect({ drafts: fake.drafts, typings: fake.typings }).toEqual({ drafts: [], typings: 0 });
    expect(await outboxStates(gateway)).toEqual(['answer sent']);
  });

  it('shows drafts where the platform has them, and sends the answer once', async () => {
    const { fake, gateway } = await open({ drafts: { support: 'full', minIntervalMs: 500 } }, slow);
    gatewayRef = gateway;
    await fake.say('go');
    await gateway.settle();
    await gateway.clock.advance(5_000);
    await gateway.settle();
    expect(fake.drafts.length).toBeGreaterThan(1);
    expect(fake.texts()).toEqual(['A first part that is long enough, and a second.']);
  });
});
