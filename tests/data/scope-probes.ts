// How each function that takes a Scope is tried: with the scope of `me` and everything that can be known of `target`. Run on the own
// place (`me` is `target`) a probe must read or change something, else it proves nothing.
import { decideApproval, listPendingApprovals, requestApproval, takeApproval } from '../../data/policy/approvals.ts';
import type { Db } from '../../data/db.ts';
import { listSteps, writeStep } from '../../data/journal.ts';
import {
  compactMessages,
  countMessages,
  getMessage,
  lastExchange,
  listHistory,
  listSaid,
  listTranscript,
  stubResults,
  undoTurn,
} from '../../data/messages.ts';
import { searchMessages } from '../../data/search.ts';
import {
  changeSession,
  createSession,
  currentSession,
  deleteSession,
  findSessions,
  getSession,
  listSessions,
  switchSession,
} from '../../data/sessions.ts';
import { addGrant, listGrants, revokeGrant, useGrant } from '../../data/policy/grants.ts';
import { addedToday, extendCap } from '../../data/policy/extensions.ts';
import { appendLedger } from '../../data/policy/ledger.ts';
import { addRule, listRules, removeRule } from '../../data/policy/rules.ts';
import { addTaint, isTainted } from '../../data/policy/taints.ts';
import { reserveUsage, settleUsage, sumTurn, sumUsage } from '../../data/usage.ts';
import { leaseCell, listCells, putCell, releaseCell } from '../../data/work/board.ts';
import {
  addTask,
  beginTask,
  endTask,
  findTask,
  getTask,
  listLiveTasks,
  listTasks,
  markTaskTold,
  steerTask,
  takeSteering,
} from '../../data/work/tasks.ts';
import { dmAddress } from './conversation.ts';
import { keepResult, openResult } from '../../data/work/results.ts';
import { askQuestion, endQuestion, getQuestion } from '../../data/work/questions.ts';
import { listTodos, setTodos } from '../../data/work/todos.ts';
import { memoryProbes } from './probes/memory.ts';
import { reviewProbes } from './probes/review.ts';
import { evidenceProbes } from './probes/evidence.ts';
import { scheduleProbes } from './probes/schedule.ts';
import { triggerProbes } from './probes/triggers.ts';
import { insightProbes } from './probes/insights.ts';
import { recallProbes } from './probes/recall.ts';
import { skillProbes } from './probes/skills.ts';
import { vectorProbes } from './probes/vectors.ts';
import type { Place } from './scope-world.ts';

export type Probe = (db: Db, me: Place, target: Place) => Promise<unknown>;

const noCaps = {
  turnMicroUsd: null,
  personDayMicroUsd: null,
  dayMicroUsd: null,
  turnTokens: null,
  personDayTokens: null,
  dayTokens: null,
};
const queriesFor = (target: Place) => [
  'common',
  target.spaceMark,
  `"${target.spaceMark}" OR common*`,
  target.spaceMark.slice(1, 7),
  'z',
  '',
];

const questionOfProbe = { chatKey: 'mine', choices: [], multi: false, canDecline: false, expiresAt: 1 };

async function each<Item>(items: readonly Item[], run: (item: Item) => Promise<unknown>): Promise<unknown[]> {
  const results = [];
  for (const item of items) results.push(await run(item));
  return results;
}

