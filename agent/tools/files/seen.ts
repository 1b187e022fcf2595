// What each session last knew of a file, so that it does not write over what somebody else has written since. In memory: after a restart
// nothing is known, and nothing is refused for it.
import { sha256Hex } from '../../../shared/digest.ts';
import type { SessionId } from '../../../shared/ids.ts';

const MAX_SESSIONS = 200;
const MAX_PATHS = 300;

export interface SeenFiles {
  remember(session: SessionId, path: string, hash: string): void;
  forget(session: SessionId, path: string): void;
  /** Undefined: it was not read, or that is long ago. */
  lastHash(session: SessionId, path: string): string | undefined;
}

export function makeSeenFiles(): SeenFiles {
  const sessions = new Map<SessionId, Map<string, string>>();
  return {
    remember(session, path, hash) {
      const paths = sessions.get(session) ?? new Map<string, string>();
      touch(sessions, { key: session, value: paths, max: MAX_SESSIONS });
      touch(paths, { key: path, value: hash, max: MAX_PATHS });
    },
    forget: (session, path) => void sessions.get(session)?.delete(path),
    lastHash: (session, path) => sessions.get(session)?.get(path),
  };
}

/** Puts the entry last and lets the first go when there are too many. */
function touch<Key, Value>(map: Map<Key, Value>, entry: { key: Key; value: Value; max: number }): void {
  map.delete(entry.key);
  map.set(entry.key, entry.value);
  if (map.size <= entry.max) return;
  for (const oldest of map.keys()) {
    map.delete(oldest);
    return;
  }
}

export function hashBytes(bytes: Uint8Array): string {
  return sha256Hex(bytes);
}
