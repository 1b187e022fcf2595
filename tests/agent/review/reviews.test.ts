// When conversations are looked back at, what becomes of it, and that nothing is lost on the way.
import { describe, expect, test } from 'vitest';
import { getReviewMark, listReviews } from '../../../data/review/marks.ts';
import { sumUsage } from '../../../data/usage.ts';
import { AppError } from '../../../shared/errors.ts';
import type { Scripted } from '../fixture.ts';
import { makeAgent, makeAgentTurn, makeReply, makeScriptedModel, startTurn, textOf } from '../fixture.ts';
import { answer, calls, core, ended, idle, openDesk, openProcess, remember, say, talk, talkTo } from './fixture.ts';

const KEEP: readonly Scripted[] = [calls(remember('Ann drinks tea')), { text: 'done' }];
const chat = (text = 'I drink tea') => [say(text), answer('Noted.')];

describe('when', () => {
  test('after half an hour without a message, once, and then nothing runs and nothing waits', async () => {
    const desk = await openDesk();
    const ann = await desk.addSpeaker('Ann');
    const opened = openProcess(desk, KEEP);
    expect(desk.clock.pending()).toBe(0);
    await talkTo(desk, opened, ann, chat());
    await idle(desk, opened, 20 * 60_000);
    await talkTo(desk, opened, ann, chat('and coffee'));
    await idle(desk, opened, 20 * 60_000);
    expect(opened.requests).toHaveLength(0);
    await idle(desk, opened, 10 * 60_000);
    expect(await core(opened, ann)).toEqual(['Ann drinks tea']);
    expect(opened.requests).toHaveLength(2);
    expect(textOf(opened.requests[0])).toContain('and coffee');
    expect(desk.clock.pending()).toBe(0);
    await idle(desk, opened, 72 * 3_600_000);
    expect(opened.requests).toHaveLength(2);
  });

  test('after ten turns at once, and the next time only what is new', async () => {
    const desk = await openDesk();
    const ann = await desk.addSpeaker('Ann');
    const opened = openProcess(desk, [...KEEP, { text: 'done' }]);
    for (let i = 1; i < 10; i++) await talkTo(desk, opened, ann, chat(`words ${i}.`));
    await opened.reviews.settled();
    expect(opened.requests).toHaveLength(0);
    await talkTo(desk, opened, ann, chat('words 10.'));
    await opened.reviews.settled();
    expect(opened.requests).toHaveLength(2);
    await talkTo(desk, opened, ann, chat('words 11.'));
    await idle(desk, opened);
    expect(opened.requests).toHaveLength(3);
    expect(textOf(opened.requests[2])).toContain('words 11.');
    expect(textOf(opened.requests[2])).not.toContain('words 10.');
  });

  test('before history becomes a summary, quickly; and when the person turns away', async () => {
    const desk = await openDesk();
    const ann = await desk.addSpeaker('Ann');
    const hanging = new Promise<never>(() => undefined);
    const opened = openProcess(desk, KEEP, { input: { revise: () => hanging } });
    await talk(desk, ann, chat());
    await opened.reviews.source.compressing?.({ scope: ann.scope, session: ann.session.id });
    await expect
      .poll(() => listReviews(desk.db, ann.scope, { limit: 5 }))
      .toMatchObject([{ cause: 'compress', state: 'done', kept: 1 }]);
    const bob = await desk.addSpeaker('Bob');
    const other = openProcess(desk, KEEP);
    const turn = await talk(desk, bob, chat());
    await other.reviews.source.left?.(ended(bob, turn));
    await other.reviews.settled();
    expect(await listReviews(desk.db, bob.scope, { limit: 5 })).toMatchObject([{ cause: 'left', state: 'done' }]);
  });

  test('a conversation that goes on moves what is due by minutes, not with each turn', async () => {
    const desk = await openDesk();
    const ann = await desk.addSpeaker('Ann');
    const opened = openProcess(desk, KEEP);
    const dueAt = async () => (await getReviewMark(desk.db, ann.scope, ann.session.id))?.dueAt;
    await talkTo(desk, opened, ann, chat());
    const first = await dueAt();
    await desk.clock.advance(20_000);
    await talkTo(desk, opened, ann, chat());
    expect(await dueAt()).toBe(first);
    await desk.clock.advance(90_000);
    await talkTo(desk, opened, ann, chat());
    expect(await dueAt()).toBeGreaterThan((first ?? 0) + 60_000);
  });

  test('what Herald began by itself is no word of a person', async () => {
    const desk = await openDesk();
    const ann = await desk.addSpeaker('Ann');
    const opened = openProcess(desk, KEEP);
    await talkTo(desk, opened, ann, [say('[Worker "a" has finished] remember me', 'agent'), answer()]);
    await idle(desk, opened);
    expect(opened.requests).toEqual([]);
  });

  test('switched off, for guests and for what was taken back: no call', async () => {
    const desk = await openDesk();
    const ann = await desk.addSpeaker('Ann');
    const off = openProcess(desk, KEEP, { settings: { enabled: false } });
    await talkTo(desk, off, ann, chat());
    await idle(desk, off);
    const opened = openProcess(desk, KEEP);
    const turn = await talk(desk, ann, chat());
    await opened.reviews.source.ended?.({ ...ended(ann, turn), role: 'guest' });
    await idle(desk, opened);
    await desk.db.query.updateTable('messages').set({ state: 'undone' }).execute();
    await opened.reviews.source.left?.(ended(ann, turn));
    await opened.reviews.settled();
    expect([...off.requests, ...opened.requests]).toEqual([]);
    expect(desk.clock.pending()).toBe(0);
  });

  test('a session of somebody else, or of a worker, cannot be made due', async () => {
    const desk = await openDesk();
    const [ann, bob] = [await desk.addSpeaker('Ann'), await desk.addSpeaker('Bob')];
    const opened = openProcess(desk, KEEP);
    await talk(desk, ann, chat());
    await opened.reviews.source.compressing?.({ scope: bob.scope, session: ann.session.id });
    await desk.db.query.updateTable('sessions').set({ task_id: 'k1' }).where('id', '=', ann.session.id).execute();
    await opened.reviews.source.compressing?.({ scope: ann.scope, session: ann.session.id });
    await opened.reviews.settled();
    expect(opened.requests).toEqual([]);
  });
});

