// One review, from the conversation's new part to what came of it. The model has the tools of a review and no others, through the same
// dispatcher as every call; nobody can be asked meanwhile, so what would need a person's yes is not run.
import { listHistory, type StoredMessage } from '../../data/messages.ts';
import { listSkillLoads } from '../../data/learning/skill-marks.ts';
import { listRules } from '../../data/policy/rules.ts';
import type { DueReview } from '../../data/review/due.ts';
import { findPattern } from '../../data/review/patterns.ts';
import { isGroupScope } from '../../data/scope.ts';
import { AppError } from '../../shared/errors.ts';
import type { SessionId } from '../../shared/ids.ts';
import type { Origin } from '../../shared/messages.ts';
import type { SkillLibrary } from '../../skills/types.ts';
import { estimateTokens } from '../context/tokens.ts';
import { runLoop, type LoopResult } from '../loop.ts';
import { openSeenAddresses } from '../policy/seen.ts';
import { readRule, type Rule } from '../policy/rules.ts';
import type { ModelMessage, ModelReply } from '../providers/types.ts';
import { renderCore } from '../memory/render.ts';
import { auxiliaryChain } from '../routing.ts';
import { makeDispatcher } from '../tools/dispatcher.ts';
import type { Tool } from '../tools/tool.ts';
import { relevantSkills } from './draft.ts';
import { groupTurns, isOthers, renderTurns, type ReviewedTurn } from './material.ts';
import { makeMemoryJournal } from './memory-journal.ts';
import type { ReviewInput } from './ports.ts';
import { reviewQuestion, reviewSystem } from './prompt.ts';
import { makeRuleReviewer } from './rules.ts';
import { makeReviewTools, type Harvest } from './tools.ts';
import { findTriggers, patternOf, type Trigger } from './triggers.ts';

const MAX_STEPS = 8;
const MAX_OUTPUT_TOKENS = 2_000;
const MAX_SESSIONS = 20;
const RELEVANT_SKILLS = 5;

export interface ReviewOutcome {
  end: LoopResult['end'];
  error: AppError | undefined;
  harvest: Harvest;
  turns: readonly ReviewedTurn[];
}

/** Resolves for all that can go wrong with a model; rejects when the rows cannot be read. Ends within a second of `signal` aborting. */
export async function runReview(
  input: ReviewInput,
  due: DueReview,
  rows: readonly StoredMessage[],
  signal: AbortSignal,
): Promise<ReviewOutcome> {
  const { scope, session } = due;
  const isGroup = isGroupScope(scope);
  const settings = input.settings();
  const turns = groupTurns(rows, isGroup);
  const harvest: Harvest = { kept: [], pending: 0, drafts: [] };
  const last = turns.findLast(({ isUndone }) => !isUndone);
  if (!last) return { end: 'done', error: undefined, harvest, turns };
  const triggers = findTriggers(turns, await patternsSeen(input, due, turns));
  const before = await listHistory(input.db, scope, session);
  const isForeign = [...before, ...rows].some((row) => isOthers(row, isGroup));
  const shown = renderTurns(turns, { isGroup, maxTokens: settings.maxInputTokens });
  const worthy = new Set(triggers.flatMap((one) => one.turns).filter(({ isUndone }) => !isUndone));
  const skills = settings.skills === 'off' ? undefined : input.skills?.();
  const canDraft = skills !== undefined && worthy.size > 0;
  const rules = (await listRules(input.db, scope)).map(readRule);
  const tools = makeReviewTools({
    rules,
    scope,
    session,
    turns: shown.shown,
    worthy,
    isForeign,
    memory: input.memory(),
    skills,
    mode: settings.skills === 'auto' ? 'auto' : 'propose',
    harvest,
  });
  const question = await describe(input, due, { text: shown.text, turns, triggers, skills, canDraft });
  const origins = new Set<Origin>(isForeign ? ['agent', 'foreign'] : ['agent']);
  const ask = input.agentSettings().models.demo
    ? ruleAsker({ turns: shown.shown, triggers, canDraft })
    : modelAsker(input, due, { tools, canDraft, signal });
  const result = await loop(input, due, { tools, rules, turn: last, question, origins, ask, signal });
  return { end: result.end, error: result.error, harvest, turns };
}

/** In which conversations the patterns of these turns were met. */
async function patternsSeen(
  { db }: ReviewInput,
  { scope, session }: DueReview,
  turns: readonly ReviewedTurn[],
): Promise<ReadonlyMap<string, ReadonlySet<SessionId>>> {
  const seen = new Map<string, ReadonlySet<SessionId>>();
  for (const pattern of new Set(turns.flatMap((turn) => patternOf(turn) ?? []))) {
    const found = await findPattern(db, scope, pattern, MAX_SESSIONS);
    seen.set(pattern, new Set([session, ...found.map((one) => one.session)]));
  }
  return seen;
}

