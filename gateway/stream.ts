// What a person sees while a turn runs: typing, and the answer as it grows. For display only: losing any of it loses nothing.
import { parseMarkdown } from '../adapters/markdown.ts';
import type { Adapter, OutboundMessage } from '../adapters/contract.ts';
import type { AgentEvent } from '../agent/events.ts';
import type { ProcessDb } from '../data/db.ts';
import { getOutboxByKey, insertPreview, nextOutbox, updateOutbox } from '../data/process/outbox.ts';
import type { Turn } from '../data/process/turns.ts';
import type { Clock } from '../shared/clock.ts';
import { withDeadline } from '../shared/deadline.ts';
import type { MessageId } from '../shared/ids.ts';
import type { Logger } from '../shared/log.ts';
import { addressKey } from '../shared/messages.ts';
import { takePrefix } from '../shared/text.ts';

/** Least text before a preview appears: a word alone only flickers. */
const MIN_PREVIEW_CHARS = 24;
/** An answer that is there so soon needs neither typing nor preview: each is a call, and the answer would have to wait for it. */
const QUIET_MS = 200;

/** How long one change of the preview may take. */
const CHANGE_MS = 10_000;
/** A little more than that. */
const LAST_CHANGE_MS = 11_000;
/** The same when the turn was stopped, which is to take no more than a second in all. */
const CUT_WAIT_MS = 200;

export interface TurnStream {
  event(event: AgentEvent): void;
  /**
   * Ends typing and previews. Resolves with the preview that the answer is to replace, if there is one: when the last change of it is
   * through, so that it cannot overwrite the answer, or soon when `signal` (the turn's) is aborted.
   */
  close(signal: AbortSignal): Promise<MessageId | undefined>;
}

export interface StreamPorts {
  db: ProcessDb;
  clock: Clock;
  log: Logger;
  adapter: Adapter | undefined;
}

/** Key of the outbox row that remembers a turn's preview message. */
function previewKey(turn: Turn): string {
  return `${turn.id}.p`;
}

export function openStream(ports: StreamPorts, turn: Turn): TurnStream {
  const { adapter } = ports;
  if (!adapter) return { event() {}, close: async () => undefined };
  const capabilities = adapter.capabilities(turn.address);
  const show = chooseDisplay(ports, adapter, turn);
  const openedAt = ports.clock.now();
  const stopTyping = keepTyping(ports.clock, adapter, turn, capabilities.typing);
  const tools: string[] = [];
  let text = '';
  let fresh = true;
  let dirty = false;
  let busy: Promise<void> | undefined;
  let cancelTimer: (() => void) | undefined;
  let lastShownAt = 0;
  let closed = false;

  function changed(): void {
    dirty = true;
    if (closed || busy || cancelTimer || !show) return;
    const waitMs = Math.max(openedAt + QUIET_MS, lastShownAt + show.minIntervalMs) - ports.clock.now();
    if (waitMs > 0) {
      cancelTimer = ports.clock.after(waitMs, flush);
      return;
    }
    flush();
  }

  function flush(): void {
    cancelTimer = undefined;
    if (closed || !dirty || !show) return;
    if (text.length < MIN_PREVIEW_CHARS && tools.length === 0) return;
    dirty = false;
    lastShownAt = ports.clock.now();
    const shown = takePrefix(text, Math.floor(capabilities.text.max * 0.95), capabilities.text.unit);
    busy = show
      .update(shown, [...tools])
      .catch((error: unknown) => ports.log.debug({ err: error }, 'preview not shown'))
      .finally(() => {
        busy = undefined;
        if (dirty) changed();
      });
  }

  return {
    event(event) {
      switch (event.type) {
        case 'text':
          if (fresh) text = '';
          fresh = false;
          text += event.delta;
          return changed();
        case 'retry':
          text = '';
          return changed();
        case 'step':
          fresh = true;
          return;
        case 'tool_start':
          tools.push(event.summary);
          return changed();
        case 'tool_end':
        case 'thinking':
        case 'steered':
          return;
      }
    },
    async close(signal) {
      closed = true;
      cancelTimer?.();
      stopTyping();
      if (busy) await atMost(ports.clock, signal.aborted ? CUT_WAIT_MS : LAST_CHANGE_MS, busy);
      return show?.close();
    },
  };
}

