// Files of a skill in the workspace, so that commands can run them: written when they differ from what is there, through the same guard as
// the file tools, on the machine that commands run on.
import type { ToolContext } from '../tools/tool.ts';
import type { FileAccess } from '../tools/files/access.ts';
import { MAX_FILE_BYTES } from '../../skills/paths.ts';

/** `files`: by path from the workspace on. Rejects with AppError; what was written stays. */
export async function putFiles(
  access: Pick<FileAccess, 'use'>,
  context: Pick<ToolContext, 'scope' | 'workspace' | 'signal'>,
  files: ReadonlyMap<string, Uint8Array>,
): Promise<void> {
  const { signal } = context;
  await access.use(context, async ({ host, find }) => {
    for (const [path, bytes] of files) {
      const { real } = await find(path, undefined);
      const expected = await host.stat(real, signal);
      if (expected?.kind === 'file' && expected.size === bytes.length) {
        const known = await host.read(real, MAX_FILE_BYTES, signal);
        if (Buffer.from(known.bytes).equals(bytes)) continue;
      }
      await host.write(real, { bytes, expected, mode: path.includes('/scripts/') ? 0o755 : undefined }, signal);
    }
  });
}
