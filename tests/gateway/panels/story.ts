// Six weeks of a person, through the functions that the gateway itself uses: turns with and without a skill, memory, claims.
import type { ProcessDb } from '../../../data/db.ts';
import { addFamily, recordTurn } from '../../../data/evidence/turns.ts';
import { changeMemory, type EntryContent } from '../../../data/memory/changes.ts';
import { listOwnMessages, reviseClaims } from '../../../data/profile/revision.ts';
import { reserveUsage, settleUsage } from '../../../data/usage.ts';
import { openSkillLibrary } from '../../../skills/library.ts';
import type { SkillChange, SkillStep } from '../../../skills/types.ts';
import { converse, type Speaker } from '../../data/conversation.ts';
import { skillText } from '../../skills/fixture.ts';
import type { FakeClock } from '../../support/fake-clock.ts';
import { NO_CAPS } from '../../agent/fixture.ts';

export const DAY_MS = 24 * 3_600_000;
export const STORY_DAYS = 42;
const SKILL = 'weekly-report';

/** Begins `STORY_DAYS` before the clock's end. Every text holds `mark`, so that it can be looked for where it must not be. */
export async function tellStory(db: ProcessDb, clock: FakeClock, speaker: Speaker, mark: string): Promise<void> {
  const library = openSkillLibrary({ db, folders: () => [] });
  const change = (steps: readonly SkillStep[], more: Partial<SkillChange> = {}): SkillChange => ({
    name: SKILL,
    steps,
    author: 'review',
    reason: `It came up again and again, ${mark}.`,
    turns: [],
    session: undefined,
    isForeign: false,
    as: 'active',
    ...more,
  });
  const family = await addFamily(db, speaker.scope, { words: ['report'], tools: [] });
  const text = skillText(
    SKILL,
    `Use when ${mark} asks for the weekly report.`,
    'Look at the figures.\nWrite five lines.',
  );
  let revision: string | undefined;
  for (let day = 0; day < STORY_DAYS; day++) {
    if (day === 8) revision = (await library.change(speaker.scope, change([{ action: 'create', text }]))).id;
    if (day === 26) {
      const step = { action: 'patch', old: 'Write five lines.', new: 'Write three lines,\nthe figure first.' } as const;
      revision = (await library.change(speaker.scope, change([step], { reason: `Shorter is better, ${mark}.` }))).id;
    }
    await oneTurn(db, speaker, { day, family, revision, mark });
    await clock.advance(DAY_MS);
  }
  const draft = { action: 'patch', old: 'Look at the figures.', new: 'Look at the figures of the week.' } as const;
  await library.change(
    speaker.scope,
    change([draft], { as: 'proposed', reason: `Which figures was not said, ${mark}.` }),
  );
  await remember(db, speaker, mark);
}

interface Day {
  day: number;
  family: string;
  revision: string | undefined;
  mark: string;
}

async function oneTurn(db: ProcessDb, speaker: Speaker, { day, family, revision, mark }: Day): Promise<void> {
  const { scope, session } = speaker;
  const turn = await converse(db, speaker, `I like short reports, ${mark}.`, 'Here it is.');
  const place = {
    session: session.id,
    turn: turn.id,
    provider: 'p',
    costKnown: true,
    cause: day % 5 === 0 ? 'review' : 'turn',
  };
  const model = day % 3 === 0 ? `small-${mark}` : 'large';
  const spent = 4_000 + ((day * 7919) % 9_000);
  const reserved = await reserveUsage(db, scope, {
    ...place,
    model,
    tokens: spent,
    microUsd: spent * 3,
    dayStart: 0,
    caps: NO_CAPS,
  });
  if (!reserved.ok) throw new Error('a cap');
  const usage = { provider: 'p', model, output: 0, cacheRead: 0, cacheWrite: 0, reasoning: 0, costKnown: true };
  await settleUsage(db, scope, reserved.id, { ...usage, input: spent, microUsd: spent * 3 });
  const uses = revision !== undefined && day % 4 !== 0 ? [{ skill: SKILL, revision, how: 'viewed' as const }] : [];
  const isGood = uses.length > 0 ? day % 6 !== 1 || day > 30 : day % 2 === 0;
  await recordTurn(db, scope, {
    turn: turn.id,
    session: session.id,
    family,
    outcome: isGood ? (day % 3 === 0 ? 'verified' : 'done') : 'corrected',
    settled: true,
    steps: uses.length > 0 ? 3 : 6,
    toolErrors: 0,
    denials: 0,
    at: db.clock.now(),
    uses,
  });
}

async function remember(db: ProcessDb, { scope }: Speaker, mark: string): Promise<void> {
  const core = { place: 'core', state: 'active' } as const;
  const own: readonly EntryContent[] = [
    { ...core, target: 'memory', text: `The figures of ${mark} are in the folder sales, a file for each week.` },
    { ...core, target: 'memory', text: `The report of ${mark} goes out on Friday before noon.` },
    { ...core, target: 'user', text: `${mark} works in Vienna and begins at 9.` },
  ];
  await changeMemory(db, scope, { author: 'agent', origin: 'agent', title: 'what came up' }, async (edit) => {
    for (const content of own) await edit.add(content);
  });
  await changeMemory(db, scope, { author: 'agent', origin: 'foreign', title: 'of a page' }, async (edit) => {
    await edit.add({
      target: 'memory',
      place: 'archive',
      state: 'pending',
      text: `The supplier of ${mark} closes in August.`,
    });
  });
  const messages = await listOwnMessages(db, scope, { limit: 40, after: 0 });
  const cites = (index: number) => ({ message: messages[index]?.id ?? 0, quote: 'I like short reports', weight: 1 });
  const claim = { kind: 'preference', text: `Wants it short, ${mark}` } as const;
  const changes = Array.from({ length: 6 }, (_, index) => ({ op: 'new' as const, ...claim, cites: cites(index * 5) }));
  await reviseClaims(db, scope, { messages, changes });
}
