// The queries of the message path go through indexes: none of them reads a table from end to end as it grows.
import path from 'node:path';
import Database from 'better-sqlite3';
import type { KyselyPlugin, RootOperationNode } from 'kysely';
import { expect, test } from 'vitest';
import { listPendingApprovals } from '../../data/policy/approvals.ts';
import { DATABASE_FILE, type ProcessDb } from '../../data/db.ts';
import { listSteps, writeStep } from '../../data/journal.ts';
import { lastExchange, listHistory } from '../../data/messages.ts';
import { changeMemory, listBatches, undoBatch } from '../../data/memory/changes.ts';
import { listCore, listLatestMemories, listPendingMemories } from '../../data/memory/entries.ts';
import { searchMemoryParts, searchMemoryWords } from '../../data/memory/search.ts';
import { getFileContent, getSnapshot, keepSnapshot } from '../../data/memory/snapshots.ts';
import { findOpenQuestion } from '../../data/process/approvals.ts';
import { listDmChats } from '../../data/process/chats.ts';
import {
  countQueued,
  endInbox,
  findWaiting,
  insertInbox,
  listInbox,
  listQueuedSessions,
  queueInbox,
} from '../../data/process/inbox.ts';
import {
  enqueueOutbox,
  getOutboxByKey,
  listExpired,
  listOpenChats,
  nextOutbox,
  updateOutbox,
} from '../../data/process/outbox.ts';
import { listOpenCodes } from '../../data/process/pairing.ts';
import { findPerson } from '../../data/process/people.ts';
import {
  hasSchedule,
  listAbandoned,
  listDue,
  listUndelivered,
  nextInstant,
  renewLeases,
} from '../../data/process/schedule/claims.ts';
import { beginTurn, finishTurn, listRunningTurns, listTurnRows, steerIntoTurn } from '../../data/process/turns.ts';
import { searchMessages } from '../../data/search.ts';
import { currentSession, listSessions } from '../../data/sessions.ts';
import { reserveUsage, settleUsage, sumUsage } from '../../data/usage.ts';
import { accountId, inboxId, messageId, userId } from '../../shared/ids.ts';
import {
  annKey,
  begin,
  dmAddress,
  makeEvent,
  makeExchange,
  makeOutboxRow,
  makePerson,
  makeSpeaker,
  type Speaker,
} from './conversation.ts';
import { openTemporaryData } from './temporary-data.ts';

/** Partial indexes that hold open rows only: reading one from end to end is reading the work that is left. */
const OPEN_ROWS =
  /USING (COVERING )?INDEX (inbox_open|outbox_open|turns_running|pairing_codes_open|questions_open|occurrences_(live|next|undelivered))/;

/** `db` that remembers every query that goes through it. */
function watch(db: ProcessDb): { db: ProcessDb; seen: RootOperationNode[] } {
  const seen: RootOperationNode[] = [];
  const plugin: KyselyPlugin = {
    transformQuery({ node }) {
      seen.push(node);
      return node;
    },
    transformResult: async ({ result }) => result,
  };
  return { db: { ...db, query: db.query.withPlugin(plugin) }, seen };
}

async function openWatched() {
  const { db, home } = await openTemporaryData();
  const raw = new Database(path.join(home, DATABASE_FILE), { readonly: true });
  const watched = watch(db);
  const ann = await makeSpeaker(db, await makePerson(db, 'ann'));
  /** Lines of the plans of all queries since the last call. */
  const plans = () =>
    watched.seen.splice(0).flatMap((node) => {
      const { sql, parameters } = db.query.getExecutor().compileQuery(node, { queryId: 'plan' });
      return raw
        .prepare<unknown[], { detail: string }>(`explain query plan ${sql}`)
        .all(...parameters)
        .map(({ detail }) => detail);
    });
  return { db, ann, watched: watched.db, plans, close: () => raw.close() };
}

const caps = { turnMicroUsd: 9, personDayMicroUsd: 9, dayMicroUsd: 9, turnTokens: 9, personDayTokens: 9, dayTokens: 9 };
const call = { cause: 'turn', provider: 'p', model: 'm', tokens: 1, microUsd: 1, costKnown: true, dayStart: 5, caps };

