// A memory with its files in a temporary home, for one person.
import path from 'node:path';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { DEFAULT_MEMORY, type MemorySettings } from '../../../agent/memory/config.ts';
import { openMemory, type ChangeBy, type Memory } from '../../../agent/memory/memory.ts';
import type { MemoryOperation } from '../../../agent/memory/operations.ts';
import type { SemanticPort } from '../../../agent/memory/recall.ts';
import type { MemoryTarget } from '../../../data/memory/tables.ts';
import { listCore, listLatestMemories } from '../../../data/memory/entries.ts';
import { createPerson } from '../../../data/process/people.ts';
import { personScope, type Scope } from '../../../data/scope.ts';
import { createSession, type Session } from '../../../data/sessions.ts';
import { silentLog } from '../../../shared/log.ts';
import { openTemporaryData, type TemporaryData } from '../../data/temporary-data.ts';

export interface MemoryBench extends TemporaryData {
  memory: Memory;
  scope: Scope;
  session: Session;
  folder: string;
  /** As a turn does. */
  change(operations: readonly MemoryOperation[], by?: Partial<ChangeBy>): Promise<string>;
  add(content: string, target?: MemoryTarget): Promise<string>;
  core(): Promise<readonly string[]>;
  /** All that holds, newest first. */
  all(): Promise<readonly string[]>;
  read(name: string): string | undefined;
  put(name: string, content: string | Uint8Array): void;
}

export async function openMemoryBench(
  options: { settings?: Partial<MemorySettings>; semantic?: SemanticPort } = {},
): Promise<MemoryBench> {
  const data = await openTemporaryData();
  const { db, home } = data;
  const scope = personScope((await createPerson(db, { name: 'Ann', role: 'owner' })).id);
  const session = await createSession(db, scope);
  const folderOf = ({ space }: Scope) => path.join(home, 'memories', encodeURIComponent(space));
  const folder = folderOf(scope);
  const settings = { ...DEFAULT_MEMORY, ...options.settings };
  const memory = openMemory({ db, log: silentLog, settings: () => settings, folderOf, semantic: options.semantic });
  const change: MemoryBench['change'] = (operations, by = {}) =>
    memory.change(scope, operations, { author: 'agent', isTainted: false, session: session.id, ...by });
  return {
    ...data,
    memory,
    scope,
    session,
    folder,
    change,
    add: (content, target = 'memory') => change([{ action: 'add', target, content }]),
    core: async () => (await listCore(db, scope)).map(({ text }) => text),
    all: async () => (await listLatestMemories(db, scope, 1_000)).map(({ text }) => text),
    read(name) {
      const file = path.join(folder, name);
      return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
    },
    put(name, content) {
      mkdirSync(folder, { recursive: true });
      writeFileSync(path.join(folder, name), content);
    },
  };
}
