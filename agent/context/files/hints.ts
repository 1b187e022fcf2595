// Instruction files further down in a workspace: told when a tool first touches their folder in a session, with the tool's result, so that
// the system prompt stays as it is.
import { realpath } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import type { SessionId } from '../../../shared/ids.ts';
import type { Logger } from '../../../shared/log.ts';
import type { Tool } from '../../tools/tool.ts';
import { readInstructions, type InstructionPlace, type Instructions } from './instructions.ts';

/** Of all folders on the way together. */
const MAX_CHARS = 8_000;
/** Less is not worth a file. */
const MIN_CHARS = 400;
const MAX_DEPTH = 12;
const MAX_SESSIONS = 200;

export interface FolderHints {
  /**
   * What is to be known of `folder` (absolute, on this machine) and of the folders above it, up to the workspace, which the system prompt
   * has. Each is told once per session. Undefined: nothing new. Never rejects.
   */
  at(
    place: InstructionPlace,
    touched: { session: SessionId; workspace: string; folder: string },
  ): Promise<Instructions | undefined>;
}

export function makeFolderHints(): FolderHints {
  const told = new Map<SessionId, Set<string>>();
  return {
    async at(place, { session, workspace, folder }) {
      const seen = told.get(session) ?? new Set<string>();
      told.delete(session);
      told.set(session, seen);
      for (const oldest of told.keys()) {
        if (told.size <= MAX_SESSIONS) break;
        told.delete(oldest);
      }
      const found: Instructions[] = [];
      let room = MAX_CHARS;
      for (const one of await foldersOnTheWay(workspace, folder)) {
        if (seen.has(one.path) || room < MIN_CHARS) continue;
        seen.add(one.path);
        const hint = await readInstructions(place, one.path, { title: `${one.shown}/`, maxChars: room });
        if (hint.text === '') continue;
        found.push(hint);
        room -= hint.text.length;
      }
      if (found.length === 0) return undefined;
      return {
        text: found.map(({ text }) => text).join('\n\n'),
        isForeign: found.some(({ isForeign }) => isForeign),
      };
    },
  };
}

const pathSchema = z.object({ path: z.string() });

/** A tool for files whose results also say what is to be known of the folder that its `path` touched. */
export function withFolderHints(tool: Tool, hints: FolderHints, log: Logger): Tool {
  return {
    ...tool,
    prepare(args) {
      const prepared = tool.prepare(args);
      const given = pathSchema.safeParse(args);
      if (!prepared.ok || !given.success) return prepared;
      const { call } = prepared;
      return {
        ok: true,
        call: {
          ...call,
          async execute(context) {
            const result = await call.execute(context);
            if (result.isError === true) return result;
            const { db, scope, session, workspace } = context;
            const folder = path.resolve(workspace, given.data.path);
            const hint = await hints.at({ db, scope, log }, { session, workspace, folder });
            if (!hint) return result;
            const text = `${result.text}\n\n${hint.text}`;
            return hint.isForeign ? { ...result, text, origin: 'foreign' } : { ...result, text };
          },
        },
      };
    },
  };
}

/** From the folder itself up, without the workspace; none when it is not in there. */
async function foldersOnTheWay(workspace: string, folder: string): Promise<readonly { path: string; shown: string }[]> {
  try {
    const root = await realpath(workspace);
    const inside = path.relative(root, await realpath(folder));
    if (inside === '' || inside.startsWith('..') || path.isAbsolute(inside)) return [];
    const names = inside.split(path.sep).slice(0, MAX_DEPTH);
    return names
      .map((_, index) => names.slice(0, index + 1).join('/'))
      .map((shown) => ({ path: path.join(root, shown), shown }))
      .reverse();
  } catch {
    return [];
  }
}
