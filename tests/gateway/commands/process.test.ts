// /help, /start, /stop, /status, /usage, /restart: what there is and what goes on.
import { beforeEach, describe, expect, test } from 'vitest';
import { insertInbox, queueInbox } from '../../../data/process/inbox.ts';
import type { Person } from '../../../data/process/people.ts';
import { groupScope, personScope, type Scope } from '../../../data/scope.ts';
import { beginReview, endReview, setReviewDue } from '../../../data/review/marks.ts';
import { reserveUsage, settleUsage } from '../../../data/usage.ts';
import { commands } from '../../../gateway/commands/registry.ts';
import { stopReply } from '../../../gateway/commands/stop.ts';
import { startOfToday } from '../../../gateway/commands/usage.ts';
import { messageId, userId, type SessionId } from '../../../shared/ids.ts';
import { dm, group, openBench, type Bench } from './command-bench.ts';

const DAY = 24 * 3_600_000;
let bench: Bench;
let ada: Person;
let bob: Person;

beforeEach(async () => {
  bench = await openBench();
  ada = await bench.person('ada', 'owner');
  bob = await bench.person('bob', 'member');
});

interface Call {
  model?: string;
  microUsd?: number;
  known?: boolean;
  session?: SessionId;
  daysAgo?: number;
}

async function call(scope: Scope, options: Call = {}): Promise<void> {
  const { model = 'small', microUsd = 0, known = true } = options;
  const spent = { provider: 'local', model, microUsd, costKnown: known };
  const caps = {
    turnMicroUsd: null,
    personDayMicroUsd: null,
    dayMicroUsd: null,
    turnTokens: null,
    personDayTokens: null,
    dayTokens: null,
  };
  const reserved = await reserveUsage(bench.db, scope, {
    ...spent,
    session: options.session,
    turn: undefined,
    cause: 'turn',
    tokens: 9_999,
    dayStart: 0,
    caps,
  });
  if (!reserved.ok) throw new Error('not reserved');
  const tokens = { input: 1_000, output: 50, cacheRead: 500, cacheWrite: 0, reasoning: 0 };
  await settleUsage(bench.db, scope, reserved.id, { ...spent, ...tokens });
  const created_at = startOfToday(bench.clock.now()) + 1 - (options.daysAgo ?? 0) * DAY;
  await bench.db.query.updateTable('usage').set({ created_at }).where('id', '=', reserved.id).execute();
}

describe('/help and /start', () => {
  test('the owner sees every command, others only what they may use', async () => {
    const all = (await bench.run(ada, dm(ada), '/help')).text;
    for (const command of commands) expect(all).toContain(`\`/${command.name}`);
    const some = (await bench.run(bob, dm(bob), '/help')).text;
    for (const command of commands)
      expect(some.includes(`- \`/${command.name}`), command.name).toBe(
        !['pair', 'restart', 'extend'].includes(command.name),
      );
  });

  test('explains one command, with or without slash, by its beginning', async () => {
    for (const typed of ['/help retry', '/help /retry', '/help retr', '/help redo'])
      expect((await bench.run(ada, dm(ada), typed)).text).toContain('`/retry` — Take the last exchange back');
    expect((await bench.run(ada, dm(ada), '/help retry')).text).toContain('Also: `/redo`');
  });

  test('an unknown command is refused with a suggestion; what one may not use is unknown', async () => {
    await expect(bench.run(ada, dm(ada), '/help stpo')).rejects.toThrow('Did you mean `/stop`?');
    await expect(bench.run(bob, dm(bob), '/help restart')).rejects.toMatchObject({ code: 'not_found' });
  });

  test('/start greets in a line, whatever a messenger adds to it', async () => {
    const { text } = await bench.run(bob, dm(bob), '/start campaign-42');
    expect(text).toContain('/help');
    expect(text).not.toContain('\n');
  });
});

