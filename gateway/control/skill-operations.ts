// The library of skills for the command line: what there is, its versions, and taking changes back.
import { z } from 'zod';
import type { SkillsPort } from '../../agent/skills/port.ts';
import { personScope, type Scope } from '../../data/scope.ts';
import { AppError } from '../../shared/errors.ts';
import { defineOperation, notRunning, requireAgent, type ControlContext } from './operation.ts';
import { personInput, resolvePerson } from './person.ts';

const name = z.string().trim().min(1).max(80);
const revisionOutput = z.object({
  id: z.string(),
  skill: z.string(),
  number: z.number(),
  author: z.string(),
  reason: z.string(),
  state: z.string(),
  isDeletion: z.boolean(),
  isForeign: z.boolean(),
  findings: z.string(),
  createdAt: z.number(),
});
const skillOutput = z.object({
  name: z.string(),
  description: z.string(),
  source: z.string(),
  trust: z.string(),
  revision: z.string().optional(),
  isTrial: z.boolean(),
  frozen: z.boolean(),
  pinned: z.boolean(),
  archived: z.boolean(),
});

export const skillOperations = {
  'skills.list': defineOperation({
    input: z.strictObject({ person: personInput }),
    output: z.object({ skills: z.array(skillOutput), notes: z.array(z.string()) }),
    needsGateway: true,
    async run(context, { person }) {
      const { port, scope } = await openSkills(context, person, 'skills.list');
      return { skills: [...(await port.list(scope))], notes: [...(await port.notes())] };
    },
  }),
  'skills.show': defineOperation({
    input: z.strictObject({ person: personInput, name }),
    output: skillOutput.extend({ body: z.string(), files: z.array(z.object({ path: z.string(), bytes: z.number() })) }),
    needsGateway: true,
    async run(context, { person, name: wanted }) {
      const { port, scope } = await openSkills(context, person, 'skills.show');
      const skill = await port.open(scope, wanted);
      if (!skill) throw new AppError('not_found', `There is no skill ${JSON.stringify(wanted)}.`);
      return { ...skill, files: [...skill.files] };
    },
  }),
  'skills.log': defineOperation({
    input: z.strictObject({ person: personInput, name: name.optional() }),
    output: z.array(revisionOutput),
    needsGateway: true,
    async run(context, { person, name: wanted }) {
      const { port, scope } = await openSkills(context, person, 'skills.log');
      return [...(await port.revisions(scope, wanted))];
    },
  }),
  'skills.diff': defineOperation({
    /** Id of a version, or a name: its last one. */
    input: z.strictObject({ person: personInput, version: name }),
    output: z.object({ diff: z.string(), revision: revisionOutput }),
    needsGateway: true,
    async run(context, { person, version }) {
      const { port, scope } = await openSkills(context, person, 'skills.diff');
      const all = await port.revisions(scope);
      const revision = all.findLast((one) => one.id === version.toUpperCase() || one.skill === version.toLowerCase());
      if (!revision) throw new AppError('not_found', `There is no version ${JSON.stringify(version)} of a skill.`);
      return { diff: await port.diff(scope, revision.id), revision };
    },
  }),
  'skills.decide': defineOperation({
    input: z.strictObject({ person: personInput, version: name, take: z.boolean() }),
    output: revisionOutput,
    needsGateway: true,
    async run(context, { person, version, take }) {
      const { port, scope } = await openSkills(context, person, 'skills.decide');
      await port.decide(scope, version.toUpperCase(), take ? 'active' : 'rejected', 'decided on the command line');
      const decided = (await port.revisions(scope)).find(({ id }) => id === version.toUpperCase());
      if (!decided) throw new AppError('not_found', `There is no version ${JSON.stringify(version)} of a skill.`);
      return decided;
    },
  }),
  'skills.rollback': defineOperation({
    /** Without a version: as it came, or gone when it was made here. */
    input: z.strictObject({ person: personInput, name, version: z.int().min(1).optional() }),
    output: z.object({ name: z.string(), version: z.number().optional(), exists: z.boolean() }),
    needsGateway: true,
    async run(context, { person, name: wanted, version }) {
      const { port, scope } = await openSkills(context, person, 'skills.rollback');
      const target = (await port.revisions(scope, wanted)).find(({ number }) => number === version);
      if (version !== undefined && !target)
        throw new AppError('not_found', `There is no version ${version} of ${wanted}. Nothing was changed.`);
      await port.rollback(scope, wanted, target?.id, 'rolled back on the command line');
      return { name: wanted, version: target?.number, exists: (await port.open(scope, wanted)) !== undefined };
    },
  }),
  'skills.mark': defineOperation({
    input: z.strictObject({
      person: personInput,
      name,
      frozen: z.boolean().optional(),
      pinned: z.boolean().optional(),
      archived: z.boolean().optional(),
    }),
    output: skillOutput,
    needsGateway: true,
    async run(context, { person, name: wanted, frozen, pinned, archived }) {
      const { port, scope } = await openSkills(context, person, 'skills.mark');
      const marks = {
        ...(frozen !== undefined && { frozen }),
        ...(pinned !== undefined && { pinned }),
        ...(archived !== undefined && { archived }),
      };
      await port.mark(scope, wanted, marks);
      const skill = await port.open(scope, wanted);
      if (!skill) throw new AppError('not_found', `There is no skill ${JSON.stringify(wanted)}.`);
      return skill;
    },
  }),
};

async function openSkills(
  context: ControlContext,
  who: string | undefined,
  action: string,
): Promise<{ port: SkillsPort; scope: Scope }> {
  const { id } = await resolvePerson(context, who, action);
  const port = requireAgent(context).skills;
  if (!port) throw notRunning();
  return { port, scope: personScope(id) };
}
