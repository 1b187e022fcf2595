// Settings of looking back, as they stand in config.yaml.
import { z } from 'zod';
import type { ReviewSettings } from './ports.ts';

/** `review`. */
export const reviewSchema = z.strictObject({
  enabled: z
    .boolean()
    .default(true)
    .describe('Whether Herald looks back at conversations by itself, to keep and learn from them. Default true.'),
  every_turns: z
    .int()
    .min(1)
    .max(1000)
    .default(10)
    .describe('Messages of a conversation after which it is looked back at. Default 10.'),
  idle_minutes: z
    .number()
    .positive()
    .max(10_080)
    .default(30)
    .describe('Minutes without a message after which it is looked back at. Default 30.'),
  daily_usd: z
    .number()
    .min(0)
    .default(0.05)
    .describe(
      'Most that looking back may cost per person and day, in US dollars, within all other limits. Default 0.05.',
    ),
  daily_tokens: z
    .int()
    .min(0)
    .default(60_000)
    .describe('Most that looking back may use per person and day, in tokens in and out. Default 60000.'),
  max_input_tokens: z
    .int()
    .min(500)
    .max(200_000)
    .default(12_000)
    .describe('Most tokens of a conversation that one look back reads; the latest are kept. Default 12000.'),
  notify: z
    .enum(['off', 'on', 'verbose'])
    .default('on')
    .describe(
      'What you are told, once a day and never at night: on = drafts of skills. verbose = what was remembered, too. off = nothing. Default on.',
    ),
});

export function reviewSettings(config: z.infer<typeof reviewSchema>, skills: ReviewSettings['skills']): ReviewSettings {
  return {
    enabled: config.enabled,
    everyTurns: config.every_turns,
    idleMs: config.idle_minutes * 60_000,
    dailyMicroUsd: Math.round(config.daily_usd * 1_000_000),
    dailyTokens: config.daily_tokens,
    maxInputTokens: config.max_input_tokens,
    skills,
    notify: config.notify,
  };
}