describe('/stop', () => {
  test('stops what the person began, from any chat', async () => {
    bench.gateway.stoppable = 1;
    expect((await bench.run(bob, dm(bob, 'raven'), '/stop')).text).toBe('Stopped.');
    expect(bench.gateway.stopped).toEqual([{ person: bob.id }]);
  });

  test('a member in a group stops nobody else, the owner does', async () => {
    await bench.run(bob, group(), '/stop');
    expect(bench.gateway.stopped).toEqual([{ person: bob.id }]);
    const { session } = await bench.route(ada, group());
    expect((await bench.run(ada, group(), '/stop')).text).toBe('Stopped.');
    expect(bench.gateway.stopped.slice(1)).toEqual([{ person: ada.id }, { session: session.id }]);
  });

  test('says what still waits', async () => {
    await queueOne();
    expect((await bench.run(ada, dm(ada), '/stop')).text).toBe(
      'Nothing of yours is running. 1 message of this conversation still waits and will be answered next.',
    );
    expect(stopReply(2, 3)).toBe(
      'Stopped 2 answers. 3 messages of this conversation still wait and will be answered next.',
    );
  });
});

async function queueOne(): Promise<void> {
  const row = await insertInbox(bench.db, {
    address: dm(ada),
    kind: 'message',
    message: messageId('waiting'),
    revision: '',
    user: userId('ada'),
    payload: { text: 'later', attachments: [], senderName: 'ada', sentAt: 0, addressed: true, bot: false },
  });
  if (!row) throw new Error('not stored');
  const { session } = await bench.route(ada, dm(ada));
  await queueInbox(bench.db, row.id, { person: ada.id, session: session.id, dueAt: 0 });
}

describe('/status', () => {
  test('recaps conversation, model, work, usage', async () => {
    await bench.exchange(ada, dm(ada), 'hello');
    await bench.run(ada, dm(ada), '/title Trip');
    await queueOne();
    bench.gateway.running.add((await bench.route(ada, dm(ada))).session.id);
    await call(personScope(ada.id), { microUsd: 1_500_000 });
    await bench.clock.advance(2 * 3_600_000);
    const { text } = await bench.run(ada, dm(ada), '/status');
    expect(text).toMatch(/\*\*Conversation\*\*: \*\*Trip\*\* \(`\w{10}`\), 2 messages, begun 2 h ago/);
    expect(text).toContain('**Model**: `small` (local)');
    expect(text).toContain('working on an answer, 1 message waiting, mode `queue`');
    expect(text).toContain(
      '**Your usage today**: 1 model call, 1.5k tokens in (500 of them, 33 %, from the cache), 50 out, $1.50.',
    );
  });

  test('says what looking back came to, where it was done', async () => {
    await bench.exchange(ada, dm(ada), 'hello');
    expect((await bench.run(ada, dm(ada), '/status')).text).not.toContain('Looked back');
    const { session } = await bench.route(ada, dm(ada));
    const scope = personScope(ada.id);
    await setReviewDue(bench.db, scope, session.id, { dueAt: 1, cause: 'idle' });
    const begun = await beginReview(bench.db, scope, { session: session.id, from: 0, through: 2, cause: 'idle' });
    const came = { kept: 2, pending: 0, drafts: 1, detail: '' };
    await endReview(bench.db, scope, begun?.id ?? 0, { ...came, state: 'done', through: 2, dueAt: 1 });
    expect((await bench.run(ada, dm(ada), '/status')).text).toContain(
      '**Looked back** this week: 1 time, 2 kept, 0 for you to approve, 1 skill drafted',
    );
  });

  test('the owner sees all platforms and the process, with foreign text escaped', async () => {
    const { text } = await bench.run(ada, dm(ada), '/status');
    expect(text).toMatch(/\*\*Pigeon\*\* \(bot\): online, last traffic 2 min ago/);
    expect(text).toContain('**Raven** (crow): needs-login, token \\*refused\\*, no traffic yet, restarted 2 times');
    expect(text).toContain('**Herald 1.2.3**: up 3 h, 1 answer in the works, 90 MB');
    expect(text).toContain('2 messages waiting, 3 to send, 1 given up so far');
  });

  test.each(['member', 'group'])('a %s sees this platform only', async (who) => {
    const { text } = await (who === 'member' ? bench.run(bob, dm(bob), '/status') : bench.run(ada, group(), '/status'));
    expect(text).toContain('**Pigeon**: online');
    for (const absent of ['Raven', 'crow', '1.2.3', ' MB']) expect(text).not.toContain(absent);
  });

  test('in a group only what this conversation used is told', async () => {
    await call(personScope(ada.id), { microUsd: 5_000_000 });
    const { text } = await bench.run(ada, group(), '/status');
    expect(text).toContain('**Your usage today in this conversation**: no model calls.');
  });
});

