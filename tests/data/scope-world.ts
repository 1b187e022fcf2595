// A world of several people and groups in which every text carries the mark of its space, so that a text in the wrong hands is seen.
import { requestApproval } from '../../data/policy/approvals.ts';
import type { ProcessDb } from '../../data/db.ts';
import { writeStep } from '../../data/journal.ts';
import { listTranscript } from '../../data/messages.ts';
import { addGrant, listGrants } from '../../data/policy/grants.ts';
import { addRule } from '../../data/policy/rules.ts';
import { extendCap } from '../../data/policy/extensions.ts';
import { addTaint } from '../../data/policy/taints.ts';
import { personSpace } from '../../data/scope.ts';
import type { Person } from '../../data/process/people.ts';
import { finishTurn } from '../../data/process/turns.ts';
import { changeSession, createSession } from '../../data/sessions.ts';
import { reserveUsage } from '../../data/usage.ts';
import { leaseCell, putCell } from '../../data/work/board.ts';
import { addTask, steerTask } from '../../data/work/tasks.ts';
import { keepResult } from '../../data/work/results.ts';
import { askQuestion } from '../../data/work/questions.ts';
import { setTodos } from '../../data/work/todos.ts';
import type { SessionId, TurnId } from '../../shared/ids.ts';
import { fillReview } from './probes/review-world.ts';
import { fillSchedule } from './probes/schedule.ts';
import { fillEvidence } from './probes/evidence-world.ts';
import { fillSkills } from './fill-skills.ts';
import { fillTriggers } from './probes/triggers.ts';
import { fillVectors } from './probes/vectors.ts';
import { fillProfile } from './probes/fill-profile.ts';
import { begin, converse, makePerson, makeSpeaker, type Speaker } from './conversation.ts';
import { fillMemory, type MemoryPlace } from './probes/memory.ts';

const MEMORY_TABLES = [
  'forgettings',
  'memories',
  'memory_batches',
  'memory_versions',
  'memory_snapshots',
  'memory_files',
] as const;

/** One person in one space: their DMs, or a group. Members of a group share its space, not their approvals and usage. */
export interface Place extends Speaker {
  /** In every text of the space. */
  spaceMark: string;
  /** In every row that belongs to the person alone. */
  personMark: string;
  /** Has ended turns only. */
  idle: SessionId;
  idleTurn: TurnId;
  /** Has a running turn with a journal. */
  runningTurn: TurnId;
  approval: { id: string; callId: string; digest: string };
  grant: string;
  rule: string;
  result: string;
  question: string;
  task: string;
  memory: MemoryPlace['memory'];
  skillRevision: string;
  evidence: { family: string; step: number };
  usage: number;
  /** What is known of the person; 0 in a group. */
  claim: number;
  review: number;
  /** Cost of the running turn so far: another one for each place, and no sum of others. */
  cost: number;
  lastMessage: number;
  title: string;
}

export interface WorldSpec {
  persons: number;
  /** Which persons speak in each group. */
  groups: readonly (readonly number[])[];
  /** What is said in each idle session, besides the marks. */
  texts: readonly string[];
}

const noCaps = {
  turnMicroUsd: null,
  personDayMicroUsd: null,
  dayMicroUsd: null,
  turnTokens: null,
  personDayTokens: null,
  dayTokens: null,
};

export async function makeWorld(db: ProcessDb, spec: WorldSpec): Promise<readonly Place[]> {
  const places: Place[] = [];
  const persons: Person[] = [];
  for (let i = 0; i < spec.persons; i++) persons.push(await makePerson(db, `person${i}`));
  const add = async (index: number, group?: number) => {
    const person = persons[index];
    if (!person) return;
    const speaker = await makeSpeaker(db, person, group === undefined ? undefined : `group${group}`);
    const marks = { spaceMark: `smark${group === undefined ? index : 50 + group}z`, personMark: `pmark${index}z` };
    places.push(await fill(db, speaker, marks, { texts: spec.texts, cost: 1_000_003 * 2 ** places.length }));
  };
  for (let i = 0; i < spec.persons; i++) await add(i);
  for (const [group, members] of spec.groups.entries()) for (const index of new Set(members)) await add(index, group);
  return places;
}

