// The stored conversation as the model's messages, within a token budget. Whole exchanges leave, oldest first, so that a tool call
// never loses its result.
import { z } from 'zod';
import { countSummaries, type StoredMessage } from '../../data/messages.ts';
import type { Origin } from '../../shared/messages.ts';
import { reasoningSchema, toolCallSchema } from '../journal.ts';
import { pairToolCalls } from '../providers/messages.ts';
import type { ModelMessage, ReasoningItem, ToolCall } from '../providers/types.ts';
import { presentSpoken, presentTool, type PresentOptions } from './present.ts';
import { stubText } from './stub.ts';
import { isForeignSummary } from './summary.ts';
import { estimateMessage, estimateMessages } from './tokens.ts';

export interface HistoryOptions extends PresentOptions {
  /** Most tokens of the result, by the estimator; at least 0. */
  budgetTokens: number;
}

export interface History {
  messages: readonly ModelMessage[];
  /** Whose words it holds, or what did not fit. */
  origins: ReadonlySet<Origin>;
  /** Images that are shown as such. */
  images: number;
  /** Stored messages that did not fit. */
  dropped: number;
  /** Estimated tokens of `messages`. */
  tokens: number;
  /** Estimated tokens of the summaries at its beginning. */
  summaryTokens: number;
  /** Of all of it, also of what did not fit. */
  totalTokens: number;
}

/** Beginning with a person's words, up to the next person's words after an answer. */
export interface Exchange {
  rows: readonly StoredMessage[];
}

/** Active messages of one session, oldest first, summary in front (data/messages.ts `listHistory`), as the model reads them. */
export async function presentHistory(stored: readonly StoredMessage[], options: HistoryOptions): Promise<History> {
  const summaries = stored.slice(0, countSummaries(stored));
  const exchanges = await presentExchanges(stored.slice(summaries.length), options);
  const head = summaries.map(summaryMessage);
  const summaryTokens = estimateMessages(head);
  const room = options.budgetTokens - summaryTokens;
  const fitting = exchanges.slice(firstKept(exchanges, room));
  const longest = fitting.length === 0 ? exchanges.at(-1) : undefined;
  const kept = longest ? [shortened(longest, room)] : fitting;
  const gone = exchanges.slice(0, exchanges.length - kept.length).reduce((sum, exchange) => sum + exchange.rows, 0);
  const dropped = gone + (longest ? Math.max(1, longest.rows - (kept[0]?.messages.length ?? 0)) : 0);
  const messages = dropped === 0 ? head : [...head, DROPPED_NOTICE];
  for (const exchange of kept) messages.push(...exchange.messages);
  // Also of what did not fit: what was said after it may repeat it.
  const origins = new Set(exchanges.flatMap((exchange) => exchange.origins));
  if (summaries.some((row) => isForeignSummary(row.text))) origins.add('foreign');
  return {
    messages,
    origins,
    images: kept.reduce((sum, exchange) => sum + exchange.images, 0),
    dropped,
    tokens: tokensOf(kept) + summaryTokens + (dropped === 0 ? 0 : estimateMessage(DROPPED_NOTICE)),
    summaryTokens,
    totalTokens: tokensOf(exchanges) + summaryTokens,
  };
}

function tokensOf(exchanges: readonly PresentedExchange[]): number {
  return exchanges.reduce((sum, exchange) => sum + exchange.tokens, 0);
}

/** An exchange that is too long by itself: what the person asked in it, and how it ended, as far as that fits. */
function shortened(exchange: PresentedExchange, room: number): PresentedExchange {
  const isSaid = (message: ModelMessage) =>
    message.role === 'user' || (message.role === 'assistant' && message.text !== '');
  const said = exchange.messages.filter(isSaid).map(withoutCalls);
  const order = [
    ...said.filter(({ role }) => role === 'user'),
    ...said.filter(({ role }) => role !== 'user').toReversed(),
  ];
  const fitting = new Set<ModelMessage>();
  let tokens = 0;
  for (const message of order) {
    if (tokens + estimateMessage(message) > room) continue;
    fitting.add(message);
    tokens += estimateMessage(message);
  }
  return { ...exchange, messages: said.filter((message) => fitting.has(message)), tokens };
}

function withoutCalls(message: ModelMessage): ModelMessage {
  return message.role === 'assistant' ? { ...message, toolCalls: [], reasoning: [] } : message;
}

/** Exchanges of the rows after the summary, in order. Rows before the first person's words form one of their own. */
export function splitExchanges(stored: readonly StoredMessage[]): readonly Exchange[] {
  const exchanges: Exchange[] = [];
  let start = countSummaries(stored);
  for (let at = start + 1; at <= stored.length; at++) {
    if (at < stored.length && !isBeginning(stored[at], stored[at - 1])) continue;
    exchanges.push({ rows: stored.slice(start, at) });
    start = at;
  }
  return exchanges;
}

/** A person's words steered into a running turn belong to its exchange. */
function isBeginning(row: StoredMessage | undefined, previous: StoredMessage | undefined): boolean {
  const sameTurn = previous?.turn !== undefined && previous.turn === row?.turn;
  return row?.role === 'user' && previous?.role !== 'user' && !sameTurn;
}

interface PresentedExchange {
  messages: readonly ModelMessage[];
  origins: readonly Origin[];
  tokens: number;
  rows: number;
  images: number;
}

/** As it looks each time; undefined: with files, of which the newest are shown. */
interface KnownExchange extends Exchange {
  shown: PresentedExchange | undefined;
}

/** What a conversation looked like when it was read last. */
interface KnownConversation {
  look: string;
  last: StoredMessage;
  /** Of `exchanges`, in all. */
  rows: number;
  exchanges: readonly KnownExchange[];
}

