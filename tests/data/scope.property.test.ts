// Nobody reads or changes what belongs to another scope, through whatever function of data/. A function that is not known here fails
// the test: whoever adds one says how it is tried.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DATABASE_FILE, openData, type Db, type OpenedData, type ProcessDb } from '../../data/db.ts';
import { listAudit } from '../../data/process/audit.ts';
import { personScope, storedScope } from '../../data/scope.ts';
import { personId, spaceId } from '../../shared/ids.ts';
import { makeFakeClock } from '../support/fake-clock.ts';
import { probes, type Probe } from './scope-probes.ts';
import { makeWorld, snapshot, type Place, type WorldSpec } from './scope-world.ts';
import { openTemporaryData } from './temporary-data.ts';

/** Exports that touch no personal rows: the machinery itself, constants, and functions of their arguments alone. */
const WITHOUT_SCOPE: Readonly<Record<string, readonly string[]>> = {
  'db.ts': ['DATABASE_FILE', 'openData'],
  'query/dialect.ts': ['directConnection', 'makeDialect'],
  'files.ts': ['ensureDir', 'fileError', 'writeFileAtomic'],
  'flush.ts': ['ALWAYS_FLUSHED', 'openFlusher'],
  'query/keep.ts': ['makeKeeper'],
  'lock.ts': ['findLiveOwner', 'takeWriterLock'],
  'learning/skill-revisions.ts': ['seenStates'],
  'memory/entries.ts': ['entryOf', 'foldText'],
  'messages.ts': ['countSummaries', 'messagesOfTurn', 'parseFiles'],
  'schedule/rows.ts': ['occurrenceValues'],
  'schedule/triggers.ts': ['triggerOf'],
  'migrations/0001-start.ts': ['up'],
  'migrations/0002-person-settings.ts': ['up'],
  'migrations/0003-timeline-of-person.ts': ['up'],
  'migrations/0004-index-messages-later.ts': ['up'],
  'migrations/0005-hands.ts': ['up'],
  'migrations/0006-memory.ts': ['up'],
  'migrations/0007-skills.ts': ['up'],
  'migrations/0008-schedule.ts': ['up'],
  'migrations/0009-profile.ts': ['up'],
  'migrations/0010-review.ts': ['up'],
  'migrations/0011-vectors.ts': ['up'],
  'migrations/0012-evidence.ts': ['up'],
  'migrations/0013-triggers.ts': ['up'],
  'migrations/0014-forgettings.ts': ['up'],
  'evidence/tables.ts': ['TURN_OUTCOMES'],
  'migrations/index.ts': ['migrations'],
  'policy/ledger.ts': ['LEDGER_START', 'ledgerHash'],
  'query/prepared.ts': ['prepare'],
  'row-id.ts': ['newRowId'],
  'schema.ts': ['INBOX_END_STATES', 'OUTBOX_END_STATES'],
  'scope.ts': ['groupScope', 'groupSpace', 'isGroupScope', 'personScope', 'personSpace', 'storedScope'],
  'search.ts': ['searchWords'],
  'search/conversation.ts': ['MAX_COUNTED'],
  'search/query.ts': ['parseQuery', 'splitTerms'],
  'search/rank.ts': ['holdsAll', 'holdsPart', 'rank'],
  'derived/search-text.ts': [
    'foldText',
    'indexedParts',
    'indexedWords',
    'pairsOf',
    'scriptRuns',
    'trigramsOf',
    'wordsOf',
  ],
  'profile/claims.ts': ['MAX_CLAIM_CHARS', 'claimKey', 'claimText'],
  'profile/confidence.ts': ['believe', 'certain', 'weigh'],
  'derived/search-index.ts': ['indexInTime', 'indexMessages'],
  'derived/spent.ts': ['AMOUNT', 'spentOf'],
  'work/questions.ts': ['questionOf'],
  'work/todos.ts': ['TODO_STATES'],
  'inbox-payload.ts': ['parsePayload'],
  'storage-errors.ts': ['corruptMessage', 'databaseError', 'isStorageFailure'],
  'query/table-writes.ts': ['effectOf', 'makeWriteCounter'],
  'process/chats.ts': ['addressColumns', 'addressOf', 'storedAddress'],
  'process/inbox.ts': ['inboxRow'],
  'process/outbox.ts': ['outboxRow'],
  'process/retention.ts': ['KEEP_CODES_MS', 'KEEP_ENDED_MS'],
};