async function describe(
  input: ReviewInput,
  { scope, session }: DueReview,
  about: {
    text: string;
    turns: readonly ReviewedTurn[];
    triggers: readonly Trigger[];
    skills: SkillLibrary | undefined;
    canDraft: boolean;
  },
): Promise<string> {
  const memory = input.memory();
  const { core, usage } = await memory.overview(scope);
  const known = renderCore(core, { settings: memory.settings(), isGroup: isGroupScope(scope) });
  const skills = about.canDraft ? ((await about.skills?.list(scope)) ?? []) : [];
  const names = new Set(skills.map(({ name }) => name));
  const views = about.turns.flatMap((turn) => turn.calls).filter(({ name }) => name === 'skill_view');
  const called = about.canDraft ? await listSkillLoads(input.db, scope, session) : [];
  const used = [...views.flatMap(({ texts }) => texts), ...called.map(({ skill }) => skill)];
  const loaded = [...new Set(used)].filter((name) => names.has(name));
  // Descriptions of skills that nobody trusts are not shown: their words would count as words of others for all that is kept.
  const trusted = skills.filter(({ trust }) => trust !== 'community');
  const relevant = relevantSkills(about.text, trusted, RELEVANT_SKILLS);
  const text = reviewQuestion({
    ...about,
    turns: about.text,
    memory: `${known}\nmemory: ${usage.memory} · user: ${usage.user}`.trim(),
    loaded,
    relevant,
  });
  return input.redact(text);
}

type Ask = (messages: readonly ModelMessage[], withTools: boolean) => Promise<ModelReply>;

function ruleAsker(question: Parameters<typeof makeRuleReviewer>[0]): Ask {
  const reviewer = makeRuleReviewer(question);
  return async () => reviewer();
}

function modelAsker(
  input: ReviewInput,
  { scope, session }: DueReview,
  { tools, canDraft, signal }: { tools: readonly Tool[]; canDraft: boolean; signal: AbortSignal },
): Ask {
  const { dailyMicroUsd, dailyTokens } = input.settings();
  return async (messages, withTools) => {
    const reply = await input.meter().call({
      scope,
      session,
      turn: undefined,
      cause: 'review',
      causeCaps: { microUsd: dailyMicroUsd, tokens: dailyTokens },
      chain: auxiliaryChain(input.agentSettings()),
      request: {
        system: [{ text: reviewSystem(canDraft), cache: false }],
        messages,
        tools: withTools ? tools.map((tool) => tool.schema) : [],
        maxOutputTokens: MAX_OUTPUT_TOKENS,
        cacheKey: `${session}.review`,
      },
      signal,
    });
    // Nobody waits for its words, so an empty answer is an end like any other.
    return reply.text.trim() === '' && reply.toolCalls.length === 0 ? { ...reply, text: 'done' } : reply;
  };
}

interface LoopParts {
  tools: readonly Tool[];
  rules: readonly Rule[];
  turn: ReviewedTurn;
  question: string;
  origins: Set<Origin>;
  ask: Ask;
  signal: AbortSignal;
}

async function loop(
  input: ReviewInput,
  due: DueReview,
  { tools, rules, turn, question, origins, ask, signal }: LoopParts,
): Promise<LoopResult> {
  const { db, clock, log } = input;
  const settings = input.agentSettings();
  const journal = makeMemoryJournal();
  const unasked = async () => {
    throw new AppError('not_allowed', 'Nobody can be asked while looking back.');
  };
  const dispatcher = makeDispatcher({
    tools,
    journal,
    approvals: { requestApproval: unasked },
    policy: {
      mode: 'manual',
      rules,
      seen: openSeenAddresses(),
      // Nothing is ever allowed here, so there is nothing to sign.
      sign: undefined,
    },
    context: {
      listOwnChats: async () => [],
      sendMessage: unasked,
      db,
      clock,
      scope: due.scope,
      role: due.role,
      session: due.session,
      turn: turn.id,
      address: due.address,
      timezone: await input.timezoneOf(due.scope),
      workspace: settings.workspaceOf(due.scope),
      tree: { root: turn.id, task: undefined, name: 'Herald', depth: 0 },
    },
    origins,
    limits: { ...settings.tools, approvalTtlMs: 0 },
    redact: (text) => input.redact(text),
    emit: () => undefined,
    log,
    signal,
  });
  log.debug({ session: due.session, tokens: estimateTokens(question), cause: due.cause }, 'looking back');
  return runLoop(
    {
      callModel: ({ messages, withTools }) => ask(messages, withTools),
      runTool: (key, call) => dispatcher.run(key, call),
      isParallel: () => false,
      mustAsk: (call) => dispatcher.mustAsk(call),
      journal,
      steer: async () => undefined,
      emit: () => undefined,
      clock,
      signal,
    },
    {
      opening: { messages: [{ role: 'user', content: [{ type: 'text', text: question }] }], entries: [] },
      maxIterations: MAX_STEPS,
      maxParallel: 1,
    },
  );
}
