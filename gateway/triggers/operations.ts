// What begins jobs beside the time, over the control API: webhooks, messages, files, background processes.
import { z } from 'zod';
import { listTriggers } from '../../data/schedule/triggers.ts';
import { AppError } from '../../shared/errors.ts';
import { jobInput, openCron, words } from '../control/cron-operations.ts';
import { defineOperation, notRunning, type ControlContext } from '../control/operation.ts';
import { personInput } from '../control/person.ts';
import { eventText, storedEventText, type TriggerService, type WantedEvent } from './arm.ts';
import { WEBHOOK_FORMATS } from './webhook-format.ts';

/** Exactly one of message, file and process. */
const eventInput = {
  message: z
    .strictObject({
      platform: words(40),
      from: words(200),
      words: z.array(z.string().trim().min(1).max(100)).max(20).default([]),
    })
    .optional(),
  /** Within the workspace. */
  file: words(1_000),
  /** Part of its title, or '' for any. */
  process: z.string().trim().max(200).optional(),
};

export const triggerOperations = {
  'cron.on': defineOperation({
    input: z.strictObject({ person: personInput, job: jobInput, ...eventInput }),
    output: z.object({ id: z.string(), job: z.string(), event: z.string() }),
    needsGateway: true,
    async run(context, { person, job: name, ...given }) {
      const { jobs, scope } = await openCron(context, person, 'cron.on');
      const job = await jobs.get(scope, name);
      const event = wantedEvent(given);
      const { id } = await requireTriggers(context).arm(scope, job, event);
      return { id, job: job.name, event: eventText(event) };
    },
  }),
  'cron.hook': defineOperation({
    input: z.strictObject({
      person: personInput,
      job: jobInput,
      format: z.enum(WEBHOOK_FORMATS),
      events: z.array(z.string().min(1).max(100)).max(50).default([]),
      template: words(4_000),
      perMinute: z.int().min(1).max(600).optional(),
    }),
    output: z.object({ id: z.string(), url: z.string(), path: z.string(), secret: z.string(), job: z.string() }),
    needsGateway: true,
    async run(context, { person, job: name, ...spec }) {
      const { jobs, scope } = await openCron(context, person, 'cron.hook');
      const job = await jobs.get(scope, name);
      const { addWebhook } = await import('./webhooks.ts');
      const made = await addWebhook(context.db, scope, { job: job.id, spec });
      const { url = '' } = (await context.actions?.status()) ?? {};
      return { ...made, url: `${url}${made.path}`, job: job.name };
    },
  }),
  'cron.triggers': defineOperation({
    input: z.strictObject({ person: personInput, remove: z.string().min(1).max(40).optional() }),
    output: z.array(
      z.object({
        id: z.string(),
        job: z.string(),
        kind: z.string(),
        /** In words; '' for a webhook. */
        event: z.string(),
        fired: z.number(),
        firedAt: z.number().optional(),
      }),
    ),
    needsGateway: true,
    async run(context, { person, remove }) {
      const { jobs, scope } = await openCron(context, person, 'cron.triggers');
      if (remove !== undefined && !(await requireTriggers(context).disarm(scope, remove)))
        throw new AppError('not_found', `There is no trigger ${remove}. Nothing was removed.`);
      const names = new Map((await jobs.list(scope)).map(({ id, name }) => [id, name]));
      return (await listTriggers(context.db, scope)).map((trigger) => {
        const { id, job, kind, fired, firedAt } = trigger;
        return { id, job: names.get(job) ?? job, kind, event: storedEventText(trigger), fired, firedAt };
      });
    },
  }),
};

interface GivenEvent {
  message?: { platform?: string | undefined; from?: string | undefined; words: string[] } | undefined;
  file?: string | undefined;
  process?: string | undefined;
}

function wantedEvent({ message, file, process }: GivenEvent): WantedEvent {
  const found: WantedEvent[] = [
    ...(message ? [{ kind: 'message' as const, spec: message }] : []),
    ...(file === undefined ? [] : [{ kind: 'file' as const, spec: { path: file } }]),
    ...(process === undefined ? [] : [{ kind: 'process' as const, spec: process === '' ? {} : { title: process } }]),
  ];
  const [event, other] = found;
  if (event && !other) return event;
  throw new AppError(
    'bad_input',
    'What is to begin it? Give one of a message, a file and a process. Nothing was changed.',
  );
}

function requireTriggers({ triggers }: ControlContext): TriggerService {
  if (triggers) return triggers;
  throw notRunning();
}