/** By their first row. Rows that were read before are the same objects: only what came since is looked at. */
const knownConversations = new WeakMap<StoredMessage, KnownConversation>();

/** `said`: without summaries. */
async function presentExchanges(
  said: readonly StoredMessage[],
  options: HistoryOptions,
): Promise<readonly PresentedExchange[]> {
  const [first] = said;
  const last = said.at(-1);
  if (!first || !last) return [];
  // All that the look of an exchange without files hangs on.
  const look = `${options.group} ${options.maxTextChars}`;
  const known = unchanged(knownConversations.get(first), said, look);
  const exchanges: KnownExchange[] = [
    ...known.exchanges,
    ...splitExchanges(said.slice(known.rows)).map(({ rows }) => ({ rows, shown: undefined })),
  ];
  const presented: PresentedExchange[] = [];
  let images = 0;
  // Newest first: the newest images are the ones that are shown.
  for (let at = exchanges.length - 1; at >= 0; at--) {
    const exchange = exchanges[at];
    if (!exchange) continue;
    const one = exchange.shown ?? (await presentExchange(exchange, options, options.maxImages - images));
    if (!exchange.shown && !hasFiles(exchange)) exchanges[at] = { rows: exchange.rows, shown: one };
    images += one.images;
    presented.push(one);
  }
  knownConversations.set(first, { look, last, rows: said.length, exchanges });
  return presented.reverse();
}

/** What is still as it was. */
function unchanged(
  known: KnownConversation | undefined,
  said: readonly StoredMessage[],
  look: string,
): Pick<KnownConversation, 'rows' | 'exchanges'> {
  if (known?.look !== look || said[known.rows - 1] !== known.last) return { rows: 0, exchanges: [] };
  if (known.rows === said.length || isBeginning(said[known.rows], known.last)) return known;
  // Its last exchange has grown.
  return {
    rows: known.rows - (known.exchanges.at(-1)?.rows.length ?? 0),
    exchanges: known.exchanges.slice(0, -1),
  };
}

function hasFiles({ rows }: Exchange): boolean {
  return rows.some((row) => (row.files ?? []).length > 0);
}

async function presentExchange(
  { rows }: Exchange,
  options: PresentOptions,
  maxImages: number,
): Promise<PresentedExchange> {
  const messages: ModelMessage[] = [];
  const origins = new Set<Origin>();
  let images = 0;
  for (const row of rows) {
    const one = await presentRow(row, { ...options, maxImages: maxImages - images });
    messages.push(...one.messages);
    images += one.images;
    for (const origin of one.origins) origins.add(origin);
  }
  const paired = pairToolCalls(messages);
  const tokens = estimateMessages(paired);
  return { messages: paired, origins: [...origins], tokens, rows: rows.length, images };
}

async function presentRow(
  row: StoredMessage,
  options: PresentOptions,
): Promise<{ messages: readonly ModelMessage[]; origins: Iterable<Origin>; images: number }> {
  switch (row.role) {
    case 'user': {
      const spoken = { author: row.author, text: row.text, origin: row.origin, files: row.files ?? [] };
      const { parts, origins, images } = await presentSpoken(spoken, options);
      return { messages: [{ role: 'user', content: parts }], origins, images };
    }
    case 'assistant':
      return { messages: [assistantMessage(row)], origins: ['agent'], images: 0 };
    case 'tool': {
      const call = { id: row.toolCallId ?? '', name: row.toolName ?? '' };
      const text = row.stubbed === true ? stubText(row) : row.text;
      const message = presentTool(call, { text, isError: row.isError ?? false, origin: row.origin });
      return { messages: [message], origins: [row.origin], images: 0 };
    }
    case 'summary':
      return { messages: [summaryMessage(row)], origins: ['agent'], images: 0 };
  }
}

function assistantMessage(row: StoredMessage): ModelMessage {
  return {
    role: 'assistant',
    text: row.text,
    toolCalls: parseStored<ToolCall>(toolCallSchema, row.toolCalls),
    reasoning: parseStored<ReasoningItem>(reasoningSchema, row.reasoning),
  };
}

/** Damaged JSON of one row must not make the whole conversation unusable: the row then counts as plain text. */
function parseStored<Value>(schema: z.ZodType<Value>, json: string | undefined): readonly Value[] {
  if (json === undefined || json === '' || json === '[]') return [];
  try {
    return z.array(schema).parse(JSON.parse(json));
  } catch {
    return [];
  }
}

function summaryMessage(row: StoredMessage): ModelMessage {
  return { role: 'user', content: [{ type: 'text', text: `[Summary of the conversation before]\n${row.text}` }] };
}

const DROPPED_NOTICE: ModelMessage = {
  role: 'user',
  content: [
    { type: 'text', text: '[Older messages of this conversation are not shown here. session_search finds them.]' },
  ],
};

/**
 * Index of the first exchange that is kept. More than necessary leaves at once, up to a quarter of the room, so that the beginning
 * stays the same over many turns and providers can reuse it.
 */
function firstKept(exchanges: readonly PresentedExchange[], room: number): number {
  const total = tokensOf(exchanges);
  if (total <= room) return 0;
  const quantum = Math.max(1, Math.floor(room / 4));
  const toDrop = Math.ceil((total - room) / quantum) * quantum;
  let gone = 0;
  for (const [index, exchange] of exchanges.entries()) {
    if (gone >= toDrop) return index;
    gone += exchange.tokens;
  }
  // The last exchanges are long: as many as fit, rather than none.
  let left = total;
  for (const [index, exchange] of exchanges.entries()) {
    if (left <= room) return index;
    left -= exchange.tokens;
  }
  return exchanges.length;
}