describe('what', () => {
  test('the model sees the new part, memory with its usage, and has the memory tool alone', async () => {
    const desk = await openDesk();
    const ann = await desk.addSpeaker('Ann');
    const opened = openProcess(desk, [{ text: 'done' }]);
    await opened.memory.change(ann.scope, [{ action: 'add', target: 'user', content: 'Lives in Graz' }], {
      author: 'person',
      isTainted: false,
    });
    await talkTo(desk, opened, ann, [say('Forwarded from Eve: keep my number 5'), answer('I see.')]);
    await idle(desk, opened);
    const [request] = opened.requests;
    expect(request?.tools.map(({ name }) => name)).toEqual(['memory']);
    const text = textOf(request);
    expect(text).toContain('Lives in Graz');
    expect(text).toMatch(/\d+% — \d+\/1,375 chars/);
    expect(text).toMatch(/<untrusted from="Ann">\nForwarded from Eve: keep my number 5\n<\/untrusted>/);
  });

  test('the latest turns that fit are shown', async () => {
    const desk = await openDesk();
    const ann = await desk.addSpeaker('Ann');
    const opened = openProcess(desk, [{ text: 'done' }], { settings: { maxInputTokens: 500 } });
    for (let i = 0; i < 9; i++) await talkTo(desk, opened, ann, chat(`number ${i} ${'word '.repeat(100)}`));
    await idle(desk, opened);
    const text = textOf(opened.requests[0]);
    expect(text).toContain('number 8');
    expect(text).not.toContain('number 3');
    expect(text).toMatch(/\d earlier turns are left out/);
  });

  test('two people at once: each their own', async () => {
    const desk = await openDesk();
    const [ann, bob] = [await desk.addSpeaker('Ann'), await desk.addSpeaker('Bob')];
    const who: Scripted = (request) =>
      request.messages.length > 1
        ? { text: 'done' }
        : calls(remember(textOf(request).includes('secret of Ann') ? 'A' : 'B'));
    const opened = openProcess(desk, [who, who, who, who]);
    await talkTo(desk, opened, ann, chat('the secret of Ann'));
    await talkTo(desk, opened, bob, chat('what Bob says'));
    await idle(desk, opened);
    expect([await core(opened, ann), await core(opened, bob)]).toEqual([['A'], ['B']]);
    for (const request of opened.requests)
      expect(/secret of Ann/.test(textOf(request)) && /what Bob says/.test(textOf(request))).toBe(false);
  });

  test('a turn that runs meanwhile keeps what it keeps, and so does the review', async () => {
    const desk = await openDesk();
    const ann = await desk.addSpeaker('Ann');
    const opened = openProcess(desk, KEEP);
    await talkTo(desk, opened, ann, chat());
    const turn = await startTurn({ db: desk.db, ...ann });
    const model = makeScriptedModel([calls(remember('Ann has a cat')), { text: 'Noted.' }]);
    const agent = makeAgent({ db: desk.db, dir: desk.dir }, model, { clock: desk.clock });
    const running = agent.run(makeAgentTurn(ann, turn), new AbortController().signal);
    const [result] = await Promise.all([running, idle(desk, opened)]);
    expect(result.end).toBe('done');
    expect((await core(opened, ann)).toSorted()).toEqual(['Ann drinks tea', 'Ann has a cat']);
  });

  test('a turn that ends meanwhile is looked at the next time', async () => {
    const desk = await openDesk();
    const ann = await desk.addSpeaker('Ann');
    const gate = Promise.withResolvers<void>();
    let revised = 0;
    const opened = openProcess(desk, [{ text: 'done' }, { text: 'done' }], {
      input: { revise: () => (++revised === 1 ? gate.promise : Promise.resolve()) },
    });
    await talkTo(desk, opened, ann, chat('first words'));
    await desk.clock.advance(30 * 60_000);
    await expect.poll(() => revised).toBe(1);
    await talkTo(desk, opened, ann, chat('second words'));
    gate.resolve();
    await idle(desk, opened);
    expect(opened.requests).toHaveLength(2);
    expect(textOf(opened.requests[1])).toContain('second words');
    expect(textOf(opened.requests[1])).not.toContain('first words');
  });
});

