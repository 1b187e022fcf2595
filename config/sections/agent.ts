// How the agent and its workers work, and what they may cost.
import { z } from 'zod';
import { textList, tokenCount } from './values.ts';

const HOUR_MS = 3_600_000;

const timeZone = z.string().refine(isTimeZone, 'write a time zone such as Europe/Vienna or UTC');

export const agentSettings = z.strictObject({
  max_iterations: z.int().min(1).max(1000).default(90).describe('Model calls in one turn. Default 90.'),
  personality: z
    .string()
    .min(1)
    .optional()
    .describe('Personality of new sessions, one of `personalities` or a built-in one. Default: none.'),
  max_output_tokens: tokenCount.default(8192).describe('Most tokens of one model reply. Default 8192.'),
  reasoning_effort: z
    .enum(['none', 'low', 'medium', 'high'])
    .optional()
    .describe("How long the model thinks. Default: the provider's."),
  timezone: timeZone.optional().describe('Time zone of dates in prompts and schedules. Default: that of the machine.'),
  tools: z
    .strictObject({
      disabled: textList('Tools and toolsets that the model does not get. Default: [].'),
      by_platform: z
        .record(z.string().min(1).max(64), textList('Tools and toolsets that are off there.'))
        .default({})
        .describe('Tools and toolsets that are off in all chats of a platform, by its id. Default: {}.'),
      by_role: z
        .partialRecord(
          z.enum(['owner', 'admin', 'member', 'guest']),
          textList('Tools and toolsets that are off for them.'),
        )
        .default({})
        .describe('Tools and toolsets that are off for people of a role: owner, admin, member or guest. Default: {}.'),
      timeout_ms: z
        .int()
        .min(100)
        .max(HOUR_MS)
        .default(120_000)
        .describe('Longest run of one tool call, in ms. Default 120000.'),
      max_parallel: z
        .int()
        .min(1)
        .max(64)
        .default(4)
        .describe('Tool calls that run at the same time in one turn. Default 4.'),
      max_result_chars: z
        .int()
        .min(1000)
        .max(10_000_000)
        .default(20_000)
        .describe('Longest tool result that the model sees, in UTF-16 units. Default 20000.'),
    })
    .prefault({})
    .describe('Limits of tools.'),
});

export const workerSettings = z.strictObject({
  max_parallel: z
    .int()
    .min(1)
    .max(64)
    .default(4)
    .describe('Workers that run at the same time, at each level. Default 4.'),
  max_depth: z
    .int()
    .min(0)
    .max(4)
    .default(2)
    .describe('Levels of workers: 0 = none, 1 = workers have none of their own. Default 2.'),
  max_iterations: z.int().min(1).max(1000).default(60).describe('Model calls of one worker. Default 60.'),
  presets: z
    .record(
      z.string().regex(/^[a-z0-9][a-z0-9_-]{0,39}$/, 'use lower-case letters, digits, _ and -'),
      z.strictObject({
        description: z.string().max(200).optional().describe('What it is for. Default: none.'),
        prompt: z.string().max(20_000).optional().describe('Added to what the worker is told. Default: nothing.'),
        tools: z
          .array(z.string().min(1))
          .max(100)
          .optional()
          .describe('Tools and toolsets that it gets. Default: all that the person has.'),
        model: z.string().min(1).optional().describe('As for /model. Default: the configured model.'),
      }),
    )
    .default({})
    .describe('Named kinds of workers, beside general, research and review. Default: {}.'),
});

const limitUsd = (usd: number, what: string) =>
  z.number().min(0).nullable().default(usd).describe(`${what}, in US dollars; null = no limit. Default ${usd}.`);
const limitTokens = (tokens: number, what: string) =>
  z
    .int()
    .min(0)
    .nullable()
    .default(tokens)
    .describe(`${what}, in tokens in and out; null = no limit. Default ${tokens}.`);

export const budgetSettings = z.strictObject({
  per_turn_usd: limitUsd(2, 'Most that one turn may cost'),
  per_person_day_usd: limitUsd(10, 'Most that one person may cost per day'),
  per_day_usd: limitUsd(25, 'Most that all together may cost per day'),
  per_chat_day_usd: z
    .number()
    .min(0)
    .nullable()
    .default(null)
    .describe(
      'Most that one conversation (a person in direct chats, or a group) may cost per day, in US dollars. Default null: no limit.',
    ),
  per_chat_day_tokens: z
    .int()
    .min(0)
    .nullable()
    .default(null)
    .describe('Most that one conversation may use per day, in tokens in and out. Default null: no limit.'),
  per_turn_tokens: limitTokens(2_000_000, 'Most that one turn may use'),
  per_person_day_tokens: limitTokens(20_000_000, 'Most that one person may use per day'),
  per_day_tokens: limitTokens(50_000_000, 'Most that all together may use per day'),
});

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone.length > 0;
  } catch {
    return false;
  }
}
