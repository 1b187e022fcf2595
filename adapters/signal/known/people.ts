// Who is who, as the envelopes tell it: our own uuid, and names for the people who are mentioned and quoted.
import type { Cursor } from '../../contract.ts';
import type { Frame } from '../envelope-schema.ts';
import type { Self } from '../text/inbound-text.ts';

const UUID_KEY = 'own-uuid';
const MAX_NAMES = 2_000;

export class People {
  readonly self: Self;
  readonly #names = new Map<string, string>();
  readonly #cursor: Cursor;

  constructor(number: string, cursor: Cursor) {
    this.self = { number, uuid: undefined };
    this.#cursor = cursor;
  }

  /** Takes up what an earlier run learnt. */
  async load(): Promise<void> {
    this.self.uuid ??= await this.#cursor.get(UUID_KEY);
  }

  nameOf(id: string): string | undefined {
    return this.#names.get(id);
  }

  /** Our uuid, from whoever names it beside our number. A write that fails is made up for by the next run. */
  async learnSelf(uuid: string): Promise<void> {
    if (this.self.uuid === uuid) return;
    this.self.uuid = uuid;
    await this.#cursor.set(UUID_KEY, uuid).catch(() => undefined);
  }

  async learn({ envelope }: Frame): Promise<void> {
    const { sourceUuid: uuid, sourceNumber: number, sourceName: name } = envelope;
    if (uuid && number === this.self.number) await this.learnSelf(uuid);
    const quote = envelope.dataMessage?.quote;
    if (quote?.authorUuid && quote.authorNumber === this.self.number) await this.learnSelf(quote.authorUuid);
    if (!name) return;
    for (const id of [uuid, number]) if (id) this.#remember(id, name);
  }

  #remember(id: string, name: string): void {
    this.#names.delete(id);
    this.#names.set(id, name);
    const [oldest] = this.#names.keys();
    if (this.#names.size > MAX_NAMES && oldest !== undefined) this.#names.delete(oldest);
  }
}