async function fill(
  db: ProcessDb,
  speaker: Speaker,
  { spaceMark, personMark }: Pick<Place, 'spaceMark' | 'personMark'>,
  { texts, cost }: { texts: readonly string[]; cost: number },
): Promise<Place> {
  const { scope, person } = speaker;
  const idleSession = await createSession(db, scope, { detached: true });
  const idleSpeaker = { ...speaker, session: idleSession };
  let idleTurn: TurnId | undefined;
  for (const text of texts)
    idleTurn = (await converse(db, idleSpeaker, `common ${spaceMark} ${text}`, `common ${spaceMark}`)).id;
  const looked = await begin(db, idleSpeaker, `common ${spaceMark}`);
  await finishTurn(db, {
    turn: looked.turn,
    state: 'done',
    messages: [
      {
        role: 'tool',
        author: '',
        text: `common ${spaceMark}`,
        toolCallId: '1',
        toolName: `t ${spaceMark}`,
        origin: 'agent',
      },
    ],
    outbox: [],
    inbox: [{ rows: [looked.row], state: 'answered' }],
  });
  const title = `${spaceMark} ${person.name} ${idleSession.id}`;
  await fillVectors(db, { scope, spaceMark });
  await fillTriggers(db, { scope, spaceMark, personMark });
  await changeSession(db, scope, idleSession.id, { title, model: `model ${spaceMark}` });
  const { turn } = await begin(db, speaker, `common ${spaceMark}`);
  const memory = await fillMemory(db, { ...speaker, spaceMark, runningTurn: turn.id });
  await writeStep(db, scope, turn.id, {
    key: 'm1',
    kind: 'model',
    state: 'done',
    effect: undefined,
    payload: `"${spaceMark}"`,
  });
  const approval = await requestApproval(db, scope, {
    turn: turn.id,
    callId: 'c1',
    chatKey: 'chat',
    tool: 'send',
    arguments: `"${spaceMark}"`,
    digest: `digest ${spaceMark}`,
    ttlMs: 1e9,
  });
  const asked = { key: spaceMark, title: `${spaceMark} ${personMark}`, wide: false };
  await addGrant(db, scope, { ...asked, tool: 'send', session: undefined, approval: approval.id });
  const grant = (await listGrants(db, scope))[0]?.id ?? '';
  const rule = await addRule(db, scope, { words: spaceMark, verdict: 'ask', spec: `"${spaceMark}"` });
  const result = await keepResult(db, scope, { tool: 't', text: spaceMark, origin: 'agent', turn: turn.id });
  await addTaint(db, scope, { from: cost, to: cost + 1 });
  await setTodos(db, scope, speaker.session.id, [{ id: '1', content: spaceMark, status: 'pending' }]);
  const question = await askQuestion(db, scope, {
    turn: turn.id,
    key: 'question',
    chatKey: personMark,
    choices: [`${spaceMark} ${personMark}`],
    multi: false,
    canDecline: false,
    expiresAt: 1e9,
  });
  await extendCap(db, scope, { cap: 'person_day', dayStart: 0, microUsd: cost, tokens: 1 });
  const task = await addTask(db, scope, {
    root: turn.id,
    parent: undefined,
    session: speaker.session.id,
    turn: turn.id,
    key: 'task',
    address: turn.address,
    name: 'worker',
    preset: '',
    goal: personMark,
    spec: '{}',
    depth: 1,
    background: false,
  });
  await steerTask(db, scope, task.id, personMark);
  await fillSchedule(db, { scope, spaceMark, personMark });
  const cell = { root: turn.id, key: 'cell', type: 'fact', value: spaceMark, expected: 0, author: spaceMark } as const;
  await putCell(db, scope, { ...cell, origin: 'agent' });
  await leaseCell(db, scope, { root: turn.id, key: 'cell', holder: spaceMark, ms: 1 });
  const reserved = await reserveUsage(db, scope, {
    session: speaker.session.id,
    turn: turn.id,
    cause: 'turn',
    provider: 'p',
    model: `model ${personMark}`,
    tokens: cost,
    microUsd: cost,
    costKnown: true,
    dayStart: 0,
    caps: noCaps,
  });
  const last = (await listTranscript(db, scope, idleSession.id)).at(-1);
  if (!idleTurn || !last || !reserved.ok) throw new Error('an empty place');
  return {
    ...speaker,
    spaceMark,
    personMark,
    idle: idleSession.id,
    idleTurn,
    runningTurn: turn.id,
    approval: { id: approval.id, callId: approval.callId, digest: approval.digest },
    grant,
    rule: rule?.id ?? '',
    result,
    question: question.id,
    task: task.id,
    memory,
    skillRevision: await fillSkills(db, { scope, session: speaker.session, spaceMark }),
    evidence: await fillEvidence(db, { scope, idle: idleSession.id, idleTurn, spaceMark }),
    usage: reserved.id,
    claim: await fillProfile(db, { scope, session: speaker.session, spaceMark }),
    review: await fillReview(db, { scope, idle: idleSession.id, idleTurn, spaceMark, personMark }),
    cost,
    lastMessage: last.id,
    title,
  };
}

