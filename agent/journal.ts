// The journal of one turn as the agent uses it: what is recorded is never done again. Keys are deterministic: `m<n>` is the n-th model
// reply, `t<n>.<call id>` a call of that reply, `<that>/<i>.<digest>` the i-th call that its tool made, `s<n>` the messages steered in
// after the reply. Ids of calls may repeat in a later reply, so the number of the reply is part of their key.
import { z } from 'zod';
import { listSteps, writeStep, type JournalStep } from '../data/journal.ts';
import type { Db } from '../data/db.ts';
import type { Effect } from '../data/schema.ts';
import type { Scope } from '../data/scope.ts';
import { AppError } from '../shared/errors.ts';
import { inboxId, type TurnId } from '../shared/ids.ts';
import { MEDIA_KINDS, type Origin, type StoredFile } from '../shared/messages.ts';
import type { TurnInput } from './port.ts';
import type { ModelReply, ToolCall } from './providers/types.ts';

/** What a tool call came to, as the model is told. */
export interface ToolOutcome {
  text: string;
  isError: boolean;
  origin: Origin;
  /** Shown to the person with the answer. */
  files?: readonly StoredFile[] | undefined;
}

export type ToolStep = { state: 'started'; effect: Effect } | { state: 'done'; outcome: ToolOutcome };

export interface TurnJournal {
  reply(step: number): ModelReply | undefined;
  /** Resolves when it is on disk. Rejects when it could not be written: then nothing that follows from it may be done. */
  recordReply(step: number, reply: ModelReply): Promise<void>;
  tool(key: string): ToolStep | undefined;
  /** Keys that begin so. */
  keysWith(prefix: string): readonly string[];
  startTool(key: string, call: ToolCall, effect: Effect): Promise<void>;
  finishTool(key: string, outcome: ToolOutcome): Promise<void>;
  /** Messages that an earlier start of this turn steered in after reply `step`. */
  steered(step: number): readonly TurnInput[] | undefined;
  /** All of them, over all steps: their rows belong to the turn, but entered it later than its first messages. */
  allSteered(): readonly TurnInput[];
}

export const replyKey = (step: number): string => `m${step}`;
export const steerKey = (step: number): string => `s${step}`;
/** `index` tells calls apart that share an id within one reply, which providers should never produce. */
export const toolKey = (step: number, call: ToolCall, index = 0): string =>
  `t${step}.${call.id}${index === 0 ? '' : `#${index}`}`;

/** The journal of `turn`; with `resumed` its finished steps are read first. Rejects with AppError `internal` when a stored step is no valid JSON. */
export async function openTurnJournal(db: Db, scope: Scope, turn: TurnId, resumed: boolean): Promise<TurnJournal> {
  const steps = new Map<string, JournalStep>();
  if (resumed) for (const step of await listSteps(db, scope, turn)) steps.set(step.key, step);
  const write = async (step: JournalStep) => {
    await writeStep(db, scope, turn, step);
    steps.set(step.key, step);
  };
  /** What a tool changes outside is there after a power cut too, so what is known of it must be. */
  const writeTool = async (step: JournalStep) => {
    await write(step);
    if (step.effect !== 'pure') await db.flush();
  };
  const steered = (key: string): readonly TurnInput[] | undefined => {
    const step = steps.get(key);
    return step && parse(inputsSchema, step);
  };
  return {
    reply(step) {
      const stored = steps.get(replyKey(step));
      return stored && parse(replySchema, stored);
    },
    recordReply: (step, reply) =>
      write({
        key: replyKey(step),
        kind: 'model',
        state: 'done',
        effect: undefined,
        // Thinking is for display; what must be sent back is in `reasoning`.
        payload: JSON.stringify({ ...reply, thinking: '' }),
      }),
    tool(key) {
      const stored = steps.get(key);
      if (!stored) return undefined;
      return stored.state === 'started'
        ? { state: 'started', effect: stored.effect ?? 'once' }
        : { state: 'done', outcome: parse(outcomeSchema, stored) };
    },
    keysWith: (prefix) => [...steps.keys()].filter((key) => key.startsWith(prefix)),
    startTool: (key, call, effect) =>
      writeTool({
        key,
        kind: 'tool',
        state: 'started',
        effect,
        payload: JSON.stringify({ name: call.name, arguments: call.arguments }),
      }),
    finishTool: (key, outcome) =>
      writeTool({
        key,
        kind: 'tool',
        state: 'done',
        effect: steps.get(key)?.effect,
        payload: JSON.stringify(outcome),
      }),
    steered: (step) => steered(steerKey(step)),
    allSteered: () =>
      [...steps.values()].filter((step) => step.kind === 'steer').flatMap((step) => steered(step.key) ?? []),
  };
}

function parse<Value>(schema: z.ZodType<Value>, step: JournalStep): Value {
  try {
    return schema.parse(JSON.parse(step.payload));
  } catch (error) {
    throw new AppError(
      'internal',
      'What I had noted of this turn before the restart cannot be read, so I did not go on with it. Your message is kept; `/retry` asks it again.',
      { cause: new Error(`journal step ${step.key} is damaged`, { cause: error }) },
    );
  }
}

const originSchema = z.enum(['owner', 'member', 'agent', 'foreign']);

/** Stored form of ToolCall, also used for history. */
export const toolCallSchema: z.ZodType<ToolCall> = z
  .object({
    id: z.string(),
    name: z.string(),
    arguments: z.record(z.string(), z.json()).optional(),
    rawArguments: z.string(),
  })
  .transform((call) => ({ ...call, arguments: call.arguments }));

/** Stored form of ReasoningItem, also used for history. */
export const reasoningSchema = z.object({ provider: z.string(), data: z.json() });

const usageSchema = z.object({
  input: z.number(),
  output: z.number(),
  cacheRead: z.number(),
  cacheWrite: z.number(),
  reasoning: z.number(),
});

const replySchema: z.ZodType<ModelReply> = z
  .object({
    text: z.string(),
    toolCalls: z.array(toolCallSchema),
    thinking: z.string(),
    reasoning: z.array(reasoningSchema),
    stop: z.enum(['end', 'tool_calls', 'max_tokens', 'refusal']),
    usage: usageSchema.optional(),
    model: z.string(),
  })
  .transform((reply) => ({ ...reply, usage: reply.usage }));

/** Stored form of StoredFile. */
export const fileSchema = z.object({
  kind: z.enum(MEDIA_KINDS),
  path: z.string(),
  name: z.string(),
  mime: z.string(),
  bytes: z.number(),
});

const outcomeSchema: z.ZodType<ToolOutcome> = z.object({
  text: z.string(),
  isError: z.boolean(),
  origin: originSchema,
  files: z.array(fileSchema).optional(),
});

// Written by the gateway together with the claim of the rows: TurnInput[].
const inputsSchema = z.array(
  z
    .object({
      inbox: z.string().transform(inboxId),
      text: z.string(),
      files: z.array(fileSchema),
      author: z.string(),
      origin: originSchema,
      replyTo: z.object({ text: z.string(), author: z.string() }).optional(),
      sentAt: z.number(),
    })
    .transform((input): TurnInput => input),
);
