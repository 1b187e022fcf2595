// /approve and /deny: answers to what the agent asked, never a guess, never somebody else's.
import { beforeEach, describe, expect, test } from 'vitest';
import {
  listPendingApprovals,
  requestApproval,
  takeApproval,
  type Approval,
  type ApprovalGrant,
} from '../../../data/policy/approvals.ts';
import type { Person } from '../../../data/process/people.ts';
import { personScope, type Scope } from '../../../data/scope.ts';
import { addressKey, type Address } from '../../../shared/messages.ts';
import { dm, group, openBench, type Bench } from './command-bench.ts';

let bench: Bench;
let ada: Person;
let bob: Person;

beforeEach(async () => {
  bench = await openBench();
  ada = await bench.person('ada', 'owner');
  bob = await bench.person('bob', 'member');
});

/** A request that a turn of this person made at this place. */
async function ask(person: Person, at: Address, json = '{"to":"bob"}', grant?: ApprovalGrant): Promise<Approval> {
  const turn = await bench.exchange(person, at, 'please do');
  const { scope } = await bench.route(person, at);
  return requestApproval(bench.db, scope, {
    turn,
    callId: 'c1',
    chatKey: addressKey(at),
    tool: 'send_message',
    arguments: json,
    digest: `digest of ${turn}`,
    grant,
    ttlMs: 600_000,
  });
}

/** May the call run now? Takes the permission, as the dispatcher does. */
const mayRun = (scope: Scope, approval: Approval) => takeApproval(bench.db, scope, approval.id, approval.digest);

async function stateOf(approval: Approval) {
  const row = await bench.db.query
    .selectFrom('approvals')
    .select(['state', 'reason'])
    .where('id', '=', approval.id)
    .executeTakeFirstOrThrow();
  return row;
}

describe('one open request', () => {
  test('/approve allows it once', async () => {
    const scope = personScope(ada.id);
    const approval = await ask(ada, dm(ada));
    expect((await bench.run(ada, dm(ada), '/approve')).text).toContain('`send_message`');
    expect(await mayRun(scope, approval)).toBe(true);
    expect(await mayRun(scope, approval)).toBe(false);
    await expect(bench.run(ada, dm(ada), '/approve')).rejects.toMatchObject({ code: 'not_found' });
  });

  test('/approve session and always are for requests that say what they would cover', async () => {
    const narrow = await ask(ada, dm(ada));
    await expect(bench.run(ada, dm(ada), '/approve always')).rejects.toMatchObject({ code: 'bad_input' });
    expect((await stateOf(narrow)).state).toBe('pending');
    await bench.run(ada, dm(ada), `/deny ${narrow.id}`);
    const longer = await ask(ada, dm(ada), '{"command":"git push"}', {
      key: 'k',
      title: 'git push in ~/shop',
      wide: false,
    });
    expect((await bench.run(ada, dm(ada), `/approve ${longer.id} always`)).text).toContain('git push in \\~/shop');
    const row = await bench.db.query.selectFrom('approvals').select('choice').where('id', '=', longer.id).execute();
    expect(row).toEqual([{ choice: 'always' }]);
  });

  test('/deny keeps the reason for the agent', async () => {
    const scope = personScope(ada.id);
    const approval = await ask(ada, dm(ada));
    await bench.run(ada, dm(ada), '/deny not now,\nask tomorrow');
    expect(await stateOf(approval)).toEqual({ state: 'denied', reason: 'not now,\nask tomorrow' });
    expect(await mayRun(scope, approval)).toBe(false);
  });

  test('an expired one cannot be answered', async () => {
    const approval = await ask(ada, dm(ada));
    await bench.clock.advance(600_001);
    await expect(bench.run(ada, dm(ada), '/approve')).rejects.toMatchObject({ code: 'not_found' });
    await expect(bench.run(ada, dm(ada), `/approve ${approval.id}`)).rejects.toMatchObject({ code: 'not_found' });
    expect((await stateOf(approval)).state).toBe('pending');
  });

  test('a word that is no id allows nothing', async () => {
    const approval = await ask(ada, dm(ada));
    for (const args of ['yes', '0', '01', approval.id.slice(0, 5), `${approval.id}X`])
      await expect(bench.run(ada, dm(ada), `/approve ${args}`)).rejects.toMatchObject({ code: 'not_found' });
    expect((await stateOf(approval)).state).toBe('pending');
  });
});

describe('several open requests', () => {
  test('without an id nothing is decided: all are shown whole, with a button for each answer', async () => {
    const first = await ask(ada, dm(ada), `{"text":"${'x'.repeat(3_000)}END"}`);
    const second = await ask(ada, dm(ada), '{"text":"a\u202eb```"}');
    for (const command of ['/approve', '/deny', '/deny because']) {
      const { text, buttons } = await bench.run(ada, dm(ada), command);
      expect(text).toContain('END');
      expect(text).toContain('{"text":"a\\u202eb```"}');
      expect(buttons?.flat().map((button) => button.data)).toEqual([
        `/approve ${first.id}`,
        `/deny ${first.id}`,
        `/approve ${second.id}`,
        `/deny ${second.id}`,
      ]);
    }
    expect(await listPendingApprovals(bench.db, personScope(ada.id))).toHaveLength(2);
  });

  test('an id decides that one', async () => {
    const first = await ask(ada, dm(ada));
    const second = await ask(ada, dm(ada));
    await bench.run(ada, dm(ada), `/approve ${second.id.toLowerCase()}`);
    await bench.run(ada, dm(ada), `/deny ${first.id} too late`);
    expect((await stateOf(second)).state).toBe('allowed');
    expect(await stateOf(first)).toEqual({ state: 'denied', reason: 'too late' });
  });

  test('the id of an ended request denies nothing else', async () => {
    const first = await ask(ada, dm(ada));
    await bench.run(ada, dm(ada), '/approve');
    const second = await ask(ada, dm(ada));
    await expect(bench.run(ada, dm(ada), `/deny ${first.id}`)).rejects.toMatchObject({ code: 'not_found' });
    expect((await stateOf(second)).state).toBe('pending');
  });
});

describe('whose request it is', () => {
  test('nobody answers for another person, by id or without', async () => {
    const approval = await ask(ada, dm(ada));
    for (const command of ['/approve', `/approve ${approval.id}`, '/deny', `/deny ${approval.id}`])
      await expect(bench.run(bob, dm(bob), command)).rejects.toMatchObject({ code: 'not_found' });
    expect((await stateOf(approval)).state).toBe('pending');
  });

  test('in a group only the person who was asked, not even the owner', async () => {
    const approval = await ask(bob, group());
    await expect(bench.run(ada, group(), `/approve ${approval.id}`)).rejects.toMatchObject({ code: 'not_found' });
    expect((await stateOf(approval)).state).toBe('pending');
    await bench.run(bob, group(), '/approve');
    expect((await stateOf(approval)).state).toBe('allowed');
  });

  test('in a group each sees and answers their own only', async () => {
    const own = await ask(ada, group());
    const bobs = await ask(bob, group(), '{"secret":1}');
    await bench.run(ada, group(), '/approve');
    expect((await stateOf(own)).state).toBe('allowed');
    expect((await stateOf(bobs)).state).toBe('pending');
    await expect(bench.run(ada, group(), '/deny')).rejects.toMatchObject({ code: 'not_found' });
  });

  test('a request of a group is not answered from a private chat', async () => {
    await ask(bob, group());
    await expect(bench.run(bob, dm(bob), '/approve')).rejects.toMatchObject({ code: 'not_found' });
  });
});