interface Export {
  file: string;
  name: string;
  /** First two parameters as written; '' for what is no function. */
  parameters: string;
}

async function listExports(): Promise<readonly Export[]> {
  const root = path.resolve('data');
  const files = fs.readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
  const found: Export[] = [];
  for (const file of files.toSorted()) {
    const source = fs.readFileSync(path.join(root, file), 'utf8');
    const module: object = await import(path.join(root, file));
    for (const name of Object.keys(module)) {
      const [, parameters = ''] =
        new RegExp(`export (?:async )?function ${name}(?:<[^>]*>)?\\(([^)]*)`).exec(source) ?? [];
      found.push({ file: file.replaceAll(path.sep, '/'), name, parameters: parameters.replace(/\s+/g, ' ').trim() });
    }
  }
  return found;
}

/** What is wrong with an export; undefined when it is known and in its place. */
function findFault({ file, name, parameters }: Export): string | undefined {
  if (WITHOUT_SCOPE[file]?.includes(name)) return undefined;
  if (file.startsWith('process/'))
    return /^db: ProcessDb\b/.test(parameters) ? undefined : 'functions of data/process take `db: ProcessDb` first';
  if (!probes[file]?.[name]) return 'has no probe in scope-probes.ts';
  return /^db: Db, scope: Scope\b/.test(parameters)
    ? undefined
    : 'functions that read or write personal data begin with `db: Db, scope: Scope`';
}

describe('every export of data/', () => {
  test('is tried by a probe, is for the process alone, or touches no personal rows', async () => {
    const exports = await listExports();
    expect(exports.length).toBeGreaterThan(80);
    const faults = exports.flatMap((one) => (findFault(one) ? [`${one.file} ${one.name}: ${findFault(one)}`] : []));
    expect(faults).toEqual([]);
  });

  test('is still there when it is listed', async () => {
    const there = new Set((await listExports()).map(({ file, name }) => `${file} ${name}`));
    const listed = [WITHOUT_SCOPE, probes].flatMap((table) =>
      Object.entries(table).flatMap(([file, names]) =>
        (Array.isArray(names) ? names : Object.keys(names)).map((name) => `${file} ${name}`),
      ),
    );
    expect(listed.filter((name) => !there.has(name))).toEqual([]);
  });

  test('a new one is noticed, and so is one without a Scope or with the wrong handle', () => {
    expect(findFault({ file: 'messages.ts', name: 'listEverything', parameters: 'db: Db, scope: Scope' })).toMatch(
      /no probe/,
    );
    expect(findFault({ file: 'messages.ts', name: 'listHistory', parameters: 'db: Db, session: SessionId' })).toMatch(
      /scope: Scope/,
    );
    expect(findFault({ file: 'messages.ts', name: 'listHistory', parameters: 'db: ProcessDb, scope: Scope' })).toMatch(
      /begin with/,
    );
    expect(findFault({ file: 'process/x.ts', name: 'list', parameters: 'db: Db' })).toMatch(/ProcessDb/);
  });
});

function textOf(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) => (typeof part === 'bigint' ? String(part) : part)) ?? '';
}

/** Rows that were written since the database was opened. */
async function countChanges(db: ProcessDb): Promise<number> {
  const { rows } = await sql<{ changes: number }>`select total_changes() as changes`.execute(db.query);
  return rows[0]?.changes ?? -1;
}

