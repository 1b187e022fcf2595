// Gives the crypto library a database: it looks for IndexedDB, which Node does not have, among the global names. Only databases that are
// mounted here can be opened; nothing else in the process uses these names.
import { Database, StoreCursor, StoreCursorWithValue } from './database.ts';
import { KeyRange } from './keys.ts';
import type { Rows } from './rows.ts';
import { OpenRequest, StoreRequest } from './transaction.ts';

const mounted = new Map<string, Rows>();

const factory = {
  open(name: string, version?: number): OpenRequest {
    const request = new OpenRequest();
    // Handlers are set after this returns.
    queueMicrotask(() => {
      const rows = mounted.get(name);
      if (rows) void new Database(name, rows).open(version, request);
      else request.fail(new DOMException('There is no such database here.', 'NotFoundError'));
    });
    return request;
  },
};

/** Databases whose name begins with `name` lie in `rows` until the function that it gives is called. */
export function mountDatabase(name: string, rows: Rows): () => void {
  if (Reflect.get(globalThis, 'indexedDB') !== factory)
    Object.assign(globalThis, {
      indexedDB: factory,
      IDBKeyRange: KeyRange,
      IDBCursor: StoreCursor,
      IDBCursorWithValue: StoreCursorWithValue,
      IDBDatabase: Database,
      IDBOpenDBRequest: OpenRequest,
      IDBRequest: StoreRequest,
    });
  const full = `${name}::matrix-sdk-crypto`;
  mounted.set(full, rows);
  return () => void mounted.delete(full);
}
