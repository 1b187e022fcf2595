// Settings of the scheduler, as they stand in config.yaml.
import { z } from 'zod';

const CLOCK_TIMES = /^([01]?\d|2[0-3]):[0-5]\d-([01]?\d|2[0-3]):[0-5]\d$/;

/** `scheduler`. */
export const schedulerSchema = z.strictObject({
  confirm: z
    .enum(['always', 'costly', 'never'])
    .default('costly')
    .describe(
      'What I plan for you when you tell me in words waits for your confirmation: costly = what asks the model or runs commands. always = reminders too. never = nothing. Default costly.',
    ),
  cap_usd: z
    .number()
    .positive()
    .nullable()
    .default(0.5)
    .describe(
      'Most that one run of a job may cost that names no cap of its own, in US dollars; null = as one answer may. Default 0.5.',
    ),
  quiet_hours: z
    .string()
    .regex(CLOCK_TIMES, 'write quiet hours such as 22:00-07:00')
    .optional()
    .describe(
      'Hours in which jobs with an interval do not run, such as 22:00-07:00, in the zone of the job; what is due within runs once at their end. Default: none.',
    ),
});

/** What a job gets that says nothing else. */
export interface JobDefaults {
  confirm: 'always' | 'costly' | 'never';
  capMicroUsd: number | undefined;
  quiet: { from: string; to: string } | undefined;
}

export function jobDefaults(config: z.output<typeof schedulerSchema>): JobDefaults {
  const [from, to] = config.quiet_hours?.split('-') ?? [];
  return {
    confirm: config.confirm,
    capMicroUsd: config.cap_usd === null ? undefined : Math.round(config.cap_usd * 1_000_000),
    quiet: from === undefined || to === undefined ? undefined : { from, to },
  };
}