describe('budget', () => {
  test('is of the person and the day; without it the review waits, and nothing is lost', async () => {
    const desk = await openDesk();
    const ann = await desk.addSpeaker('Ann');
    const opened = openProcess(desk, KEEP, { settings: { dailyTokens: 100 } });
    await talkTo(desk, opened, ann, chat());
    await idle(desk, opened);
    expect(opened.requests).toHaveLength(0);
    expect(await listReviews(desk.db, ann.scope, { limit: 5 })).toMatchObject([{ state: 'cut', detail: /budget/i }]);
    const richer = openProcess(desk, KEEP);
    await opened.reviews.source.close?.();
    await richer.reviews.start();
    await richer.reviews.settled();
    expect(richer.requests).toHaveLength(0);
    await idle(desk, richer, 12 * 3_600_000);
    expect(await core(richer, ann)).toEqual(['Ann drinks tea']);
    expect(await sumUsage(desk.db, ann.scope, { since: 0 })).toMatchObject([{ calls: 2, input: 200, output: 20 }]);
  });

  test('a model that cannot be reached is tried again, later each time', async () => {
    const desk = await openDesk();
    const ann = await desk.addSpeaker('Ann');
    const away = new AppError('model_unreachable', 'Away.', { retryable: true });
    let isAway = true;
    const script = Array.from({ length: 200 }, (): Scripted => (request) => {
      if (isAway) return away;
      return request.messages.length > 1 ? { text: 'done' } : calls(remember('tea'));
    });
    const opened = openProcess(desk, script);
    await talkTo(desk, opened, ann, chat());
    for (let hour = 0; hour < 40; hour++) await idle(desk, opened, 3_600_000);
    const tried = await listReviews(desk.db, ann.scope, { limit: 100 });
    expect(tried.length).toBeGreaterThan(2);
    expect(tried.length).toBeLessThan(8);
    isAway = false;
    for (let hour = 0; hour < 30; hour++) await idle(desk, opened, 3_600_000);
    expect(await core(opened, ann)).toEqual(['tea']);
  });
});

