// Memory services outside, several at once, as one source of knowledge. Asking begins with the turn and ends at a deadline, telling is done
// while nobody waits, and a service that fails is left alone for a while: none of them can delay or fail a turn.
import { listSaid } from '../../../data/messages.ts';
import { listLatestMemories } from '../../../data/memory/entries.ts';
import type { Db } from '../../../data/db.ts';
import type { Scope } from '../../../data/scope.ts';
import type { Clock } from '../../../shared/clock.ts';
import { withDeadline } from '../../../shared/deadline.ts';
import { asAppError } from '../../../shared/errors.ts';
import type { Logger } from '../../../shared/log.ts';
import { cleanText, preview, takePrefix } from '../../../shared/text.ts';
import { untilAborted } from '../../abort.ts';
import type { EndedTurn, KnowledgeSource, KnowledgeTask, KnownSection, TurnKnowledge } from '../../knowledge.ts';
import type { ProviderSettings } from './config.ts';
import { deletionsOf, makeForgetter, type ForgettingStore } from './forgetter.ts';
import type { MemoryProvider, NotedTurn } from './provider.ts';
import type { OutsideMemory } from '../outside.ts';
import type { Pseudonyms } from './pseudonyms.ts';
import { makeWriteQueue, type WriteQueue } from './write-queue.ts';

export interface ConfiguredProvider {
  provider: MemoryProvider;
  settings: Pick<ProviderSettings, 'name' | 'trusted' | 'write' | 'timeout_ms' | 'max_chars'>;
}

export interface ProviderSourceInput {
  providers: readonly ConfiguredProvider[];
  pseudonyms: Pseudonyms;
  db: Db;
  clock: Clock;
  /** 0 to 1, for the jitter of retries. */
  random: () => number;
  log: Logger;
  /** Masks secrets in what goes out and in what comes back. */
  redact(text: string): string;
  /** What they are yet to forget. */
  forgettings: ForgettingStore;
  /** Tells a person once per key. */
  tell(scope: Scope, message: { text: string; key: string }): Promise<void>;
}

export interface ProviderStatus {
  name: string;
  /** Why it was not of use the last time; undefined when it was. */
  failure: string | undefined;
  /** Turns that it was told of, that it is yet to be told of, and that it missed. */
  sent: number;
  waiting: number;
  dropped: number;
}

export interface ProviderSource extends KnowledgeSource {
  open(task: KnowledgeTask): TurnKnowledge;
  ended(turn: EndedTurn): Promise<void>;
  left(at: Omit<EndedTurn, 'turn' | 'state'>): Promise<void>;
  status(): readonly ProviderStatus[];
  outside: OutsideMemory;
  close(): Promise<void>;
}

const FACTS = 8;
const FACT_CHARS = 500;
const QUESTION_CHARS = 4_000;
/** Of each side of a turn. */
const SAID_CHARS = 16_000;
/** So many failures in a row, then it is not asked for so long. */
const FAILURES = 3;
const REST_MS = 60_000;
/** Rows looked at for those of one turn. */
const SAID_ROWS = 100;
const NEW_MEMORIES = 20;

interface Slot extends ConfiguredProvider {
  queue: WriteQueue;
  failures: number;
  failure: string | undefined;
  restUntil: number;
}

const NOTHING_KNOWN: TurnKnowledge = { note() {}, sections: async () => [] };

