// The core as an adapter sees it, recording what it was told. Stores like the inbox: one row per message, a repeat is a duplicate.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type {
  AdapterHost,
  AdapterState,
  Gap,
  HttpHandler,
  InboundMessage,
  TimelineEntry,
} from '../../adapters/contract.ts';
import type { LoginStep } from '../../adapters/login.ts';
import type { Logger } from '../../shared/log.ts';
import type { StoredFile } from '../../shared/messages.ts';

export interface RecordingHost {
  host: AdapterHost;
  /** Rows of the inbox in order of their commit; duplicates are not in it. */
  received: InboundMessage[];
  /** Every call of `receive` that ended, with what it answered. */
  answers: { message: InboundMessage; outcome: 'new' | 'duplicate' | 'failed' }[];
  states: { state: AdapterState; detail: string | undefined }[];
  gaps: Gap[];
  /** What the person was asked to do, in order. */
  logins: (LoginStep | undefined)[];
  /** Log lines as JSON. */
  logs: string[];
  cursors: Map<string, string>;
  /** What `timeline` answers: inbound rows are added by themselves, outbound ones by the test. */
  timeline: TimelineEntry[];
  /** What `isPaired` answers of everybody. Default true. */
  isPaired: boolean;
  handler: HttpHandler | undefined;
  /** As the core does when something was said in another chat. */
  tellFollowers(): void;
  /** The next `count` calls of `receive` reject without storing anything. */
  failNext(count: number): void;
  /** The next `count` calls of `receive` store the message, then reject: a crash between the commit and the acknowledgement. */
  loseNextAck(count: number): void;
  /** Resolves with the first row that passes; rejects after `timeoutMs` (default 5,000) with what came instead. */
  waitFor(passes: (message: InboundMessage) => boolean, timeoutMs?: number): Promise<InboundMessage>;
  /** Resolves once `passes` holds, looked at after each event. Rejects after `timeoutMs` (default 5,000). */
  waitUntil(passes: () => boolean, timeoutMs?: number): Promise<void>;
  /** Aborts the host's signal and removes files. */
  close(): Promise<void>;
}

export interface RecordingHostOptions {
  /** Values kept from an earlier run, for restarts. */
  cursors?: Map<string, string>;
  /** Rows kept from an earlier run, for restarts. */
  received?: InboundMessage[];
  /** Default: a day, and 200 messages of each chat. */
  backfill?: AdapterHost['backfill'];
}

