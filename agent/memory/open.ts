// The memory of an agent by its settings alone: beside its home, searched by words.
import path from 'node:path';
import type { Db } from '../../data/db.ts';
import type { Logger } from '../../shared/log.ts';
import type { AgentSettings } from '../settings.ts';
import { DEFAULT_MEMORY } from './config.ts';
import { openMemory, type Memory } from './memory.ts';
import type { OutsideMemory } from './outside.ts';
import type { SemanticPort } from './recall.ts';

export function openAgentMemory(input: {
  db: Db;
  log: Logger;
  settings(): AgentSettings;
  semantic?: SemanticPort | undefined;
  outside?: (() => Promise<OutsideMemory | undefined>) | undefined;
}): Memory {
  const { db, log, semantic, outside } = input;
  return openMemory({
    db,
    log,
    semantic,
    outside,
    settings: () => input.settings().memory ?? DEFAULT_MEMORY,
    // Named like the workspace of the same person or group.
    folderOf(scope) {
      const { home, workspaceOf } = input.settings();
      return path.join(home, 'memories', path.basename(workspaceOf(scope)));
    },
  });
}
