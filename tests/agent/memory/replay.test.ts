// Two hundred sessions over ten months: what left the core long ago is found when it is asked for, at what cost in tokens, against the core
// alone. docs/memory.md holds the figures of `npx vitest run tests/agent/memory/replay.test.ts`.
import { expect, test } from 'vitest';
import { estimateTokens } from '../../../agent/context/tokens.ts';
import { makeMemorySource } from '../../../agent/memory/source.ts';
import { createSession } from '../../../data/sessions.ts';
import { DM } from '../fixture.ts';
import { openMemoryBench } from './bench.ts';
import { smallTalk, writeSessions } from './replay-script.ts';

const SESSIONS = 200;
const SEED = 20_261_121;
const HOURS_BETWEEN = 36;
const HOUR_MS = 3_600_000;
/** Entries that count as found. */
const BEST = 5;
const MIN_RECALL = 0.9;

/** Questions that name what many facts are about have several right answers; the one that was told must be among the best. */
test('facts that left the core months before are recalled', { timeout: 60_000 }, async () => {
  const bench = await openMemoryBench();
  const { db, memory, scope, clock } = bench;
  const source = makeMemorySource({ db, memory });
  const sessions = writeSessions(SESSIONS, SEED);
  const told = sessions.flatMap(({ facts }) => facts);
  let asked = 0;
  let inCore = 0;
  let found = 0;
  let left = 0;
  let leftFound = 0;
  let coreTokens = 0;
  let recalledTokens = 0;
  for (const { facts, asks } of sessions) {
    await clock.advance(HOURS_BETWEEN * HOUR_MS);
    const session = (await createSession(db, scope)).id;
    const at = { scope, session, role: 'owner', address: DM, isWorker: false } as const;
    const prompt = (await source.prompt?.(at))?.text ?? '';
    const fact = asks === undefined ? undefined : told[asks];
    const text = fact?.question ?? smallTalk();
    const sections = (await source.open?.({ ...at, turn: undefined, text, tools: [] }).sections()) ?? [];
    const lines = sections.flatMap((section) => section.lines);
    coreTokens += estimateTokens(prompt);
    recalledTokens += estimateTokens(lines.join('\n'));
    if (fact) {
      const wasInCore = prompt.includes(fact.text);
      const wasFound = wasInCore || lines.slice(0, BEST).some((line) => line.includes(fact.text));
      asked++;
      if (wasInCore) inCore++;
      else left++;
      if (wasFound) found++;
      if (wasFound && !wasInCore) leftFound++;
    }
    for (const { text: content } of facts) await bench.add(content);
  }
  const report = {
    sessions: SESSIONS,
    asked,
    recallAt5: found / asked,
    recallAt5OfWhatLeftTheCore: leftFound / left,
    coreOnly: inCore / asked,
    tokensOfCore: Math.round(coreTokens / SESSIONS),
    tokensRecalled: Math.round(recalledTokens / SESSIONS),
  };
  console.info(JSON.stringify(report));
  expect(asked).toBe(SESSIONS - 50);
  expect(left).toBeGreaterThan(100);
  expect(report.recallAt5).toBeGreaterThanOrEqual(MIN_RECALL);
  expect(report.coreOnly).toBeLessThan(0.3);
  expect(report.tokensRecalled).toBeLessThanOrEqual(memory.settings().recallTokens);
});
