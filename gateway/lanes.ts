// Step 5: one lane per session. Its rows run in order, one turn at a time, under a global cap. The queue is the inbox table;
// here is only what runs now.
import type { ProcessDb } from '../data/db.ts';
import { getChat } from '../data/process/chats.ts';
import { listInbox, listQueuedSessions, type InboxRow } from '../data/process/inbox.ts';
import { beginTurn, listRunningTurns, type Turn } from '../data/process/turns.ts';
import type { Clock } from '../shared/clock.ts';
import type { PersonId, SessionId } from '../shared/ids.ts';
import type { Logger } from '../shared/log.ts';
import { addressKey, type Address, type QueueMode } from '../shared/messages.ts';
import type { Poster } from './outbox.ts';
import { scopeAt } from './chats/route.ts';
import type { GatewaySettings } from './settings.ts';

/** Why a turn was cut off; the reason of its AbortSignal. */
export class TurnCut extends Error {
  override readonly name = 'AbortError';
  readonly why: 'stopped' | 'interrupted' | 'shutdown' | 'timeout';
  constructor(why: TurnCut['why']) {
    super(why);
    this.why = why;
  }
}

export interface TurnRunner {
  /** Runs a turn that was just begun with `rows` to its end state. Never rejects. */
  run(turn: Turn, rows: readonly InboxRow[], signal: AbortSignal): Promise<void>;
  /** Takes up a turn that a crash cut off. Never rejects. */
  resume(turn: Turn, signal: AbortSignal): Promise<void>;
}

export interface LanePorts {
  db: ProcessDb;
  clock: Clock;
  log: Logger;
  settings: GatewaySettings;
  poster: Poster;
  turns: TurnRunner;
}

export interface Lanes {
  start(): Promise<void>;
  /** A row of the session was queued. */
  arrived(row: InboxRow, session: SessionId): Promise<void>;
  stopTurns(target: { session: SessionId } | { person: PersonId }): Promise<number>;
  isRunning(session: SessionId): boolean;
  running(): number;
  /** Lets running turns end for `drainMs`, then cuts them off; they are resumed at the next start. */
  stop(): Promise<void>;
}

/** Messages of one sender that follow each other this fast were meant as one. */
const BURST_MS = 1_500;
const MAX_BATCH = 50;

interface Lane {
  session: SessionId;
  turn: Turn | undefined;
  controller: AbortController | undefined;
  done: Promise<void> | undefined;
  cancelTimer: (() => void) | undefined;
  /** A pump is looking at the table, and may be about to begin a turn. Never rejects. */
  pumping: Promise<void> | undefined;
  again: boolean;
}

