// What skills are worth, by evidence: numbers per revision, their course over time, and the ledger of curation.
import { z } from 'zod';
import type { EvidencePort } from '../../agent/evidence/port.ts';
import { personScope } from '../../data/scope.ts';
import { defineOperation, notRunning, type ControlContext } from './operation.ts';
import { personInput, resolvePerson } from './person.ts';

const DAY_MS = 24 * 3_600_000;

const interval = z.object({ value: z.number(), low: z.number(), high: z.number() }).optional();
const sums = z.object({
  turns: z.number(),
  successes: z.number(),
  verified: z.number(),
  microUsd: z.number(),
  tokens: z.number(),
  steps: z.number(),
});

export const evidenceOperations = {
  'skills.report': defineOperation({
    input: z.strictObject({ person: personInput }),
    output: z.object({
      skills: z.array(
        z.object({
          skill: z.string(),
          /** Absent: the read-only skill as it came. */
          revision: z.string().optional(),
          number: z.number(),
          state: z.string(),
          uses: z.number(),
          verified: z.number(),
          without: z.number(),
          success: z.object({ withSkill: interval, without: interval, difference: interval }),
          cost: z.object({ unit: z.enum(['microUsd', 'tokens']), withSkill: interval, without: interval }),
          steps: z.object({ withSkill: interval, without: interval }),
          pairs: z.number(),
          replays: z.number(),
          helps: z.number(),
          hurts: z.number(),
          lastUsedAt: z.number().optional(),
          verdict: z
            .object({ decision: z.enum(['promote', 'keep trying', 'roll back', 'retire']), why: z.string() })
            .optional(),
        }),
      ),
      curation: z.array(
        z.object({
          id: z.number(),
          kind: z.string(),
          skill: z.string(),
          other: z.string().optional(),
          why: z.string(),
          at: z.number(),
          undoneAt: z.number().optional(),
        }),
      ),
    }),
    needsGateway: true,
    async run(context, { person }) {
      const { id } = await resolvePerson(context, person, 'skills.report');
      const { skills, curation } = await evidenceOf(context).report(personScope(id));
      return { skills: [...skills], curation: [...curation] };
    },
  }),
  /** Per week and skill, for a plot. */
  'skills.series': defineOperation({
    input: z.strictObject({
      person: personInput,
      skill: z.string().trim().min(1).max(64).optional(),
      days: z.int().min(1).max(3_650).default(180),
    }),
    output: z.array(z.object({ at: z.number(), skill: z.string(), withSkill: sums, without: sums })),
    needsGateway: true,
    async run(context, { person, skill, days }) {
      const { id } = await resolvePerson(context, person, 'skills.series');
      const since = context.clock.now() - days * DAY_MS;
      return [...(await evidenceOf(context).series(personScope(id), { since, skill }))];
    },
  }),
  'skills.curation.undo': defineOperation({
    input: z.strictObject({ person: personInput, id: z.int().min(1) }),
    output: z.object({ done: z.literal(true) }),
    needsGateway: true,
    async run(context, { person, id: step }) {
      const { id } = await resolvePerson(context, person, 'skills.curation.undo');
      await evidenceOf(context).undoCuration(personScope(id), step);
      return { done: true as const };
    },
  }),
};

function evidenceOf(context: ControlContext): EvidencePort {
  if (context.evidence) return context.evidence;
  throw notRunning();
}