const hot: Record<string, (db: ProcessDb, ann: Speaker, plain: ProcessDb) => Promise<unknown>> = {
  insertInbox: (db) => insertInbox(db, makeEvent()),
  queueInbox: (db, ann) => queueInbox(db, inboxId('1'), { person: ann.person.id, session: ann.session.id, dueAt: 0 }),
  'listInbox received': (db) => listInbox(db, { state: 'received', limit: 9 }),
  'listInbox running': (db) => listInbox(db, { state: 'running', limit: 9 }),
  'listInbox of a session': (db, ann) => listInbox(db, { state: 'queued', session: ann.session.id, limit: 9 }),
  listQueuedSessions: (db) => listQueuedSessions(db),
  countQueued: (db, ann) => countQueued(db, ann.session.id),
  endInbox: (db) => endInbox(db, [inboxId('1')], { state: 'answered' }),
  findWaiting: (db) => findWaiting(db, dmAddress('ann'), messageId('1')),
  findPerson: (db) => findPerson(db, { platform: 'p', account: accountId('a'), user: userId('u') }),
  findOpenQuestion: (db, ann) =>
    findOpenQuestion(db, { person: ann.person.id, chatKey: annKey, isAwaited: () => true }),
  listDmChats: (db, ann) => listDmChats(db, ann.person.id),
  'listAbandoned by now': (db) => listAbandoned(db, { owner: 'o', all: false }),
  'listAbandoned at the start': (db) => listAbandoned(db, { owner: 'o', all: true }),
  'listDue but of some': (db, ann) => listDue(db, { except: [ann.person.id], limit: 9 }),
  nextInstant: (db) => nextInstant(db, 'o'),
  hasSchedule: (db) => hasSchedule(db),
  renewLeases: (db) => renewLeases(db, 'o', 1),
  listUndelivered: (db) => listUndelivered(db),
  enqueueOutbox: (db) => enqueueOutbox(db, [makeOutboxRow('k')]),
  nextOutbox: (db) => nextOutbox(db, annKey),
  listOpenChats: (db) => listOpenChats(db),
  listExpired: (db) => listExpired(db, annKey),
  updateOutbox: (db) => updateOutbox(db, 1, { state: 'sent', sentIds: [] }),
  getOutboxByKey: (db) => getOutboxByKey(db, 'k'),
  beginTurn: (db, ann) =>
    beginTurn(db, {
      session: ann.session.id,
      space: ann.scope.space,
      person: ann.person.id,
      address: ann.address,
      rows: [inboxId('1')],
    }),
  listRunningTurns: (db) => listRunningTurns(db),
  'finishTurn and what a turn does': async (db, ann, plain) => {
    const { turn, row } = await begin(plain, ann);
    await listTurnRows(db, turn.id);
    await writeStep(db, ann.scope, turn.id, {
      key: 'm1',
      kind: 'model',
      state: 'done',
      effect: undefined,
      payload: '{}',
    });
    await listSteps(db, ann.scope, turn.id);
    await steerIntoTurn(db, { turn: turn.id, stepKey: 's1', rows: [row], payload: '[]' });
    await listPendingApprovals(db, ann.scope);
    await finishTurn(db, {
      turn,
      state: 'done',
      messages: makeExchange('a', 'b'),
      outbox: [makeOutboxRow('o')],
      inbox: [{ rows: [row], state: 'answered' }],
    });
  },
  usage: async (db, ann) => {
    const reserved = await reserveUsage(db, ann.scope, { ...call, session: ann.session.id, turn: undefined });
    const actual = {
      provider: 'p',
      model: 'm',
      input: 1,
      output: 1,
      cacheRead: 0,
      cacheWrite: 0,
      reasoning: 0,
      microUsd: 1,
      costKnown: true,
    };
    if (reserved.ok) await settleUsage(db, ann.scope, reserved.id, actual);
    await sumUsage(db, ann.scope, { since: 1 });
  },
  currentSession: (db, ann) => currentSession(db, ann.scope),
  listSessions: (db, ann) => listSessions(db, ann.scope, 9),
  listHistory: (db, ann) => listHistory(db, ann.scope, ann.session.id),
  lastExchange: (db, ann) => lastExchange(db, ann.scope, ann.session.id),
  'searchMessages by words': (db, ann) => searchMessages(db, ann.scope, { query: 'word', limit: 9 }),
  'searchMessages by one sign': (db, ann) => searchMessages(db, ann.scope, { query: '東', limit: 9 }),
  'memory in a prompt': async (db, ann) => {
    await getFileContent(db, ann.scope, 'memory');
    await keepSnapshot(db, ann.scope, ann.session.id, { text: 'x', entries: [] });
    await getSnapshot(db, ann.scope, ann.session.id);
    await listCore(db, ann.scope);
  },
  'memory that fits': async (db, ann) => {
    await searchMemoryWords(db, ann.scope, { words: ['word'], limit: 9 });
    await searchMemoryParts(db, ann.scope, { words: ['word'], limit: 9 });
    await searchMemoryParts(db, ann.scope, { words: ['東'], limit: 9 });
  },
  'memory that changes': async (db, ann) => {
    const made = await changeMemory(db, ann.scope, { author: 'agent', origin: 'agent', title: 'x' }, async (edit) => {
      const { id } = await edit.add({ target: 'memory', place: 'core', state: 'active', text: 'x' });
      await edit.same('x');
      await edit.archived('x', 9);
      await edit.change(id, { text: 'y' });
    });
    if (made !== 'known' && made.batch !== undefined) await undoBatch(db, ann.scope, made.batch);
    await listBatches(db, ann.scope, { limit: 9 });
    await listPendingMemories(db, ann.scope, 9);
    await listLatestMemories(db, ann.scope, 9);
  },
  listOpenCodes: (db) => listOpenCodes(db, { kinds: ['pair'], platform: 'p' }),
};

/** approvals is small: rows live as long as requests do; search_state has one row. search_words and search_parts are virtual tables, which are their own indexes. */
const SMALL = /^SCAN (approvals|persons|search_state|f|search_words|search_parts)\b/;

test.each(Object.keys(hot))('%s', async (name) => {
  const { db, ann, watched, plans, close } = await openWatched();
  await hot[name]?.(watched, ann, db);
  const lines = plans();
  close();
  expect(lines.length + (name === 'enqueueOutbox' || name === 'insertInbox' ? 1 : 0)).toBeGreaterThan(0);
  const scans = lines.filter((line) => line.startsWith('SCAN') && !OPEN_ROWS.test(line) && !SMALL.test(line));
  expect(scans).toEqual([]);
});

test('the watch sees a scan when there is one', async () => {
  const { watched, plans, close } = await openWatched();
  await watched.query.selectFrom('inbox').selectAll().where('reason', '=', 'x').execute();
  expect(plans()).toEqual(['SCAN inbox']);
  close();
});

test('a state as a parameter would lose the partial index: literals are needed', async () => {
  const { watched, plans, close } = await openWatched();
  await watched.query.selectFrom('inbox').selectAll().where('state', '=', 'queued').execute();
  expect(plans()).toEqual(['SCAN inbox']);
  close();
});
