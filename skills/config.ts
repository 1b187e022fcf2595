// Settings of skills, as they stand in config.yaml.
import { z } from 'zod';

const names = (what: string) => z.array(z.string().trim().min(1).max(64)).max(1000).default([]).describe(what);

/** `skills`. */
export const skillsSchema = z.strictObject({
  write_mode: z
    .enum(['propose', 'auto', 'off'])
    .default('propose')
    .describe(
      'What becomes of skills that the agent writes: propose = you are asked, with the change. auto = they are tried at once. off = it writes none. Default propose.',
    ),
  index_tokens: z
    .int()
    .min(50)
    .max(20_000)
    .default(350)
    .describe('Most tokens that the list of skills takes of a request, however many there are. Default 350.'),
  shared_dirs: z
    .array(z.string().trim().min(1).max(4096))
    .max(32)
    .default([])
    .describe('Folders of skills for everybody on this Herald: absolute or from ~; they are only read. Default: [].'),
  disabled: names('Skills that nobody is shown. Default: [].'),
  disabled_by_platform: z
    .record(z.string().min(1).max(64), names('Skills that are not shown there.'))
    .default({})
    .describe('Skills that are not shown in chats of a platform, by its id. Default: {}.'),
});

export type SkillSettings = z.infer<typeof skillsSchema>;