export function makeRecordingHost(options: RecordingHostOptions = {}): RecordingHost {
  const controller = new AbortController();
  const watchers = new Set<() => void>();
  const received = options.received ?? [];
  const keys = new Set(received.map(rowKey));
  let failures = 0;
  let lostAcks = 0;
  let folder: Promise<string> | undefined;
  const changed = () => {
    for (const watcher of watchers) watcher();
  };

  async function receive(message: InboundMessage): Promise<'new' | 'duplicate'> {
    await new Promise((resolve) => setImmediate(resolve)); // a commit takes a moment; adapters must wait for it
    if (failures > 0) {
      failures--;
      record.answers.push({ message, outcome: 'failed' });
      changed();
      throw new Error('the disk is full');
    }
    const key = rowKey(message);
    const known = keys.has(key);
    if (!known) {
      keys.add(key);
      received.push(message);
      if (message.kind === 'message') record.timeline.push(timelineEntry(message));
    }
    const lost = lostAcks > 0;
    if (lost) lostAcks--;
    const outcome = known ? 'duplicate' : 'new';
    record.answers.push({ message, outcome: lost ? 'failed' : outcome });
    changed();
    if (lost) throw new Error('the process was killed after the commit');
    return outcome;
  }

  function waitUntil(passes: () => boolean, timeoutMs = 5_000): Promise<void> {
    return new Promise((resolve, reject) => {
      if (passes()) return resolve();
      const timer = setTimeout(() => {
        watchers.delete(look);
        const seen = { received: received.slice(-5), states: record.states.slice(-5), logs: record.logs.slice(-5) };
        reject(new Error(`Did not happen within ${timeoutMs} ms. Last seen: ${JSON.stringify(seen)}`));
      }, timeoutMs);
      function look() {
        if (!passes()) return;
        clearTimeout(timer);
        watchers.delete(look);
        resolve();
      }
      watchers.add(look);
    });
  }

  const followers = new Set<() => void>();
  const cursors = options.cursors ?? new Map<string, string>();
  const record: RecordingHost = {
    host: {
      receive,
      status(state, detail) {
        record.states.push({ state, detail });
        changed();
      },
      cursor: {
        get: async (key) => cursors.get(key),
        set: async (key, value) => {
          cursors.set(key, value);
          changed();
        },
        update: async (values) => {
          for (const [key, value] of Object.entries(values))
            if (value === undefined) cursors.delete(key);
            else cursors.set(key, value);
          changed();
        },
        list: async (prefix) => new Map([...cursors].filter(([key]) => key.startsWith(prefix))),
      },
      backfill: options.backfill ?? { maxAgeMs: 24 * 3_600_000, maxMessages: 200 },
      gap: async (gap) => {
        record.gaps.push(gap);
        changed();
      },
      transcribe: async () => 'hello',
      isPaired: async () => record.isPaired,
      setup: async () => undefined,
      login(step) {
        record.logins.push(step);
        changed();
      },
      timeline: async (_chat, { limit, before }) => {
        const end =
          before === undefined ? record.timeline.length : record.timeline.findIndex((entry) => entry.key === before);
        return record.timeline.slice(Math.max(0, end - limit), Math.max(0, end));
      },
      exchange: async () => ({ asked: [], isOpen: false, said: [] }),
      follow(_chat, listener) {
        followers.add(listener);
        return () => followers.delete(listener);
      },
      serve(handler) {
        record.handler = handler;
      },
      async storeUpload(name, mime, body) {
        folder ??= mkdtemp(path.join(tmpdir(), 'herald-upload-'));
        const bytes = Buffer.from(await new Response(body).arrayBuffer());
        const file = path.join(await folder, `${keys.size}-${record.logs.length}-${path.basename(name)}`);
        await writeFile(file, bytes);
        return { kind: uploadKind(mime), path: file, name, mime, bytes: bytes.length };
      },
      log: makeRecordingLog((line) => record.logs.push(line)),
      signal: controller.signal,
    },
    received,
    answers: [],
    states: [],
    gaps: [],
    logins: [],
    logs: [],
    cursors,
    timeline: [],
    isPaired: true,
    handler: undefined,
    tellFollowers() {
      for (const follower of followers) follower();
    },
    failNext(count) {
      failures += count;
    },
    loseNextAck(count) {
      lostAcks += count;
    },
    async waitFor(passes, timeoutMs) {
      await waitUntil(() => received.some(passes), timeoutMs);
      const found = received.find(passes);
      if (!found) throw new Error('The message was seen and is gone.');
      return found;
    },
    waitUntil,
    async close() {
      controller.abort();
      if (folder) await rm(await folder, { recursive: true, force: true });
    },
  };
  return record;
}

/** What makes a row of the inbox: an edit and a deletion are rows of their own. */
function rowKey(message: InboundMessage): string {
  return [message.account, message.chat, message.kind, message.id, message.revision].join('\u001f');
}

function timelineEntry(message: InboundMessage): TimelineEntry {
  const key = rowKey(message);
  const { id, sentAt, text } = message;
  return { key, message: id, direction: 'in', at: sentAt, text, kind: 'message', files: [], buttons: [] };
}

function uploadKind(mime: string): StoredFile['kind'] {
  if (mime.startsWith('image/')) return 'image';
  if (mime.startsWith('audio/')) return 'audio';
  return mime.startsWith('video/') ? 'video' : 'document';
}

function makeRecordingLog(write: (line: string) => void, bound: Record<string, unknown> = {}): Logger {
  const at = (level: string) => (fields: Record<string, unknown>, message: string) =>
    write(
      JSON.stringify({ level, message, ...bound, ...fields }, (_key, value: unknown) =>
        // Errors do not serialize by themselves, and what they say is just what must hold no secret.
        value instanceof Error
          ? { name: value.name, message: value.message, stack: value.stack, cause: value.cause }
          : value,
      ),
    );
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields) => makeRecordingLog(write, { ...bound, ...fields }),
  };
}
