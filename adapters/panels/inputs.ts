// What clients may send about jobs, checked where it arrives: for the page and the API alike.
import { z } from 'zod';
import { AppError } from '../../shared/errors.ts';
import type { JobInput } from './port.ts';

const words = (max: number) => z.string().trim().min(1).max(max);

const fields = {
  name: words(80).optional(),
  when: words(300),
  prompt: words(20_000).optional(),
  reminder: words(4_000).optional(),
  deliver: words(500).optional(),
  timezone: words(60).optional(),
};

export const jobInput = z.strictObject({ ...fields, capUsd: z.number().positive().max(1_000).optional() });
export const jobChangeInput = jobInput.extend({ when: fields.when.optional() });
export const jobKey = words(200);
export const jobName = words(100);

/** Rejects with AppError `bad_input` unless it does exactly one thing. */
export function checkWork(input: Pick<JobInput, 'prompt' | 'reminder'>): void {
  if ((input.prompt === undefined) === (input.reminder === undefined))
    throw new AppError('bad_input', 'What shall it do? Give either a prompt or a reminder. Nothing was made.');
}

const DAY_MS = 86_400_000;

const instant = z.union([
  z
    .string()
    .regex(/^\d{10,15}$/)
    .transform(Number),
  z.iso.datetime({ offset: true }).transform((text) => Date.parse(text)),
]);

/**
 * `from` and `to` of an address, each in ms since the epoch or as an ISO 8601 instant. Default: from now, for a week. Rejects with AppError
 * `bad_input`.
 */
export function readSpan(query: URLSearchParams, now: number): { from: number; to: number } {
  const read = (name: string, usual: number) => {
    const given = query.get(name);
    if (given === null) return usual;
    const parsed = instant.safeParse(given);
    if (parsed.success && Number.isFinite(parsed.data)) return parsed.data;
    throw new AppError('bad_input', `${name} is an instant such as 2027-01-31T08:00:00Z, or ms since the epoch.`);
  };
  const from = read('from', now);
  const to = read('to', from + 7 * DAY_MS);
  if (to <= from || to - from > 366 * DAY_MS)
    throw new AppError('bad_input', 'A calendar goes from an instant to a later one, 366 days at most.');
  return { from, to };
}

/** A number of the address, within its limits. Rejects with AppError `bad_input`. */
export function readCount(query: URLSearchParams, name: string, limits: { usual: number; max: number }): number {
  const given = query.get(name);
  if (given === null) return limits.usual;
  const count = /^\d{1,6}$/.test(given) ? Number(given) : 0;
  if (count >= 1 && count <= limits.max) return count;
  throw new AppError('bad_input', `${name} is a number from 1 to ${limits.max}.`);
}
