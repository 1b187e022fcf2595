// Where the tables of the crypto library lie: rows of the account's cursors, seen through the changes of a transaction.
import type { Cursor } from '../../../contract.ts';

export type Rows = Pick<Cursor, 'get' | 'list' | 'update'>;

/** Changes that nobody else sees until they are written, all or none. */
export class PendingRows {
  readonly #rows: Rows;
  readonly #changes = new Map<string, string | undefined>();

  constructor(rows: Rows) {
    this.#rows = rows;
  }

  async get(name: string): Promise<string | undefined> {
    return this.#changes.has(name) ? this.#changes.get(name) : this.#rows.get(name);
  }

  async list(prefix: string): Promise<ReadonlyMap<string, string>> {
    const found = new Map(await this.#rows.list(prefix));
    for (const [name, value] of this.#changes) {
      if (!name.startsWith(prefix)) continue;
      if (value === undefined) found.delete(name);
      else found.set(name, value);
    }
    return found;
  }

  set(name: string, value: string | undefined): void {
    this.#changes.set(name, value);
  }

  /** On disk when it resolves. */
  async write(): Promise<void> {
    if (this.#changes.size > 0) await this.#rows.update(Object.fromEntries(this.#changes));
  }
}
