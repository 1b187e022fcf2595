// Which conversation a message belongs to, and what people may allow.
import { afterEach, expect, it } from 'vitest';
import { requestApproval } from '../../data/policy/approvals.ts';
import { askForApproval } from '../../gateway/compose/approvals.ts';
import { chatId, userId } from '../../shared/ids.ts';
import { addressKey } from '../../shared/messages.ts';
import { makeFakePlatform } from '../support/fake-platform.ts';
import { answer, openTestGateway, type RunTurn, type TestGateway } from '../support/gateway.ts';

let gateway: TestGateway | undefined;
afterEach(async () => {
  await gateway?.close();
  gateway = undefined;
});

it('one person has one conversation on all platforms; a group has its own', async () => {
  const [one, two] = [makeFakePlatform({ id: 'one' }), makeFakePlatform({ id: 'two' })];
  gateway = await openTestGateway({ platforms: [one, two] });
  const person = await gateway.pair(one, 'ann');
  await gateway.db.query
    .insertInto('identities')
    .values({
      platform: 'two',
      account: two.account.account,
      user_id: userId('ann'),
      person_id: person.id,
      name: 'ann',
      created_at: 0,
    })
    .execute();
  await one.say('here');
  await gateway.settle();
  await two.say('and here');
  await gateway.settle();
  await one.say('in the team', { chatKind: 'group', chat: chatId('team') });
  await gateway.settle();
  const [first, second, third] = gateway.turns;
  expect(first?.session).toBe(second?.session);
  expect(first?.scope.space).toBe(second?.scope.space);
  expect(third?.session).not.toBe(first?.session);
  expect(third?.scope.space).not.toBe(first?.scope.space);
});

it('with the setting per chat, each direct chat has a conversation of its own, in the same private space', async () => {
  const [one, two] = [makeFakePlatform({ id: 'one' }), makeFakePlatform({ id: 'two' })];
  gateway = await openTestGateway({ platforms: [one, two], settings: { dmScope: 'chat' } });
  const person = await gateway.pair(one, 'ann');
  await gateway.db.query
    .insertInto('identities')
    .values({
      platform: 'two',
      account: two.account.account,
      user_id: userId('ann'),
      person_id: person.id,
      name: 'ann',
      created_at: 0,
    })
    .execute();
  await one.say('here');
  await gateway.settle();
  await two.say('there');
  await gateway.settle();
  await one.say('here again', { sentAt: gateway.clock.now() + 60_000 });
  await gateway.settle();
  const sessions = gateway.turns.map((turn) => turn.session);
  expect(sessions[0]).not.toBe(sessions[1]);
  expect(sessions[2]).toBe(sessions[0]);
  expect(new Set(gateway.turns.map((turn) => turn.scope.space)).size).toBe(1);
});

it('a call that needs leave is shown whole in the chat of its turn, and goes on with the press of a button', async () => {
  const fake = makeFakePlatform();
  const args = '{"to":"bob","text":"hi ``` there"}';
  const run: RunTurn = async (turn, signal) => {
    if (!gateway) throw new Error('no gateway');
    const { db, clock, core } = gateway;
    const approval = await requestApproval(db, turn.scope, {
      turn: turn.id,
      callId: 'c1',
      chatKey: addressKey(turn.address),
      tool: 'send_message',
      arguments: args,
      digest: 'd1',
      ttlMs: 60_000,
    });
    await askForApproval({ db, clock, actions: core.actions }, approval, 'It leaves this machine.', signal);
    const row = await db.query.selectFrom('approvals').select('state').executeTakeFirstOrThrow();
    return answer(turn, `approval: ${row.state}`);
  };
  gateway = await openTestGateway({ platforms: [fake], run });
  await gateway.pair(fake, 'ann');
  await fake.say('send it');
  await gateway.settle();
  const asked = fake.sent[0];
  expect(asked?.text).toContain('hi ``` there');
  expect(asked?.buttons.map((button) => button.label)).toEqual(['Allow once', 'Deny']);
  const press = {
    kind: 'button',
    button: { data: asked?.buttons[0]?.data ?? '', message: asked?.id as never },
  } as const;
  await fake.say('', { ...press, user: 'eve' });
  await gateway.settle();
  await gateway.clock.advance(1_000);
  expect(fake.texts('ann')).toHaveLength(1);
  await fake.say('', press);
  await gateway.settle();
  await gateway.clock.advance(1_000);
  await gateway.settle();
  expect(fake.texts('ann').at(-1)).toBe('approval: allowed');
});

it('a request that nobody answers expires and says so', async () => {
  const fake = makeFakePlatform();
  const run: RunTurn = async (turn, signal) => {
    if (!gateway) throw new Error('no gateway');
    const { db, clock, core } = gateway;
    const approval = await requestApproval(db, turn.scope, {
      turn: turn.id,
      callId: 'c1',
      chatKey: addressKey(turn.address),
      tool: 'note',
      arguments: '{}',
      digest: 'd1',
      ttlMs: 60_000,
    });
    await askForApproval({ db, clock, actions: core.actions }, approval, 'x', signal);
    const row = await db.query.selectFrom('approvals').select('state').executeTakeFirstOrThrow();
    return answer(turn, `approval: ${row.state}`);
  };
  gateway = await openTestGateway({ platforms: [fake], run });
  await gateway.pair(fake, 'ann');
  await fake.say('do it');
  await gateway.settle();
  await gateway.clock.advance(61_000);
  await gateway.settle();
  expect(fake.texts().at(-1)).toBe('approval: expired');
});
