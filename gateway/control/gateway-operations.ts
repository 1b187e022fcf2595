// The gateway itself: health, stop, restart, configuration, backup, models and what was spent.
import path from 'node:path';
import { z } from 'zod';
import { sumUsage } from '../../data/usage.ts';
import { personScope } from '../../data/scope.ts';
import { withDeadline } from '../../shared/deadline.ts';
import { AppError } from '../../shared/errors.ts';
import { defineOperation, notRunning, requireActions, requireAgent } from './operation.ts';
import { personInput, resolvePerson } from './person.ts';

const counts = z.partialRecord(z.string(), z.number());
const DAY_MS = 24 * 3_600_000;
const MODEL_LIST_TIMEOUT_MS = 15_000;
const reason = z.string().trim().min(1).max(200).default('asked on the command line');

const expiry = { expiresAt: z.number().optional() };
const loginStep = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('qr'), data: z.string(), caption: z.string(), ...expiry }),
  z.object({ kind: z.literal('code'), code: z.string(), caption: z.string(), ...expiry }),
  z.object({ kind: z.literal('url'), url: z.string(), caption: z.string() }),
  z.object({ kind: z.literal('text'), text: z.string(), caption: z.string() }),
]);

const statusOutput = z.object({
  version: z.string(),
  pid: z.number(),
  startedAt: z.number(),
  url: z.string().optional(),
  home: z.string(),
  model: z.object({ name: z.string(), provider: z.string(), demo: z.boolean() }),
  adapters: z.array(
    z.object({
      platform: z.string(),
      account: z.string(),
      title: z.string(),
      state: z.enum(['connecting', 'online', 'offline', 'needs-login']),
      detail: z.string().optional(),
      login: loginStep.optional(),
      lastAliveAt: z.number().optional(),
      restarts: z.number(),
    }),
  ),
  inbox: counts,
  outbox: counts,
  runningTurns: z.number(),
  persons: z.number(),
  rssBytes: z.number(),
});

export const gatewayOperations = {
  status: defineOperation({
    input: z.strictObject({}),
    output: statusOutput,
    needsGateway: true,
    async run(context) {
      const status = await requireActions(context).status();
      return { ...status, adapters: [...status.adapters] };
    },
  }),
  stop: defineOperation({
    input: z.strictObject({ reason }),
    output: z.object({ accepted: z.literal(true) }),
    needsGateway: true,
    async run(context, input) {
      await requireActions(context).stop(input.reason);
      return { accepted: true as const };
    },
  }),
  restart: defineOperation({
    input: z.strictObject({ reason }),
    output: z.object({ accepted: z.literal(true) }),
    needsGateway: true,
    async run(context, input) {
      await requireActions(context).restart(input.reason);
      return { accepted: true as const };
    },
  }),
  reload: defineOperation({
    input: z.strictObject({}),
    output: z.object({ reloaded: z.literal(true) }),
    needsGateway: true,
    async run(context) {
      await requireActions(context).reload();
      return { reloaded: true as const };
    },
  }),
  backup: defineOperation({
    input: z.strictObject({ file: z.string().refine(path.isAbsolute, 'an absolute path').optional() }),
    output: z.object({ file: z.string(), skills: z.string().optional() }),
    needsGateway: false,
    async run(context, { file }) {
      const backup = context.actions ? context.actions.backup.bind(context.actions) : context.backup;
      if (!backup) throw new AppError('internal', 'This process cannot copy the database.');
      return backup(file);
    },
  }),
  models: defineOperation({
    input: z.strictObject({}),
    output: z.array(z.object({ name: z.string(), provider: z.string(), current: z.boolean() })),
    needsGateway: true,
    run: (context) =>
      withDeadline({ clock: context.clock, timeoutMs: MODEL_LIST_TIMEOUT_MS }, async (signal) => [
        ...(await requireAgent(context).models(signal)),
      ]),
  }),
  usage: defineOperation({
    input: z.strictObject({ person: personInput, days: z.int().min(1).max(3650).default(30) }),
    output: z.object({
      since: z.number(),
      models: z.array(
        z.object({
          provider: z.string(),
          model: z.string(),
          calls: z.number(),
          input: z.number(),
          output: z.number(),
          cacheRead: z.number(),
          cacheWrite: z.number(),
          microUsd: z.number(),
          unpriced: z.number(),
        }),
      ),
    }),
    needsGateway: false,
    async run(context, { person, days }) {
      const who = await resolvePerson(context, person, 'usage');
      const since = context.clock.now() - days * DAY_MS;
      return { since, models: [...(await sumUsage(context.db, personScope(who.id), { since }))] };
    },
  }),
  'prompt-size': defineOperation({
    input: z.strictObject({}),
    output: z.object({
      total: z.number(),
      parts: z.array(z.object({ name: z.string(), tokens: z.number(), chars: z.number() })),
    }),
    needsGateway: true,
    async run(context) {
      if (!context.promptSize) throw notRunning();
      const parts = [...(await context.promptSize())];
      return { total: parts.reduce((sum, part) => sum + part.tokens, 0), parts };
    },
  }),
};