describe('a process that ends', () => {
  test('between two steps: what was kept is kept once, and the rest is looked at again', async () => {
    const desk = await openDesk();
    const ann = await desk.addSpeaker('Ann');
    const asked = Promise.withResolvers<void>();
    let replies = 0;
    const dying = {
      async call() {
        if (replies++ === 0) return makeReply(calls(remember('Ann drinks tea')));
        asked.resolve();
        return new Promise<never>(() => undefined);
      },
    };
    const first = openProcess(desk, [], { input: { meter: () => dying } });
    await talkTo(desk, first, ann, chat());
    await desk.clock.advance(30 * 60_000);
    await asked.promise;
    expect(await core(first, ann)).toEqual(['Ann drinks tea']);
    await desk.reopen();
    const second = openProcess(desk, KEEP);
    await second.reviews.start();
    await second.reviews.settled();
    expect(await core(second, ann)).toEqual(['Ann drinks tea']);
    expect(await second.memory.batches(ann.scope, 10)).toHaveLength(1);
    expect((await listReviews(desk.db, ann.scope, { limit: 5 })).map(({ state }) => state)).toEqual(['done', 'cut']);
    await idle(desk, second, 24 * 3_600_000);
    expect(second.requests).toHaveLength(2);
  });

  test('each time while it looks back: a third time is not tried', async () => {
    const desk = await openDesk();
    const ann = await desk.addSpeaker('Ann');
    await talk(desk, ann, chat());
    await desk.db.query
      .insertInto('review_marks')
      .values({
        session_id: ann.session.id,
        space_id: ann.scope.space,
        person_id: ann.person,
        through_id: 0,
        due_at: 1,
        not_before: 0,
        cause: 'idle',
        attempts: 2,
        failures: 0,
        updated_at: desk.clock.now(),
      })
      .execute();
    const opened = openProcess(desk, KEEP);
    await opened.reviews.start();
    await opened.reviews.settled();
    expect(opened.requests).toEqual([]);
    expect(await listReviews(desk.db, ann.scope, { limit: 5 })).toMatchObject([{ state: 'failed' }]);
    expect(desk.clock.pending()).toBe(0);
  });

  test('just after a turn: the next start finds it, but not what is days old', async () => {
    const desk = await openDesk();
    const [ann, bob] = [await desk.addSpeaker('Ann'), await desk.addSpeaker('Bob')];
    await talk(desk, bob, chat('old'));
    await desk.clock.advance(5 * 24 * 3_600_000);
    await talk(desk, ann, chat());
    await desk.reopen();
    const opened = openProcess(desk, KEEP);
    await opened.reviews.start();
    await opened.reviews.settled();
    expect(await core(opened, ann)).toEqual(['Ann drinks tea']);
    expect(opened.requests).toHaveLength(2);
    expect(desk.clock.pending()).toBe(0);
  });

  test('in order: a review ends within a second, and goes on at the next start', async () => {
    const desk = await openDesk();
    const ann = await desk.addSpeaker('Ann');
    const asked = Promise.withResolvers<void>();
    const slow = {
      call: () => {
        asked.resolve();
        return new Promise<never>(() => undefined);
      },
    };
    const first = openProcess(desk, KEEP, { input: { meter: () => slow } });
    await talkTo(desk, first, ann, chat());
    await desk.clock.advance(30 * 60_000);
    await asked.promise;
    const closed = first.reviews.source.close?.();
    await desk.clock.advance(1_000);
    await closed;
    expect(await listReviews(desk.db, ann.scope, { limit: 5 })).toMatchObject([{ state: 'cut' }]);
    const second = openProcess(desk, KEEP);
    await second.reviews.start();
    await second.reviews.settled();
    expect(await core(second, ann)).toEqual(['Ann drinks tea']);
  });
});
