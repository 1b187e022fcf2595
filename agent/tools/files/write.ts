// Writing a whole file.
import { z } from 'zod';
import { preview } from '../../../shared/text.ts';
import { defineTool, type Tool, type ToolResult } from '../tool.ts';
import type { FileAccess, FileToolsDeps } from './access.ts';
import { commitChanges, readOld, type ChangeDeps } from './change.ts';
import { lineEnding, withEnding } from './edit/lines.ts';
import type { FilePath } from './paths.ts';
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
    execute: (args, context) =>
      access.use(context, async (files) => {
        const file = await files.find(args.path, access.judged(args, args.path));
        return writeWhole({ files, seen, checkpoints: deps.checkpoints, context }, file, args.content);
      }),
  });
}

async function writeWhole(change: ChangeDeps, file: FilePath, content: string): Promise<ToolResult> {
  const old = await readOld(change, file);
  const before = old?.decoded?.text;
  // Lines of a file keep the ending that they have; models write plain newlines.
  const isReturned = before !== undefined && lineEnding(before) === '\r\n';
  const text = isReturned ? withEnding(content, '\r\n') : content;
  if (text === before) return { text: `${file.shown} has this content already. Nothing was changed.` };
  return { text: (await commitChanges(change, [{ file, old, text }])).join('\n') };
}
