// Looking back has a budget of its own: however many reviews of one person run at once, in whatever spaces, and whatever else is paid for
// meanwhile, they never take more of a day than it.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { makeMeter } from '../../../agent/budget/meter.ts';
import { callModel } from '../../../agent/providers/fallback.ts';
import { groupScope } from '../../../data/scope.ts';
import { chatId } from '../../../shared/ids.ts';
import { DM, makeScriptedModel, makeSettings } from '../fixture.ts';
import { openDesk, talk, say, answer } from './fixture.ts';

test('the tokens of a day are never passed', { timeout: 60_000 }, async () => {
  const wave = fc.array(
    fc.record({
      output: fc.integer({ min: 1, max: 400 }),
      cause: fc.constantFrom('review', 'turn'),
      group: fc.boolean(),
    }),
    { minLength: 1, maxLength: 12 },
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(wave, { minLength: 1, maxLength: 4 }),
      fc.integer({ min: 0, max: 3_000 }),
      async (waves, cap) => {
        const desk = await openDesk();
        const ann = await desk.addSpeaker('Ann');
        await talk(desk, ann, [say('hi'), answer()]);
        const group = groupScope(ann.person, { ...DM, kind: 'group', chat: chatId('g') });
        const usage = (output: number) => ({ input: 1, output, cacheRead: 0, cacheWrite: 0, reasoning: 0 });
        const model = makeScriptedModel(
          Array.from({ length: 100 }, () => (request: { maxOutputTokens: number }) => ({
            text: 'x',
            usage: usage(request.maxOutputTokens),
          })),
        );
        const settings = makeSettings(desk.dir, [model.link]);
        const meter = makeMeter({
          db: desk.db,
          clock: desk.clock,
          random: () => 0.5,
          callModel,
          settings: () => settings,
        });
        const day = 24 * 3_600_000;
        for (const calls of waves) {
          await Promise.allSettled(
            calls.map(({ output, cause, group: inGroup }) =>
              meter.call({
                scope: inGroup ? group : ann.scope,
                session: ann.session.id,
                turn: undefined,
                cause,
                causeCaps: cause === 'review' ? { microUsd: 1_000, tokens: cap } : undefined,
                chain: [model.link],
                request: {
                  system: [],
                  messages: [{ role: 'user', content: [{ type: 'text', text: 'x' }] }],
                  tools: [],
                  maxOutputTokens: output,
                  cacheKey: '',
                },
                signal: new AbortController().signal,
              }),
            ),
          );
          const rows = await desk.db.query.selectFrom('usage').selectAll().where('cause', '=', 'review').execute();
          const spent = rows.reduce((sum, row) => sum + row.input_tokens + row.output_tokens, 0);
          expect(spent).toBeLessThanOrEqual(cap);
          const others = await desk.db.query.selectFrom('usage').selectAll().where('cause', '=', 'turn').execute();
          expect(others.every(({ state }) => state === 'final')).toBe(true);
        }
        await desk.clock.advance(day);
      },
    ),
    { numRuns: 12 },
  );
});

test('what is not used up may be used up exactly, and the next day begins anew', async () => {
  const desk = await openDesk();
  const ann = await desk.addSpeaker('Ann');
  const model = makeScriptedModel([]);
  const settings = makeSettings(desk.dir, [model.link]);
  const meter = makeMeter({ db: desk.db, clock: desk.clock, random: () => 0.5, callModel, settings: () => settings });
  const call = (tokens: number) =>
    meter.call({
      scope: ann.scope,
      session: ann.session.id,
      turn: undefined,
      cause: 'review',
      causeCaps: { microUsd: 0, tokens },
      chain: [model.link],
      request: { system: [], messages: [], tools: [], maxOutputTokens: 110, cacheKey: '' },
      signal: new AbortController().signal,
    });
  await expect(call(109)).rejects.toMatchObject({ code: 'budget_exceeded' });
  await expect(call(110)).resolves.toMatchObject({ text: '(end of script)' });
  await expect(call(219)).rejects.toMatchObject({ code: 'budget_exceeded' });
  await desk.clock.advance(24 * 3_600_000);
  await expect(call(110)).resolves.toMatchObject({ text: '(end of script)' });
});