/** Every row of the database as text, by whose it is: `space`, `space person`, or '' for what no scope may ever change. */
export async function snapshot(db: ProcessDb): Promise<ReadonlyMap<string, readonly string[]>> {
  const rows = new Map<string, string[]>();
  const add = (table: string, owner: string, row: object) => {
    const known = rows.get(owner);
    const text = `${table} ${JSON.stringify(row)}`;
    if (known) known.push(text);
    else rows.set(owner, [text]);
  };
  const turns = await db.query.selectFrom('turns').selectAll().execute();
  const spaceOfTurn = new Map(turns.map((turn) => [turn.id, turn.space_id]));
  for (const row of turns) add('turns', row.space_id, row);
  for (const row of await db.query.selectFrom('spaces').selectAll().execute()) add('spaces', row.id, row);
  for (const table of [
    'sessions',
    'messages',
    ...MEMORY_TABLES,
    'rules',
    'results',
    'taints',
    'todos',
    'cells',
  ] as const)
    for (const row of await db.query.selectFrom(table).selectAll().execute()) add(table, row.space_id, row);
  for (const table of ['review_marks', 'reviews', 'review_patterns'] as const)
    for (const row of await db.query.selectFrom(table).selectAll().execute()) add(table, row.space_id, row);
  for (const table of ['claims', 'claim_evidence', 'profile_state', 'profile_snapshots'] as const)
    for (const row of await db.query.selectFrom(table).selectAll().execute())
      add(table, personSpace(row.person_id), row);
  for (const row of await db.query.selectFrom('review_news').selectAll().execute())
    add('review_news', `${row.space_id} ${row.person_id}`, row);
  for (const table of ['task_families', 'task_turns', 'skill_uses', 'skill_replays', 'skill_curation'] as const)
    for (const row of await db.query.selectFrom(table).selectAll().execute()) add(table, row.space_id, row);
  for (const table of ['skill_revisions', 'skill_files', 'skill_marks', 'skill_loads'] as const)
    for (const row of await db.query.selectFrom(table).selectAll().execute()) add(table, row.space_id, row);
  for (const row of await db.query.selectFrom('memory_vectors').selectAll().execute())
    add('memory_vectors', row.space_id, row);
  for (const row of await db.query.selectFrom('journal').selectAll().execute())
    add('journal', spaceOfTurn.get(row.turn_id) ?? '', row);
  for (const table of [
    'approvals',
    'grants',
    'ledger',
    'questions',
    'extensions',
    'tasks',
    'usage',
    'jobs',
    'occurrences',
    'triggers',
  ] as const)
    for (const row of await db.query.selectFrom(table).selectAll().execute())
      add(table, `${row.space_id} ${row.person_id}`, row);
  for (const table of [
    'persons',
    'identities',
    'pairing_codes',
    'pairing_locks',
    'chats',
    'inbox',
    'outbox',
    'cursors',
    'audit',
    'meta',
  ] as const)
    for (const row of await db.query.selectFrom(table).selectAll().execute()) add(table, '', row);
  return rows;
}