/** The rows as they are; read anew only when one was written since. */
async function latest(db: ProcessDb): Promise<Rows> {
  const changes = await countChanges(db);
  const known = lastRows.get(db);
  if (known?.changes === changes) return known.rows;
  const now = { changes, rows: await snapshot(db) };
  lastRows.set(db, now);
  return now.rows;
}

type Rows = Awaited<ReturnType<typeof snapshot>>;
const lastRows = new WeakMap<ProcessDb, { changes: number; rows: Rows }>();

/** Tries `probe` as `me` with what is known of `target`; returns what came out that must not, or was changed. */
async function findViolations(
  db: ProcessDb,
  world: readonly Place[],
  probe: Probe,
  { me, target }: { me: Place; target: Place },
) {
  const own = new Set([me.scope.space, `${me.scope.space} ${me.person.id}`]);
  const before = await latest(db);
  const said = textOf(await probe(db, me, target).catch((error: unknown) => String(error)));
  const after = await latest(db);
  const violations: string[] = [];
  for (const other of world) {
    if (other.scope.space !== me.scope.space)
      for (const secret of [
        other.spaceMark,
        other.idle,
        other.session.id,
        other.idleTurn,
        other.runningTurn,
        other.approval.id,
      ])
        if (said.includes(secret)) violations.push(`read ${secret}`);
    if (other.person.id !== me.person.id)
      for (const secret of [other.personMark, String(other.cost)])
        if (new RegExp(`\\b${secret}\\b`).test(said)) violations.push(`read ${secret}`);
  }
  if (before === after) return violations;
  for (const owner of new Set([...before.keys(), ...after.keys()]))
    if (!own.has(owner) && JSON.stringify(before.get(owner)) !== JSON.stringify(after.get(owner)))
      violations.push(`changed ${owner}`);
  return violations;
}

const specs: fc.Arbitrary<WorldSpec> = fc.record({
  persons: fc.integer({ min: 2, max: 3 }),
  groups: fc.array(fc.array(fc.nat(2), { minLength: 1, maxLength: 2 }), { maxLength: 2 }),
  texts: fc.array(fc.oneof(fc.string({ maxLength: 20 }), fc.constantFrom('common', 'z', '" OR "', '東京')), {
    minLength: 1,
    maxLength: 2,
  }),
});

const allProbes = Object.entries(probes).flatMap(([file, of]) =>
  Object.entries(of).map(([name, probe]) => ({ name: `${file} ${name}`, probe })),
);

test('in random worlds no probe reads or changes what is not in its own scope', { timeout: 120_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(specs, fc.nat(), fc.nat(), async (spec, mine, theirs) => {
      const { db, close } = await openTemporaryData();
      const world = await makeWorld(db, spec);
      const me = world[mine % world.length];
      const others = world.filter((place) => place.scope.space !== me?.scope.space || place.person.id !== me.person.id);
      const target = others[theirs % others.length];
      if (!me || !target) throw new Error('a world of one');
      for (const { name, probe } of allProbes) {
        const strangers = target.scope.space !== me.scope.space;
        // In a group, what is said is everybody's; approvals and usage are each member's own.
        if (!strangers && !/^(policy\/(approvals|grants)|work\/tasks|usage)/.test(name)) continue;
        const found = await findViolations(db, world, probe, { me, target });
        expect(found.map((violation) => `${name}: ${violation}`)).toEqual([]);
      }
      await close();
    }),
    { numRuns: 10 },
  );
});

interface Copy {
  data: OpenedData;
  changes: number;
  rows: string;
}

