// Transactions of the crypto library's database. Their `complete` comes when the rows are on disk: what the library believes to be stored
// is stored, so kill -9 at any point leaves a device that can go on (https://www.w3.org/TR/IndexedDB-3/#transaction-concept).
import { setImmediate } from 'node:timers/promises';
import { PendingRows, type Rows } from './rows.ts';

type Handler = ((event: object) => unknown) | null;

export class StoreRequest {
  onsuccess: Handler = null;
  onerror: Handler = null;
  readyState: 'pending' | 'done' = 'pending';
  result: unknown = undefined;
  error: DOMException | null = null;
  transaction: StoreTransaction | null = null;

  succeed(result: unknown): void {
    this.readyState = 'done';
    this.result = result;
    this.onsuccess?.({ type: 'success', target: this });
  }

  fail(error: unknown): void {
    this.readyState = 'done';
    this.error = toDomException(error);
    this.onerror?.({ type: 'error', target: this });
  }
}

export class OpenRequest extends StoreRequest {
  onupgradeneeded: Handler = null;
  onblocked: Handler = null;
}

export interface TransactionInput {
  rows: Rows;
  /** Runs transactions one after the other. */
  enter: (work: () => Promise<void>) => void;
  /** Called before the rows are written. */
  onCommit?: ((pending: PendingRows) => void) | undefined;
  makeStore: (name: string, transaction: StoreTransaction) => unknown;
}

export class StoreTransaction {
  oncomplete: Handler = null;
  onerror: Handler = null;
  onabort: Handler = null;
  error: DOMException | null = null;
  readonly pending: PendingRows;
  /** Whether it was written. */
  readonly ended: Promise<boolean>;
  readonly #input: TransactionInput;
  readonly #queue: { request: StoreRequest; run: () => Promise<unknown> }[] = [];
  #end: 'open' | 'commit' | 'abort' = 'open';

  constructor(input: TransactionInput) {
    this.#input = input;
    this.pending = new PendingRows(input.rows);
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.ended = promise;
    input.enter(async () => resolve(await this.#work()));
  }

  objectStore(name: string): unknown {
    return this.#input.makeStore(name, this);
  }

  commit(): void {
    if (this.#end === 'open') this.#end = 'commit';
  }

  abort(): void {
    if (this.#end !== 'abort') this.#end = 'abort';
  }

  ask(run: () => Promise<unknown>, request = new StoreRequest()): StoreRequest {
    request.transaction = this;
    request.readyState = 'pending';
    this.#queue.push({ request, run });
    return request;
  }

  async #work(): Promise<boolean> {
    while (this.#end !== 'abort') {
      const next = this.#queue.shift();
      if (next) await this.#answer(next);
      else if (this.#end === 'commit') break;
      else {
        // The library goes on in microtasks: when it has asked nothing by then, it has nothing more to ask.
        await setImmediate();
        if (this.#queue.length === 0) break;
      }
    }
    if (this.#end === 'abort') return this.#tellAbort();
    try {
      this.#input.onCommit?.(this.pending);
      await this.pending.write();
    } catch (error) {
      this.error = toDomException(error);
      return this.#tellAbort();
    }
    this.oncomplete?.({ type: 'complete', target: this });
    return true;
  }

  async #answer({ request, run }: { request: StoreRequest; run: () => Promise<unknown> }): Promise<void> {
    try {
      request.succeed(await run());
    } catch (error) {
      this.error = toDomException(error);
      this.#end = 'abort';
      request.fail(error);
    }
  }

  #tellAbort(): boolean {
    for (const { request } of this.#queue.splice(0)) request.fail(new DOMException('Aborted.', 'AbortError'));
    this.onabort?.({ type: 'abort', target: this });
    return false;
  }
}

function toDomException(error: unknown): DOMException {
  if (error instanceof DOMException) return error;
  return new DOMException(error instanceof Error ? error.name : 'unknown failure', 'UnknownError');
}
