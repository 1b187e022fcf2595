// Writing a whole file.
import { z } from 'zod';
import { preview } from '../../../shared/text.ts';
import { defineTool, type Tool } from '../tool.ts';
import type { FileAccess, FileToolsDeps } from './access.ts';
import { commitChanges, readOld } from './change.ts';
import { lineEnding, withEnding } from './edit/lines.ts';
import type { SeenFiles } from './seen.ts';

export function makeWriteTool(deps: FileToolsDeps, access: FileAccess, seen: SeenFiles): Tool {
  return defineTool({
    name: 'write_file',
    description: 'Writes a whole file, with its folders. For parts use patch.',
    parameters: z.strictObject({ path: z.string(), content: z.string() }),
    effect: 'reversible',
    origin: 'agent',
    toolset: 'files',
    summarize: ({ path }) => `writing ${preview(path, 80)}`,
    assess: (args, at) => access.assess(args, [args.path], { at, verb: 'write' }),
    async execute(args, context) {
      const files = await access.open(context);
      const file = await files.find(args.path, access.judged(args, args.path));
      const change = { files, seen, checkpoints: deps.checkpoints, context };
      const old = await readOld(change, file);
      const before = old?.decoded?.text;
      // Lines of a file keep the ending that they have; models write plain newlines.
      const isReturned = before !== undefined && lineEnding(before) === '\r\n';
      const text = isReturned ? withEnding(args.content, '\r\n') : args.content;
      if (text === before) return { text: `${file.shown} has this content already. Nothing was changed.` };
      return { text: (await commitChanges(change, [{ file, old, text }])).join('\n') };
    },
  });
}