async function atMost(clock: Clock, ms: number, work: Promise<void>): Promise<void> {
  const enough = new AbortController();
  await Promise.race([work, clock.sleep(ms, enough.signal).catch(() => undefined)]);
  enough.abort();
}

interface Display {
  minIntervalMs: number;
  update(text: string, tools: readonly string[]): Promise<void>;
  close(): Promise<MessageId | undefined>;
}

function chooseDisplay(ports: StreamPorts, adapter: Adapter, turn: Turn): Display | undefined {
  const capabilities = adapter.capabilities(turn.address);
  if (capabilities.drafts.support === 'full' && adapter.draft)
    return draftDisplay(ports, { adapter, turn }, capabilities.drafts.minIntervalMs);
  if (capabilities.edits.support === 'full' && adapter.edit)
    return editDisplay(ports, {
      adapter,
      edit: adapter.edit.bind(adapter),
      turn,
      minIntervalMs: capabilities.edits.minIntervalMs,
    });
  return undefined;
}

function draftDisplay(
  { clock }: StreamPorts,
  { adapter, turn }: { adapter: Adapter; turn: Turn },
  minIntervalMs: number,
): Display {
  return {
    minIntervalMs,
    async update(text, tools) {
      await withDeadline({ clock, timeoutMs: CHANGE_MS }, async (signal) =>
        adapter.draft?.(turn.address, { key: turn.id, text, tools }, signal),
      );
    },
    close: async () => undefined,
  };
}

/** Streams into one message of the chat, which the answer replaces in the end. Its id is kept, so that a restart edits the same one. */
function editDisplay(
  ports: StreamPorts,
  input: { adapter: Adapter; edit: NonNullable<Adapter['edit']>; turn: Turn; minIntervalMs: number },
): Display {
  const { adapter, edit, turn } = input;
  const limit = { clock: ports.clock, timeoutMs: CHANGE_MS };
  const key = previewKey(turn);
  let shown: MessageId | undefined;
  let given = false;
  const message = (text: string): OutboundMessage => ({
    key,
    body: parseMarkdown(`${text.trimEnd()} …`),
    plain: false,
    files: [],
    buttons: [],
    silent: true,
  });
  return {
    minIntervalMs: input.minIntervalMs,
    async update(text, tools) {
      if (given) return;
      const body = message(text || tools.at(-1) || '');
      if (shown !== undefined) {
        const id = shown;
        await withDeadline(limit, (signal) => edit(turn.address, id, body, signal));
        return;
      }
      const earlier = await getOutboxByKey(ports.db, key);
      shown = earlier?.sentIds[0];
      if (shown !== undefined) return;
      // What was said before goes first: a preview now would stand above it. The next change tries again.
      if (await nextOutbox(ports.db, addressKey(turn.address))) return;
      await insertPreview(ports.db, { key, to: turn.address, turn: turn.id, person: turn.person });
      const result = await withDeadline(limit, (signal) => adapter.send(turn.address, body, signal));
      shown = result.ok ? result.ids[0] : undefined;
      given = shown === undefined; // a chat that refuses the preview is not asked again
      const row = await getOutboxByKey(ports.db, key);
      if (row && result.ok) await updateOutbox(ports.db, row.seq, { state: 'sent', sentIds: result.ids });
    },
    async close() {
      return shown ?? (await getOutboxByKey(ports.db, key))?.sentIds[0];
    },
  };
}

function keepTyping(
  clock: Clock,
  adapter: Adapter,
  turn: Turn,
  typing: { support: string; ttlMs: number },
): () => void {
  if (!adapter.typing || typing.ttlMs <= 0) return () => undefined;
  const beat = () => {
    void adapter.typing?.(turn.address).catch(() => undefined);
    cancel = clock.after(typing.ttlMs * 0.8, beat);
  };
  let cancel = clock.after(QUIET_MS, beat);
  return () => cancel();
}
