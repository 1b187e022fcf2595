// Makes room in a stored conversation, step by step and no more than needed: old tool results become one line, then older exchanges a
// summary, at last the results of the newest exchanges one line too.
import { listHistory, stubResults, type StoredMessage } from '../../data/messages.ts';
import { compressHistory, KEEP_EXCHANGES, type CompressInput } from './compress.ts';
import { presentHistory, splitExchanges } from './history.ts';
import type { PresentOptions } from './present.ts';
import { MIN_STUBBED_CHARS } from './stub.ts';

/** Share of the budget that is left of a history after it was compressed. */
const TARGET_SHARE = 0.4;
/** The last exchanges that stay word for word, when they are small: more than two of them. */
const TAIL_SHARE = 0.15;
const MAX_TAIL = 10;

export interface CompactionInput extends Omit<CompressInput, 'keep'> {
  present: PresentOptions;
  /** Most tokens of the history, by the estimator. */
  budgetTokens: number;
  /** True: a summary is made in any case. */
  isForced: boolean;
}

/** Resolves with whether anything changed. Rejects with AppError `cancelled`. */
export async function compactHistory(input: CompactionInput): Promise<boolean> {
  const target = Math.floor(input.budgetTokens * TARGET_SHARE);
  const before = await measure(input);
  let now = before;
  if ((await stubAllBut(input, KEEP_EXCHANGES)) > 0) now = await measure(input);
  if (now.tokens > target || input.isForced) {
    const keep = input.isForced ? KEEP_EXCHANGES : tailOf(now.exchanges, input.budgetTokens);
    const { summarized } = await compressHistory({ ...input, keep });
    if (summarized > 0) now = await measure(input);
  }
  if (now.tokens > target && (await stubAllBut(input, 0)) > 0) now = await measure(input);
  input.guard.noteGain(input.session, { before: before.tokens, after: now.tokens });
  input.log.info(
    { session: input.session, before: before.tokens, after: now.tokens },
    'older conversation made shorter',
  );
  return now.tokens < before.tokens;
}

interface Measure {
  tokens: number;
  /** Tokens of each exchange, oldest first. */
  exchanges: readonly number[];
}

async function measure(input: CompactionInput): Promise<Measure> {
  const rows = await listHistory(input.db, input.scope, input.session);
  const exchanges: number[] = [];
  for (const exchange of splitExchanges(rows)) exchanges.push(await tokensOf(exchange.rows, input.present));
  const summaries = await tokensOf(
    rows.filter((row) => row.role === 'summary'),
    input.present,
  );
  return { exchanges, tokens: exchanges.reduce((sum, tokens) => sum + tokens, summaries) };
}

async function tokensOf(rows: readonly StoredMessage[], present: PresentOptions): Promise<number> {
  const shown = await presentHistory(rows, { ...present, budgetTokens: Number.MAX_SAFE_INTEGER });
  return shown.totalTokens;
}

async function stubAllBut(input: CompactionInput, keep: number): Promise<number> {
  const { db, scope, session } = input;
  const exchanges = splitExchanges(await listHistory(db, scope, session));
  const last = exchanges.at(-1 - keep)?.rows.at(-1);
  return last ? stubResults(db, scope, { session, throughId: last.id, minChars: MIN_STUBBED_CHARS }) : 0;
}

/** How many exchanges at the end stay: two, more when they are small, one when two are too much. */
function tailOf(exchanges: readonly number[], budgetTokens: number): number {
  const newest = exchanges.toReversed();
  let sum = 0;
  let count = 0;
  for (const tokens of newest.slice(0, MAX_TAIL)) {
    sum += tokens;
    if (sum > budgetTokens * TAIL_SHARE) break;
    count++;
  }
  const two = (newest[0] ?? 0) + (newest[1] ?? 0);
  return Math.max(count, two > budgetTokens * TARGET_SHARE ? 1 : KEEP_EXCHANGES);
}