export function openLanes(ports: LanePorts): Lanes {
  const lanes = new Map<SessionId, Lane>();
  const waiting: SessionId[] = [];
  let running = 0;
  let stopping = false;

  function laneOf(session: SessionId): Lane {
    const known = lanes.get(session);
    if (known) return known;
    const lane: Lane = {
      session,
      turn: undefined,
      controller: undefined,
      done: undefined,
      cancelTimer: undefined,
      pumping: undefined,
      again: false,
    };
    lanes.set(session, lane);
    return lane;
  }

  function pump(session: SessionId): void {
    if (stopping) return;
    const lane = laneOf(session);
    lane.again = true;
    if (lane.pumping) return;
    lane.pumping = pumpLoop(lane)
      .catch((error: unknown) => {
        ports.log.error({ err: error, session }, 'lane failed; it is tried again');
        lane.cancelTimer = ports.clock.after(5_000, () => pump(session));
      })
      .finally(() => {
        lane.pumping = undefined;
        if (lane.again && !lane.turn) pump(session);
        else if (!lane.turn && !lane.cancelTimer) lanes.delete(session);
      });
  }

  async function pumpLoop(lane: Lane): Promise<void> {
    while (lane.again && !lane.turn && !stopping) {
      lane.again = false;
      lane.cancelTimer?.();
      lane.cancelTimer = undefined;
      if (running >= ports.settings.maxConcurrentTurns) {
        if (!waiting.includes(lane.session)) waiting.push(lane.session);
        return;
      }
      // The slot is taken before anything is awaited: other lanes look at the count meanwhile.
      running++;
      const begun = await beginNext(lane).catch((error: unknown) => {
        release();
        throw error;
      });
      if (!begun) release();
    }
  }

  /** Gives a slot back, to a lane that waits for one. */
  function release(): void {
    running--;
    const next = stopping ? undefined : waiting.shift();
    if (next !== undefined) pump(next);
  }

  /** True when a turn was begun, which then holds the slot. */
  async function beginNext(lane: Lane): Promise<boolean> {
    const rows = await listInbox(ports.db, { state: 'queued', session: lane.session, limit: MAX_BATCH });
    const first = rows[0];
    if (!first || first.person === undefined) return false;
    const batch = takeBatch(rows, await modeAt(first.address));
    const due = Math.max(...batch.map((row) => row.dueAt));
    const now = ports.clock.now();
    const waitMs = due - now;
    // Rows from the future: the clock went back since they came, and they are not to wait until it is there again.
    if (waitMs > 0 && batch.every((row) => row.receivedAt <= now)) {
      lane.cancelTimer = ports.clock.after(waitMs, () => pump(lane.session));
      return false;
    }
    if (stopping) return false;
    const begun = await beginTurn(ports.db, {
      session: lane.session,
      space: scopeAt(first.person, first.address).space,
      person: first.person,
      address: first.address,
      rows: batch.map((row) => row.id),
    });
    if (!begun) {
      lane.again = true; // its rows were taken back meanwhile
      return false;
    }
    const { turn, taken } = begun;
    occupy(lane, turn, (signal) => ports.turns.run(turn, taken, signal));
    return true;
  }

  function occupy(lane: Lane, turn: Turn, work: (signal: AbortSignal) => Promise<void>): void {
    const controller = new AbortController();
    lane.turn = turn;
    lane.controller = controller;
    const cancelTimeout = ports.clock.after(ports.settings.turnTimeoutMs, () =>
      controller.abort(new TurnCut('timeout')),
    );
    lane.done = work(controller.signal)
      .catch((error: unknown) =>
        ports.log.error({ err: error, turn: turn.id }, 'turn failed outside its own error handling'),
      )
      .finally(() => {
        cancelTimeout();
        lane.turn = undefined;
        lane.controller = undefined;
        release();
        if (!stopping) pump(lane.session);
      });
  }

  async function modeAt(address: Address): Promise<QueueMode> {
    return (await getChat(ports.db, address))?.settings.queueMode ?? ports.settings.queueMode;
  }

  /** Turns that are just being begun count as running: whoever asks next must not miss them. */
  async function pumped(found: Iterable<Lane>): Promise<void> {
    await Promise.all([...found].flatMap((lane) => lane.pumping ?? []));
  }

  function stopLanes(found: readonly Lane[]): number {
    for (const lane of found) lane.controller?.abort(new TurnCut('stopped'));
    return found.length;
  }

  return {
    async start() {
      for (const turn of await listRunningTurns(ports.db)) {
        running++;
        occupy(laneOf(turn.session), turn, (signal) => ports.turns.resume(turn, signal));
      }
      for (const session of await listQueuedSessions(ports.db)) pump(session);
    },
    async arrived(row, session) {
      const lane = lanes.get(session);
      if (lane) await pumped([lane]);
      if (lane?.turn && !row.payload.event)
        await tellQueued(ports, { row, session, lane, mode: await modeAt(row.address) });
      pump(session);
    },
    async stopTurns(target) {
      await pumped(lanes.values());
      const found = [...lanes.values()].filter(
        (lane) =>
          lane.turn && ('session' in target ? lane.session === target.session : lane.turn.person === target.person),
      );
      return stopLanes(found);
    },
    isRunning: (session) => lanes.get(session)?.turn !== undefined,
    running: () => running,
    async stop() {
      stopping = true;
      await pumped(lanes.values());
      for (const lane of lanes.values()) lane.cancelTimer?.();
      const done = Promise.allSettled([...lanes.values()].flatMap((lane) => lane.done ?? []));
      const timeout = new AbortController();
      await Promise.race([done, ports.clock.sleep(ports.settings.drainMs, timeout.signal).catch(() => undefined)]);
      timeout.abort();
      for (const lane of lanes.values()) lane.controller?.abort(new TurnCut('shutdown'));
      await done;
    },
  };
}

/** What a message during a turn does, by the chat's mode; in mode queue its sender gets a receipt, now that it is on disk. */
async function tellQueued(
  ports: LanePorts,
  arrival: { row: InboxRow; session: SessionId; lane: Lane; mode: QueueMode },
): Promise<void> {
  const { row, session, lane, mode } = arrival;
  switch (mode) {
    case 'interrupt':
      lane.controller?.abort(new TurnCut('interrupted'));
      return;
    case 'steer':
    case 'collect':
      return;
    case 'queue': {
      const queued = await listInbox(ports.db, { state: 'queued', session, limit: MAX_BATCH });
      const position = queued.findIndex((other) => other.id === row.id) + 1;
      if (position !== 1) return; // one receipt per wait, not one per message of a burst
      await ports.poster.post(
        row.address,
        'Got it: I will answer this next. `/stop` ends what I am doing, `/queue` changes what a message does meanwhile.',
        {
          key: `q${row.id}`,
          kind: 'notice',
        },
      );
    }
  }
}

/** The rows of the next turn, all of one person: all in a row in mode collect and interrupt, else the first and what belongs to it. */
export function takeBatch(rows: readonly InboxRow[], mode: QueueMode): readonly InboxRow[] {
  const [first, ...rest] = rows;
  if (!first) return [];
  const batch = [first];
  const chat = addressKey(first.address);
  for (const row of rest) {
    // A turn has the rights of one person: what another one of the group says is never asked with them.
    if (addressKey(row.address) !== chat || row.person !== first.person) break;
    const previous = batch.at(-1) ?? first;
    const together =
      mode === 'collect' ||
      mode === 'interrupt' ||
      (row.user === previous.user &&
        (previous.payload.partial === true ||
          (row.payload.mediaGroup !== undefined && row.payload.mediaGroup === previous.payload.mediaGroup) ||
          row.payload.sentAt - previous.payload.sentAt <= BURST_MS));
    if (!together) break;
    batch.push(row);
  }
  return batch;
}
