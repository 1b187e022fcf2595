// skill_manage: writes, changes and deletes skills of the space. By default that is a proposal, which the person takes or not.
import { z } from 'zod';
import { AppError } from '../../../shared/errors.ts';
import type { SkillStep } from '../../../skills/types.ts';
import { defineTool, type Tool } from '../tool.ts';
import type { SkillToolInput } from './ports.ts';

const MAX_TEXT_CHARS = 1024 * 1024;
const text = z.string().max(MAX_TEXT_CHARS);

const stepFields = {
  action: z.enum(['create', 'patch', 'edit', 'delete', 'write_file', 'remove_file']),
  text: text.optional().describe('create, edit: whole SKILL.md; write_file: content'),
  old: text.optional().describe('patch: exact text'),
  new: text.optional(),
  all: z.boolean().optional(),
  path: z.string().max(240).optional().describe('Under references/, templates/, scripts/, assets/'),
  category: z.string().max(64).optional(),
  absorbed_into: z.string().max(64).optional(),
};
const stepSchema = z.strictObject(stepFields);

export function makeSkillManageTool(input: SkillToolInput): Tool {
  return defineTool({
    name: 'skill_manage',
    description:
      'Write, change or delete a skill: one action, or several as operations, all or none. SKILL.md begins with front matter (name, description); say when to use it, procedure, pitfalls, verification.',
    parameters: z.strictObject({
      name: z.string().trim().min(1).max(80),
      reason: z.string().trim().min(1).max(500).describe('Why, for the person'),
      ...z.strictObject(stepFields).partial().shape,
      operations: z.array(stepSchema).min(1).max(20).optional(),
    }),
    effect: 'reversible',
    touches: ['settings'],
    origin: 'agent',
    toolset: 'skills',
    isRare: true,
    available: ({ role }) => role !== 'guest' && input.settings().write_mode !== 'off',
    summarize: ({ name, action, operations }) =>
      `${action ?? operations?.map((one) => one.action).join(', ') ?? 'changing'} skill ${name}`,
    async execute({ name, reason, operations, action, ...fields }, context) {
      const given = operations ?? (action === undefined ? [] : [{ action, ...fields }]);
      const revision = await input.library().change(context.scope, {
        name,
        steps: given.map(stepOf),
        author: 'agent',
        reason,
        turns: [context.turn],
        session: context.session,
        isForeign: context.tainted,
        as: input.settings().write_mode === 'auto' ? 'trial' : 'proposed',
      });
      const findings = revision.findings === '' ? '' : `\nThe guard says:\n${revision.findings}`;
      if (revision.state !== 'proposed')
        return { text: `Done: version ${revision.number} of ${name} is on trial.${findings}` };
      await input.propose?.(context, revision);
      return {
        text: `Proposed as version ${revision.number} of ${name}; the person ${input.propose ? 'was asked' : 'sees it with /skills'}. It is not in force yet.${findings}`,
      };
    },
  });
}

function stepOf(step: z.infer<typeof stepSchema>): SkillStep {
  const { action, path, category, all } = step;
  switch (action) {
    case 'create':
      return { action, text: need(step, 'text'), category };
    case 'edit':
      return { action, text: need(step, 'text') };
    case 'patch':
      return { action, old: need(step, 'old'), new: need(step, 'new'), path, all };
    case 'delete':
      return { action, absorbedInto: step.absorbed_into };
    case 'write_file':
      return { action, path: need(step, 'path'), text: need(step, 'text') };
    case 'remove_file':
      return { action, path: need(step, 'path') };
  }
}

function need(step: z.infer<typeof stepSchema>, field: 'text' | 'old' | 'new' | 'path'): string {
  const value = step[field];
  if (value !== undefined) return value;
  throw new AppError('bad_input', `${step.action} needs ${field}. Nothing was changed.`);
}