describe('/usage', () => {
  test('sums today and the last days per model, own calls only', async () => {
    await call(personScope(ada.id), { microUsd: 10_000 });
    await call(personScope(ada.id), { microUsd: 250_000, model: 'large', daysAgo: 6 });
    await call(personScope(ada.id), { microUsd: 9_000_000, daysAgo: 8 });
    await call(personScope(bob.id), { microUsd: 70_000_000 });
    const { text } = await bench.run(ada, dm(ada), '/usage');
    expect(text).toContain(
      '**Today**: 1 model call, 1.5k tokens in (500 of them, 33 %, from the cache), 50 out, $0.01. (`small`)',
    );
    expect(text).toContain(
      '**Last 7 days**: 2 model calls, 3.0k tokens in (1.0k of them, 33 %, from the cache), 100 out, $0.26.',
    );
    expect(text).toContain('- `large` (local): 1 model call');
    expect((await bench.run(ada, dm(ada), '/usage 30')).text).toContain('**Last 30 days**: 3 model calls');
    expect((await bench.run(ada, dm(ada), '/usage 1')).text).not.toContain('Last');
  });

  test('is honest about calls whose price nobody knows', async () => {
    await call(personScope(ada.id), { microUsd: 10_000 });
    await call(personScope(ada.id), { model: 'local', known: false });
    const { text } = await bench.run(ada, dm(ada), '/usage 1');
    expect(text).toContain('$0.01 and what 1 call without a known price cost.');
    expect(text).toMatch(/`local` \(local\): .*what they cost is not known\./);
  });

  test('without any calls it says so', async () => {
    expect((await bench.run(ada, dm(ada), '/usage 1')).text).toBe('**Today**: no model calls.');
  });

  test('in a group it tells of this conversation only', async () => {
    const { session } = await bench.route(ada, group());
    await call(personScope(ada.id), { microUsd: 5_000_000 });
    await call(groupScope(ada.id, group()), { microUsd: 20_000, session: session.id });
    const { text } = await bench.run(ada, group(), '/usage 1');
    expect(text).toContain('1 model call');
    expect(text).toContain('$0.02.');
    expect(text).toContain('in this conversation only');
  });

  test.each(['0', '-3', '367', 'week', '7 days', '9e1'])('refuses /usage %s', async (args) => {
    await expect(bench.run(ada, dm(ada), `/usage ${args}`)).rejects.toMatchObject({ code: 'bad_input' });
  });
});

describe('/restart', () => {
  test('restarts once, also when the command is carried out again by the new process', async () => {
    expect((await bench.run(ada, dm(ada), '/restart')).text).toContain('Restarting');
    expect(bench.gateway.restarts).toHaveLength(1);
    bench.gateway.facts = { ...bench.gateway.facts, startedAt: bench.clock.now() + 500 };
    expect((await bench.runAgain(ada, dm(ada))).text).toBe('I am back.');
    expect(bench.gateway.restarts).toHaveLength(1);
  });

  test('is the owner’s alone, whoever calls it', async () => {
    const eve = await bench.person('eve', 'admin');
    for (const person of [bob, eve])
      await expect(bench.run(person, dm(person), '/restart')).rejects.toMatchObject({ code: 'not_allowed' });
    expect(bench.gateway.restarts).toEqual([]);
  });
});
