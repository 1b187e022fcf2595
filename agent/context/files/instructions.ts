// Instruction files of a workspace (AGENTS.md and its kin): what they say goes into the system prompt, once per session, so that the
// prompt stays the same. Trusted like words of the person unless commands may have written words of others into them.
import { constants, promises as fs } from 'node:fs';
import path from 'node:path';
import { isTainted } from '../../../data/policy/taints.ts';
import type { Db } from '../../../data/db.ts';
import type { Scope } from '../../../data/scope.ts';
import type { SessionId } from '../../../shared/ids.ts';
import type { Logger } from '../../../shared/log.ts';
import { cleanText } from '../../../shared/text.ts';
import { cutMiddle } from '../cut.ts';
import { fence } from '../present.ts';
import { scanInstructions } from './scan.ts';

/** The first that is there counts. */
const NAMES = ['AGENTS.md', 'CLAUDE.md', '.cursorrules'] as const;
const MAX_CHARS = 20_000;
const MAX_BYTES = 1_000_000;
const MAX_SESSIONS = 200;

export interface InstructionPlace {
  db: Db;
  scope: Scope;
  log: Logger;
}

export interface Instructions {
  /** For the model; '' when there are none. */
  text: string;
  /** True: they may be words of others, and stand there as such. */
  isForeign: boolean;
}

const NONE: Instructions = { text: '', isForeign: false };

export interface WorkspaceInstructions {
  /** The same for the whole session, whatever becomes of the file. Never rejects: what cannot be read is said instead. */
  of(place: InstructionPlace, at: { session: SessionId; workspace: string }): Promise<Instructions>;
}

export function makeWorkspaceInstructions(): WorkspaceInstructions {
  const sessions = new Map<SessionId, Instructions>();
  return {
    async of(place, { session, workspace }) {
      const known = sessions.get(session);
      const found =
        known ?? (await readInstructions(place, workspace, { title: 'the workspace', maxChars: MAX_CHARS }));
      sessions.delete(session);
      sessions.set(session, found);
      for (const oldest of sessions.keys()) {
        if (sessions.size <= MAX_SESSIONS) break;
        sessions.delete(oldest);
      }
      return found;
    },
  };
}

/** What the instruction file right in `folder` says. Never rejects. */
export async function readInstructions(
  place: InstructionPlace,
  folder: string,
  { title, maxChars }: { title: string; maxChars: number },
): Promise<Instructions> {
  for (const name of NAMES) {
    const file = await readPlainFile(path.join(folder, name));
    if (file.kind === 'missing') continue;
    if (file.kind === 'refused') return { text: `[${name} of ${title} was not read: ${file.why}.]`, isForeign: false };
    // What is left out is not read, so it need not be looked through.
    const shown = cutMiddle(file.text.replace(/^\ufeff/, '').trim(), maxChars, name);
    const blocked = scanInstructions(shown);
    if (blocked) {
      place.log.warn({ file: name, reason: blocked.reason }, 'instruction file blocked');
      return {
        text: `[${name} of ${title} is BLOCKED: ${blocked.reason}. Tell the person if it matters.]`,
        isForeign: false,
      };
    }
    const text = cleanText(shown);
    if (text === '') return NONE;
    if (await isTainted(place.db, place.scope, file.changedAt))
      return { text: `${name} of ${title} may hold words of others:\n${fence(text, name)}`, isForeign: true };
    return { text: `Instructions for ${title} (${name}):\n${text}`, isForeign: false };
  }
  return NONE;
}

type PlainFile =
  | { kind: 'text'; text: string; changedAt: number }
  | { kind: 'refused'; why: string }
  | { kind: 'missing' };

/** An ordinary file, no link followed: a link could show what is not of the workspace. */
async function readPlainFile(file: string): Promise<PlainFile> {
  let handle: fs.FileHandle | undefined;
  try {
    handle = await fs.open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const stat = await handle.stat();
    if (!stat.isFile()) return { kind: 'refused', why: 'it is no ordinary file' };
    if (stat.size > MAX_BYTES) return { kind: 'refused', why: 'it is too large' };
    const text = await handle.readFile('utf8');
    // The time of change, unlike that of the content, cannot be set by whoever wrote it.
    return { kind: 'text', text, changedAt: Math.floor(stat.ctimeMs) };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT' || code === 'ENOTDIR') return { kind: 'missing' };
    return { kind: 'refused', why: code === 'ELOOP' ? 'it is a link' : 'it cannot be opened' };
  } finally {
    await handle?.close();
  }
}