export function makeProviderSource(input: ProviderSourceInput): ProviderSource {
  const { db, clock, log, pseudonyms, redact } = input;
  const closing = new AbortController();
  const slots = input.providers.map((one): Slot => ({
    ...one,
    queue: makeWriteQueue({ ...input, name: one.settings.name }),
    failures: 0,
    failure: undefined,
    restUntil: 0,
  }));

  const forgetter = makeForgetter({
    ...input,
    store: input.forgettings,
    find: (name) => slots.filter(({ settings }) => settings.name === name),
  });
  // What was left when the last process ended.
  forgetter.wake();

  /** Never rejects. */
  async function ask(slot: Slot, subject: string, text: string): Promise<readonly string[]> {
    const { provider, settings } = slot;
    if (clock.now() < slot.restUntil) return [];
    try {
      const facts = await withDeadline({ clock, timeoutMs: settings.timeout_ms, parent: closing.signal }, (signal) =>
        untilAborted(provider.recall({ subject, text, limit: FACTS, signal }), signal),
      );
      slot.failures = 0;
      slot.failure = undefined;
      return facts;
    } catch (error) {
      if (closing.signal.aborted) return [];
      const { code, publicMessage } = asAppError(error);
      slot.failure = code === 'cancelled' ? `${provider.title} did not answer in time.` : publicMessage;
      slot.failures++;
      if (slot.failures >= FAILURES) slot.restUntil = clock.now() + REST_MS;
      log.warn(
        { err: error, service: settings.name, code },
        'a memory service was of no use; the turn goes on without it',
      );
      return [];
    }
  }

  function shown(slot: Slot, facts: readonly string[], seen: Set<string>): KnownSection {
    const lines: string[] = [];
    let left = slot.settings.max_chars;
    for (const fact of facts) {
      const line = preview(cleanText(redact(takePrefix(fact, FACT_CHARS * 4, 'utf16'))), Math.min(FACT_CHARS, left));
      if (line === '' || seen.has(line.toLowerCase())) continue;
      seen.add(line.toLowerCase());
      lines.push(`- ${line}`);
      left -= line.length;
      if (left < 20) break;
    }
    return { title: `Known to ${slot.provider.title}`, lines, isForeign: !slot.settings.trusted };
  }

  function tell(work: (provider: MemoryProvider, signal: AbortSignal) => Promise<void> | undefined): void {
    for (const { provider, settings, queue } of slots)
      if (settings.write) queue.add(async (signal) => work(provider, signal));
  }

  return {
    name: 'memory services',
    open({ scope, role, turn, text, isWorker }) {
      const question = takePrefix(redact(cleanText(text)).trim(), QUESTION_CHARS, 'utf16');
      // A guest's words are not for others, and a worker knows its task.
      if (turn === undefined || isWorker || role === 'guest' || question === '') return NOTHING_KNOWN;
      const subject = pseudonyms.subject(scope);
      const asked = slots.map((slot) => ask(slot, subject, question));
      let known: Promise<readonly KnownSection[]> | undefined;
      const gather = async () => {
        const seen = new Set<string>();
        return (await Promise.all(asked)).flatMap((facts, index) => {
          const slot = slots[index];
          return slot ? [shown(slot, facts, seen)] : [];
        });
      };
      return { note() {}, sections: () => (known ??= gather()) };
    },
    async ended(turn) {
      if (turn.state !== 'done' || turn.role === 'guest' || !slots.some(({ settings }) => settings.write)) return;
      const { scope } = turn;
      const noted = await readTurn(input, turn);
      if (!noted) return;
      tell((provider, signal) => provider.noteTurn(noted, signal));
      const memories = await listLatestMemories(db, scope, NEW_MEMORIES);
      for (const { id, text } of memories.filter((one) => one.turn === turn.turn)) {
        const memory = { subject: noted.subject, id: pseudonyms.of(scope, 'memory', String(id)), text: redact(text) };
        tell((provider, signal) => provider.noteMemory?.(memory, signal));
      }
    },
    async left({ scope, session }) {
      const at = { subject: pseudonyms.subject(scope), session: pseudonyms.of(scope, 'session', session) };
      tell((provider, signal) => provider.endSession?.(at, signal));
    },
    status: () => slots.map(({ settings, failure, queue }) => ({ name: settings.name, failure, ...queue.status() })),
    outside: {
      services: slots.map(({ provider, settings: { name } }) => {
        return { name, title: provider.title, deletes: deletionsOf(provider) };
      }),
      wake: () => forgetter.wake(),
    },
    async close() {
      closing.abort();
      await forgetter.close();
      await Promise.all(slots.map(({ queue }) => queue.close()));
    },
  };
}

/** What people said in the turn and what was answered; undefined when nobody of them spoke. */
async function readTurn(
  { db, clock, pseudonyms, redact }: ProviderSourceInput,
  { scope, session, turn }: EndedTurn,
): Promise<NotedTurn | undefined> {
  const rows = (await listSaid(db, scope, { session, limit: SAID_ROWS })).filter((row) => row.turn === turn);
  // What is handed on or came from a tool is not theirs to be remembered by.
  const said = rows.filter(({ role, origin }) => role === 'user' && origin !== 'foreign').map(({ text }) => text);
  const answer = rows.findLast(({ role }) => role === 'assistant')?.text ?? '';
  const cut = (text: string) => takePrefix(redact(cleanText(text)).trim(), SAID_CHARS, 'utf16');
  const question = cut(said.join('\n'));
  if (question === '') return undefined;
  return {
    subject: pseudonyms.subject(scope),
    session: pseudonyms.of(scope, 'session', session),
    turn: pseudonyms.of(scope, 'turn', turn),
    at: clock.now(),
    messages: [
      { role: 'user' as const, text: question },
      { role: 'assistant' as const, text: cut(answer) },
    ].filter(({ text }) => text !== ''),
  };
}
