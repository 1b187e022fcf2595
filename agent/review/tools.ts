// The tools of a review: memory and skills, nothing else. They are made for one review and count what came of it. Where words of others were
// read, what they write waits for the person: that is decided here, from the rows, not by the model.
import { z } from 'zod';
import type { Scope } from '../../data/scope.ts';
import type { SessionId } from '../../shared/ids.ts';
import { sha256Hex } from '../../shared/digest.ts';
import { AppError } from '../../shared/errors.ts';
import { cleanText } from '../../shared/text.ts';
import type { SkillChange, SkillLibrary, SkillRevision, SkillStep } from '../../skills/types.ts';
import type { Memory } from '../memory/memory.ts';
import type { MemoryOperation } from '../memory/operations.ts';
import { ruleFor, type Rule } from '../policy/rules.ts';
import { makeMemoryTools } from '../tools/memory.ts';
import { canonicalJson, defineTool, type Tool, type ToolResult, type Touch } from '../tools/tool.ts';
import { citedTurns, findSimilar, requireGrounded, writeSkill } from './draft.ts';
import type { ReviewedTurn } from './material.ts';

const MAX_STEP_CHARS = 2_000;

/** What came of a review. */
export interface Harvest {
  kept: string[];
  pending: number;
  drafts: SkillRevision[];
}

export interface ReviewToolsInput {
  scope: Scope;
  session: SessionId;
  turns: readonly ReviewedTurn[];
  /** Turns that something can be learnt from; none: no skill is drafted. */
  worthy: ReadonlySet<ReviewedTurn>;
  isForeign: boolean;
  memory: Memory;
  skills: SkillLibrary | undefined;
  /** What becomes of drafts. */
  mode: 'propose' | 'auto';
  harvest: Harvest;
  /** Standing rules of the person: nobody can be asked here, so what they want to be asked about is not done. */
  rules: readonly Rule[];
}

/** Stable order, as in prompts. */
export function makeReviewTools(input: ReviewToolsInput): readonly Tool[] {
  const { skills } = input;
  if (!skills || input.worthy.size === 0) return memoryTool(input);
  return [...memoryTool(input), viewTool(input, skills), draftTool(input, skills)];
}

/** The tool of the agent, counted. What it adds after words of others were read waits for the person. */
function memoryTool({ session, isForeign, memory, harvest, rules }: ReviewToolsInput): readonly Tool[] {
  const counted: Memory = {
    ...memory,
    async change(scope, operations, by) {
      requireFree(rules, { tool: 'memory', arguments: canonicalJson(operations), touch: 'memory' });
      const isTainted = isForeign || by.isTainted;
      const before = await memory.overview(scope);
      const said = await memory.change(scope, operations, { ...by, isTainted, batch: keyOf(session, operations) });
      harvest.pending += (await memory.overview(scope)).counts.pending - before.counts.pending;
      if (!isTainted)
        harvest.kept.push(...operations.map(({ content, oldText }) => content ?? `no longer: ${oldText ?? ''}`));
      return said;
    },
  };
  return makeMemoryTools({ memory: counted, author: 'review' }).filter(({ name }) => name === 'memory');
}

/** Throws AppError `not_allowed` when a rule is about the call as the agent would make it in a turn. */
function requireFree(rules: readonly Rule[], call: { tool: string; arguments: string; touch: Touch }): void {
  const assessment = { effect: 'idempotent', touches: [call.touch] } as const;
  const rule = ruleFor(rules, { tool: call.tool, arguments: call.arguments, assessment });
  if (rule) throw new AppError('not_allowed', `Held back by a standing rule: "${rule.words}". It was not run.`);
}

/** The same wish of the same conversation is the same change, also when it is looked at again after a crash. */
function keyOf(session: SessionId, operations: readonly MemoryOperation[]): string {
  return sha256Hex(JSON.stringify([session, operations]), 40);
}

function viewTool({ scope }: ReviewToolsInput, skills: SkillLibrary): Tool {
  return defineTool({
    name: 'skill_view',
    description: 'Read a skill. Do so before changing it.',
    parameters: z.strictObject({ name: z.string().min(1).max(64) }),
    effect: 'pure',
    origin: 'agent',
    toolset: 'review',
    summarize: ({ name }) => `reading ${name}`,
    async execute({ name }) {
      const skill = await skills.open(scope, name);
      if (!skill) return { text: `There is no skill ${name}.`, isError: true };
      return { text: skill.body, origin: skill.origin };
    },
  });
}