describe('each probe can tell: on its own place it reads or changes something', () => {
  const spec: WorldSpec = { persons: 2, groups: [], texts: ['text'] };
  const home = fs.mkdtempSync(path.join(os.tmpdir(), 'herald-world-'));
  let me: Place | undefined;
  let madeAt = 0;
  /** A copy of the world that nobody has written to. */
  let unused: Copy | undefined;

  beforeAll(async () => {
    const clock = makeFakeClock();
    const { db, close } = await openData({ home, clock });
    [me] = await makeWorld(db, spec);
    madeAt = clock.now();
    await close();
  });
  afterAll(async () => {
    await unused?.data.close();
    fs.rmSync(home, { recursive: true, force: true });
  });

  async function openCopy(): Promise<Copy> {
    const folder = path.join(home, 'copy');
    fs.rmSync(folder, { recursive: true, force: true });
    fs.mkdirSync(folder);
    fs.copyFileSync(path.join(home, DATABASE_FILE), path.join(folder, DATABASE_FILE));
    const data = await openData({ home: folder, clock: makeFakeClock(madeAt), syncFile: async () => undefined });
    return { data, changes: await countChanges(data.db), rows: JSON.stringify([...(await snapshot(data.db))]) };
  }

  test.each(allProbes)('$name', async ({ probe }) => {
    const copy = unused ?? (await openCopy());
    const { db } = copy.data;
    unused = undefined;
    try {
      if (!me) throw new Error('an empty world');
      const said = textOf(await probe(db, me, me));
      const reads = [me.spaceMark, me.personMark, me.session.id].some((mark) => said.includes(mark));
      if ((await countChanges(db)) === copy.changes) unused = copy;
      const changed = !unused && JSON.stringify([...(await snapshot(db))]) !== copy.rows;
      expect(reads || changed).toBe(true);
    } finally {
      if (!unused) await copy.data.close();
    }
  });
});

describe('the check itself catches', () => {
  const broken: Readonly<Record<string, Probe>> = {
    'a history without the space': (db, _me, target) =>
      db.query.selectFrom('messages').selectAll().where('session_id', '=', target.idle).execute(),
    'an undo without the space': (db, _me, target) =>
      db.query.updateTable('messages').set({ state: 'undone' }).where('turn_id', '=', target.idleTurn).execute(),
    'a search over everybody': (db) =>
      db.query.selectFrom('messages').select('text').where('text', 'like', '%common%').execute(),
    'usage without the person': (db) => db.query.selectFrom('usage').select('model').execute(),
    'what a turn of others has cost': (db, _me, target) =>
      db.query.selectFrom('usage').select('cost_micro_usd').where('turn_id', '=', target.runningTurn).execute(),
    'an answer to the request of others': (db, _me, target) =>
      db.query.updateTable('approvals').set({ state: 'allowed' }).where('id', '=', target.approval.id).execute(),
    'a session taken into the own space': (db, me, target) =>
      db.query.updateTable('sessions').set({ space_id: me.scope.space }).where('id', '=', target.idle).execute(),
  };
  test.each(Object.entries(broken))('%s', async (_name, probe) => {
    const { db } = await openTemporaryData();
    const world = await makeWorld(db, { persons: 2, groups: [], texts: ['text'] });
    const [me, target] = world;
    if (!me || !target) throw new Error('an empty world');
    expect(await findViolations(db, world, probe, { me, target })).not.toEqual([]);
  });
});

describe('scopes', () => {
  test('a stored private space opens for the person alone that it belongs to', () => {
    const [ann, eve] = [personId('ann'), personId('eve')];
    expect(storedScope(eve, personScope(ann).space)).toEqual(personScope(eve));
    expect(storedScope(ann, personScope(ann).space)).toEqual(personScope(ann));
    expect(storedScope(ann, spaceId('g:x')).space).toBe('g:x');
    expect(Object.isFrozen(personScope(ann))).toBe(true);
  });

  test("the agent's handle does not open what is for the process", async () => {
    const { db } = await openTemporaryData();
    const plain: Db = db;
    // @ts-expect-error Db is not ProcessDb: this line compiles only while the two are apart.
    const use = () => listAudit(plain, 1);
    expect(await use()).toEqual([]);
  });
});
