// What the hub of skills asks of the running gateway: a skill as its person's own revisions make it.
import { z } from 'zod';
import { personScope } from '../../data/scope.ts';
import { AppError } from '../../shared/errors.ts';
import { defineOperation, requireAgent } from './operation.ts';
import { personInput, resolvePerson } from './person.ts';

export const hubOperations = {
  /** All files of a skill of that person, to be given to others. */
  'skills.files': defineOperation({
    input: z.strictObject({ person: personInput, name: z.string().trim().min(1).max(64) }),
    output: z.object({ name: z.string(), files: z.array(z.object({ path: z.string(), base64: z.string() })) }),
    needsGateway: true,
    async run(context, { person, name }) {
      const { id } = await resolvePerson(context, person, 'skills.files');
      const { skills } = requireAgent(context);
      if (!skills) throw new AppError('not_found', 'This Herald has no skills.');
      const files = await skills.files(personScope(id), name);
      return { name, files: [...files].map(([path, content]) => ({ path, base64: content.toString('base64') })) };
    },
  }),
};