/** The names of functions by file, each with its probe. */
export const probes: Readonly<Record<string, Readonly<Record<string, Probe>>>> = {
  ...reviewProbes,
  ...recallProbes,
  ...skillProbes,
  ...vectorProbes,
  ...evidenceProbes,
  'policy/approvals.ts': {
    requestApproval: (db, me, target) =>
      each([target.approval.callId, 'new call'], (callId) =>
        requestApproval(db, me.scope, {
          turn: target.runningTurn,
          callId,
          chatKey: 'c',
          tool: 't',
          arguments: '{}',
          digest: 'd',
          ttlMs: 1,
        }),
      ),
    listPendingApprovals: (db, me) => listPendingApprovals(db, me.scope),
    decideApproval: (db, me, target) => decideApproval(db, me.scope, target.approval.id, { allow: true }),
    async takeApproval(db, me, target) {
      // As the owner of the request it is allowed first; as anybody else it stays as it is.
      if (me === target) await decideApproval(db, target.scope, target.approval.id, { allow: true });
      return takeApproval(db, me.scope, target.approval.id, target.approval.digest);
    },
  },
  'journal.ts': {
    listSteps: (db, me, target) => listSteps(db, me.scope, target.runningTurn),
    writeStep: (db, me, target) =>
      each(['m1', 'm9'], (key) =>
        writeStep(db, me.scope, target.runningTurn, {
          key,
          kind: 'model',
          state: 'done',
          effect: undefined,
          payload: '"changed"',
        }),
      ),
  },
  'messages.ts': {
    listHistory: (db, me, target) => listHistory(db, me.scope, target.idle),
    listTranscript: (db, me, target) => listTranscript(db, me.scope, target.idle),
    listSaid: (db, me, target) =>
      each([undefined, target.idle], (session) => listSaid(db, me.scope, { session, limit: 500 })),
    getMessage: (db, me, target) => getMessage(db, me.scope, target.lastMessage),
    lastExchange: (db, me, target) => lastExchange(db, me.scope, target.idle),
    undoTurn: (db, me, target) => undoTurn(db, me.scope, target.idleTurn),
    compactMessages: (db, me, target) =>
      compactMessages(db, me.scope, { session: target.idle, throughId: target.lastMessage, summary: 'changed' }),
    stubResults: (db, me, target) =>
      stubResults(db, me.scope, { session: target.idle, throughId: target.lastMessage, minChars: 0 }),
    // A number tells nothing of where it comes from: any but 0 stands for the messages themselves.
    countMessages: async (db, me, target) =>
      (await countMessages(db, me.scope, target.idle)) > 0 ? target.spaceMark : '',
  },
  ...memoryProbes,
  'policy/grants.ts': {
    addGrant: (db, me, target) =>
      addGrant(db, me.scope, {
        tool: 'send',
        key: 'another',
        title: 'mine',
        wide: false,
        session: undefined,
        approval: me === target ? 'new approval' : target.approval.id,
      }),
    listGrants: (db, me) => listGrants(db, me.scope),
    useGrant: (db, me, target) =>
      useGrant(db, me.scope, { tool: 'send', key: target.spaceMark, session: target.session.id, narrowOnly: false }),
    revokeGrant: (db, me, target) => revokeGrant(db, me.scope, target.grant),
  },
  'policy/extensions.ts': {
    extendCap: (db, me) => extendCap(db, me.scope, { cap: 'person_day', dayStart: 0, microUsd: me.cost, tokens: 1 }),
    // A number tells nothing of where it comes from: any but 0 stands for the person's own.
    addedToday: async (db, me) => ((await addedToday(db, me.scope, 0))('person_day').microUsd > 0 ? me.personMark : ''),
  },
  'policy/ledger.ts': {
    appendLedger: (db, me) =>
      appendLedger(db, me.scope, [{ kind: 'request', subject: 'probe', body: { tool: 't' } }], () => 'signed'),
  },
  'policy/rules.ts': {
    addRule: (db, me) => addRule(db, me.scope, { words: 'mine', verdict: 'ask', spec: '{}' }),
    listRules: (db, me) => listRules(db, me.scope),
    removeRule: (db, me, target) => removeRule(db, me.scope, target.rule),
  },
  'policy/taints.ts': {
    addTaint: (db, me) => addTaint(db, me.scope, { from: me.cost, to: me.cost + 2 }),
    // Only whether there is one is told: that stands for the space itself.
    isTainted: async (db, me, target) => ((await isTainted(db, me.scope, target.cost)) ? target.spaceMark : ''),
  },
  'work/board.ts': {
    listCells: (db, me, target) => listCells(db, me.scope, target.runningTurn),
    putCell: (db, me, target) =>
      each([0, 1], (expected) =>
        putCell(db, me.scope, {
          root: target.runningTurn,
          key: me === target ? 'cell' : 'another',
          type: 'fact',
          value: 'mine',
          expected,
          author: 'me',
          origin: 'agent',
        }),
      ),
    leaseCell: (db, me, target) =>
      leaseCell(db, me.scope, { root: target.runningTurn, key: 'cell', holder: me.spaceMark, ms: 1e6 }),
    releaseCell: (db, me, target) =>
      releaseCell(db, me.scope, { root: target.runningTurn, key: 'cell', holder: target.spaceMark }),
  },
  'work/tasks.ts': {
    addTask: (db, me, target) =>
      addTask(db, me.scope, {
        root: target.runningTurn,
        parent: undefined,
        session: me.session.id,
        turn: target.runningTurn,
        key: me === target ? 'new' : 'task',
        address: dmAddress('probe'),
        name: 'mine',
        preset: '',
        goal: 'mine',
        spec: '{}',
        depth: 1,
        background: false,
      }),
    findTask: (db, me, target) => findTask(db, me.scope, { turn: target.runningTurn, key: 'task' }),
    getTask: (db, me, target) => getTask(db, me.scope, target.task),
    listLiveTasks: (db, me, target) => listLiveTasks(db, me.scope, target.session.id),
    listTasks: (db, me, target) =>
      each([{ session: target.session.id }, { root: target.runningTurn }, {}], (filter) =>
        listTasks(db, me.scope, { ...filter, limit: 50 }),
      ),
    beginTask: (db, me, target) => beginTask(db, me.scope, target.task),
    endTask: (db, me, target) => endTask(db, me.scope, target.task, { state: 'done', result: 'mine' }),
    markTaskTold: (db, me, target) => markTaskTold(db, me.scope, target.task),
    steerTask: (db, me, target) => steerTask(db, me.scope, target.task, 'mine'),
    async takeSteering(db, me, target) {
      if (me === target) await beginTask(db, target.scope, target.task);
      return takeSteering(db, me.scope, target.task, { stepKey: 's1', payload: (texts) => JSON.stringify(texts) });
    },
  },
  'work/questions.ts': {
    askQuestion: (db, me, target) =>
      each(['question', 'new'], (key) =>
        askQuestion(db, me.scope, { ...questionOfProbe, turn: target.runningTurn, key }),
      ),
    getQuestion: (db, me, target) => getQuestion(db, me.scope, target.question),
    endQuestion: (db, me, target) => endQuestion(db, me.scope, target.question, 'closed'),
  },
  'work/results.ts': {
    keepResult: (db, me, target) =>
      keepResult(db, me.scope, { tool: 't', text: 'mine', origin: 'agent', turn: target.runningTurn }),
    openResult: (db, me, target) => openResult(db, me.scope, target.result),
  },
  'work/todos.ts': {
    listTodos: (db, me, target) => listTodos(db, me.scope, target.session.id),
    setTodos: (db, me, target) =>
      setTodos(db, me.scope, target.session.id, [{ id: '2', content: 'mine', status: 'pending' }]),
  },
  'search.ts': {
    searchMessages: (db, me, target) =>
      each(queriesFor(target), (query) =>
        searchMessages(db, me.scope, { query, limit: 50, exceptSession: me.session.id }),
      ),
  },
  'sessions.ts': {
    createSession: (db, me) => createSession(db, me.scope),
    currentSession: async (db, me) => (await currentSession(db, me.scope))?.id,
    getSession: (db, me, target) => each([target.idle, target.session.id], (id) => getSession(db, me.scope, id)),
    listSessions: (db, me) => listSessions(db, me.scope, 50),
    findSessions: (db, me, target) =>
      each([target.idle, target.title, target.title.slice(0, 6), '', 'smark'], (text) =>
        findSessions(db, me.scope, text),
      ),
    switchSession: (db, me, target) => switchSession(db, me.scope, target.idle),
    changeSession: (db, me, target) =>
      changeSession(db, me.scope, target.idle, { title: null, model: 'x', personality: 'y' }),
    deleteSession: (db, me, target) => deleteSession(db, me.scope, target.idle),
  },
  'usage.ts': {
    async reserveUsage(db, me, target) {
      const call = {
        session: target.session.id,
        turn: target.runningTurn,
        cause: 'x',
        provider: 'p',
        model: 'm',
        tokens: 1,
        microUsd: 1,
      };
      const more = { costKnown: true, dayStart: 0 };
      return each(
        [{ turnMicroUsd: 0 }, { turnTokens: 0 }, { personDayMicroUsd: 0 }, { personDayTokens: 0 }, {}],
        (caps) => reserveUsage(db, me.scope, { ...call, ...more, caps: { ...noCaps, ...caps } }),
      );
    },
    settleUsage: (db, me, target) =>
      settleUsage(db, me.scope, target.usage, {
        provider: 'p',
        model: 'x',
        input: 0,
        output: 0,
        cacheRead: 0,
        cacheWrite: 0,
        reasoning: 0,
        microUsd: 0,
        costKnown: true,
      }),
    // A number tells nothing of where it comes from: any but 0 stands for the person's own.
    sumTurn: async (db, me, target) =>
      (await sumTurn(db, me.scope, target.runningTurn)).microUsd > 0 ? me.personMark : '',
    sumUsage: (db, me, target) =>
      each([undefined, target.session.id], (session) => sumUsage(db, me.scope, { since: 0, session })),
  },
  ...insightProbes,
  ...triggerProbes,
  ...scheduleProbes,
};