const line = z.string().trim().min(1).max(MAX_STEP_CHARS);
const lines = z.array(line).max(40);

const draftSchema = z.strictObject({
  action: z.enum(['create', 'patch']).describe('patch: of a skill that is there'),
  name: z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, 'lower-case letters, digits, hyphens'),
  turns: z.array(z.string()).min(1).max(40).describe('Turns it was learnt from, such as T3'),
  reason: z.string().trim().min(1).max(500).describe('Why, for the person'),
  description: z.string().trim().max(1_024).default('').describe('create: what it does and when, one sentence'),
  when_to_use: z.string().trim().max(MAX_STEP_CHARS).default(''),
  procedure: lines.default([]),
  pitfalls: lines.default([]),
  verification: lines.default([]),
  triggers: lines.default([]).describe('Words people use when they need it'),
  old: z.string().max(20_000).default('').describe('patch: text to replace, unique in the skill'),
  new: z.string().max(20_000).default('').describe('patch: what stands there instead'),
});
type Draft = z.output<typeof draftSchema>;

function draftTool(input: ReviewToolsInput, skills: SkillLibrary): Tool {
  return defineTool({
    name: 'skill_manage',
    description:
      'Draft a skill, or a change of one, from what was done. Only what the turns show: commands and paths that were really used.',
    parameters: draftSchema,
    effect: 'idempotent',
    // A draft does nothing before the person, or the evidence of a trial, decides.
    touches: [],
    origin: 'agent',
    toolset: 'review',
    summarize: ({ action, name }) => `${action} ${name}`,
    async execute(draft, context): Promise<ToolResult> {
      requireFree(input.rules, { tool: 'skill_manage', arguments: canonicalJson(draft), touch: 'settings' });
      const turns = citedTurns(draft.turns, input.turns, input.worthy);
      const steps = draft.action === 'create' ? await createSteps(draft, turns) : patchSteps(draft, turns);
      const known = await standing(draft.name);
      if (known !== undefined) return { text: known, isError: true };
      const isForeign = input.isForeign || context.tainted;
      const change: SkillChange = {
        name: draft.name,
        steps,
        author: 'review',
        reason: cleanText(draft.reason),
        turns: turns.map(({ id }) => id),
        session: input.session,
        isForeign,
        as: input.mode === 'auto' && !isForeign ? 'trial' : 'proposed',
      };
      const revision = await skills.change(input.scope, change);
      input.harvest.drafts.push(revision);
      return { text: `${draft.name} is ${revision.state}.` };
    },
  });

  async function createSteps(draft: Draft, turns: readonly ReviewedTurn[]): Promise<readonly SkillStep[]> {
    const missing = (
      ['description', 'when_to_use', 'procedure', 'pitfalls', 'verification', 'triggers'] as const
    ).filter((key) => draft[key].length === 0);
    if (missing.length > 0) throw badDraft(`A new skill needs ${missing.join(', ')}.`);
    const similar = findSimilar(draft, await skills.list(input.scope));
    if (similar) throw badDraft(`${similar.name} is about the same: read it with skill_view and patch it instead.`);
    const said = [draft.description, draft.when_to_use, ...draft.procedure, ...draft.pitfalls, ...draft.verification];
    requireGrounded([...said, ...draft.triggers].join('\n'), turns);
    return [{ action: 'create', text: writeSkill({ ...draft, whenToUse: draft.when_to_use }) }];
  }

  function patchSteps(draft: Draft, turns: readonly ReviewedTurn[]): readonly SkillStep[] {
    if (draft.old === '' || draft.new === '') throw badDraft('A patch needs old and new.');
    requireGrounded(draft.new, turns, draft.old);
    return [{ action: 'patch', old: draft.old, new: draft.new }];
  }

  /** Why nothing more is drafted for this skill; undefined when it may be. */
  async function standing(name: string): Promise<string | undefined> {
    const own = (await skills.revisions(input.scope, name)).filter(({ author }) => author === 'review');
    if (own.some(({ state }) => state === 'proposed')) return `A draft of ${name} waits for the person already.`;
    if (own.some(({ state }) => state === 'trial')) return `A draft of ${name} is being tried out already.`;
    const cited = new Set(input.turns.map(({ id }) => id));
    const refused = own.some(({ state, turns }) => state === 'rejected' && turns.some((id) => cited.has(id)));
    return refused ? `The person has rejected a draft of ${name} from these turns.` : undefined;
  }
}

function badDraft(text: string): AppError {
  return new AppError('bad_input', `${text} Nothing was drafted.`);
}
