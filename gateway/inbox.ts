// Steps 3 to 5: each committed row is authorized, then answered as a command or queued for its session. Rows of one chat are taken
// in order; stop and approval answers do not wait for anything, nor do answers to questions of a turn.
import type { ProcessDb, Query } from '../data/db.ts';
import {
  countQueued,
  endInbox,
  findWaiting,
  getInbox,
  listInbox,
  queueInbox,
  rewriteWaiting,
  type InboxEnd,
  type InboxRow,
} from '../data/process/inbox.ts';
import { answerInbox } from '../data/process/turns.ts';
import { findPerson, type Person } from '../data/process/people.ts';
import type { Clock } from '../shared/clock.ts';
import type { InboxId, PersonId, SessionId } from '../shared/ids.ts';
import type { Logger } from '../shared/log.ts';
import { addressKey } from '../shared/messages.ts';
import type { Admission } from './authorize.ts';
import type { Bus } from './bus.ts';
import type { CommandRunner } from './commands/runner.ts';
import { isHeldUp, untilStored } from '../shared/held-up.ts';
import type { Lanes } from './lanes.ts';
import type { Poster } from './outbox.ts';
import type { Receipts } from './chats/receipts.ts';
import type { Route } from './chats/route.ts';
import type { Questions } from './clarify/questions.ts';
import type { GatewaySettings } from './settings.ts';
import type { Voice } from './voice/voice.ts';

export interface InboxPorts {
  db: ProcessDb;
  clock: Clock;
  log: Logger;
  bus: Bus;
  settings: GatewaySettings;
  poster: Poster;
  lanes: Lanes;
  commands: CommandRunner;
  /** Aborted when the process ends. */
  signal: AbortSignal;
  authorize(row: InboxRow): Promise<Admission>;
  /** Something has been said; `person`: by whom, undefined for a stranger. Never rejects. Default: nobody looks. */
  noticed?: ((row: InboxRow, person: PersonId | undefined) => Promise<void>) | undefined;
  route(person: Person, row: InboxRow): Promise<Route>;
  receipts: Receipts;
  /** What a choice by number stands for; undefined when the row is none. */
  chosen(row: InboxRow): Promise<string | undefined>;
  questions: Pick<Questions, 'take'>;
  /** Makes text of recordings; undefined: they stay files. */
  voice?: Pick<Voice, 'listen' | 'keepHeard'> | undefined;
}

export interface InboxWorker {
  /** Takes up rows that an earlier process left, and listens for more. */
  start(): Promise<void>;
  /** Waits for rows in work; the others stay in the table. */
  stop(): Promise<void>;
}

/** A message that cannot be taken up is tried again after one and two seconds; the chat's later ones wait, so that order is kept. */
const MAX_ATTEMPTS = 3;
const RETRY_MS = 1_000;
/** Slower than any platform delivers to somebody who listens. */
const LATE_MS = 5 * 60_000;
/** Longest wait of a stop or an approval for what was said before it in the same chat. */
const URGENT_WAIT_MS = 300;

export function openInbox(ports: InboxPorts): InboxWorker {
  /** Tail of the work per chat, so that its rows are taken in order. */
  const tails = new Map<string, Promise<void>>();
  /** What comes in while rows of an earlier process are still looked for: it goes behind them, and is not taken twice. */
  let early: InboxRow[] | undefined = [];
  let stopped = false;

  function accept(row: InboxRow): void {
    if (stopped) return;
    if (early) early.push(row);
    else void enter(row);
  }

  function enter(row: InboxRow): Promise<void> {
    const work = () => takeSafely(row);
    const key = addressKey(row.address);
    if (ports.commands.isUrgent(textOf(row))) return soonAfter(tails.get(key)).then(work);
    const tail = (tails.get(key) ?? Promise.resolve()).then(work);
    tails.set(key, tail);
    void tail.then(() => {
      if (tails.get(key) === tail) tails.delete(key);
    });
    return tail;
  }

  /** Urgent is urgent, but "do it" and "/stop" that come in together must not change places. */
  async function soonAfter(tail: Promise<void> | undefined): Promise<void> {
    if (!tail) return;
    const enough = new AbortController();
    await Promise.race([tail, ports.clock.sleep(URGENT_WAIT_MS, enough.signal).catch(() => undefined)]);
    enough.abort();
  }

  async function takeSafely(row: InboxRow): Promise<void> {
    if (stopped) return;
    for (let attempt = 1; ; attempt++) {
      try {
        const isFirst = attempt === 1;
        await untilStored(ports, 'a message', (time) => (isFirst && time === 1 ? take(row) : takeAgain(row.id)));
        return;
      } catch (error) {
        ports.log.error({ err: error, inbox: row.id, attempt }, 'could not handle a message');
        if (isHeldUp(error) || ports.signal.aborted) return; // it is taken up at the next start
        if (attempt === MAX_ATTEMPTS) return giveUp(row);
      }
      await ports.clock.sleep(attempt * RETRY_MS, ports.signal).catch(() => undefined);
    }
  }

  /** A message that fails again and again ends, and its sender is told; else it would lie there, and so it would after each start. */
  async function giveUp(row: InboxRow): Promise<void> {
    try {
      const { platform, account } = row.address;
      const person = await findPerson(ports.db, { platform, account, user: row.user });
      const text = 'Something went wrong inside Herald, and I could not take up your message. Please send it again.';
      const letter = { key: `c${row.id}.dead`, to: row.address, kind: 'notice', person: person?.id, text } as const;
      // A stranger is told nothing but a code.
      const outbox = person ? ports.poster.rows(letter) : [];
      await answerInbox(ports.db, { rows: [row.id], state: 'dead', reason: 'internal', person: person?.id, outbox });
      if (outbox.length > 0) ports.poster.wake(row.address);
    } catch (error) {
      ports.log.error({ err: error, inbox: row.id }, 'could not end a message; it is taken up at the next start');
    }
  }

  /** Goes on from where the row is: a full disk may have stopped it between any two steps. */
  async function takeAgain(id: InboxId): Promise<void> {
    const row = stopped ? undefined : await getInbox(ports.db, id);
    if (row?.state === 'received') return take(row);
    if (row?.state === 'queued' && row.session !== undefined) return ports.lanes.arrived(row, row.session);
    if (row?.state === 'running' && row.turn === undefined) return ports.commands.tellCutOff(row);
  }

  async function take(stored: InboxRow): Promise<void> {
    const row = ports.voice ? await ports.voice.listen(stored) : stored;
    const admission = await ports.authorize(row);
    // Before its end state: what is cut off here is looked at again.
    await ports.noticed?.(row, admission.kind === 'admitted' ? admission.person.id : undefined);
    if (admission.kind !== 'admitted') return endUnadmitted(row, admission);
    const { person } = admission;
    if (row.kind === 'edit' || row.kind === 'delete') return amend(row, person);
    if (isStale(row)) return expire(row, person, 'too old when it arrived');
    const text = (await takeChoice(row)) ?? textOf(row);
    const route = await ports.route(person, row);
    const ask = await ports.commands.run({ row, text, person, route });
    if (ask === 'answered') return;
    // Before the lane, whose turn waits for it.
    if (await ports.questions.take({ row, text, person })) return;
    await queue(row, person, route);
  }

  /** What a number stands for; stored, so that it means the same after a crash. */
  async function takeChoice(row: InboxRow): Promise<string | undefined> {
    const chosen = await ports.chosen(row);
    if (chosen !== undefined) await rewriteWaiting(ports.db, row.id, { ...row.payload, text: chosen });
    return chosen;
  }

  async function queue(row: InboxRow, person: Person, route: Route): Promise<void> {
    const now = ports.clock.now();
    const more = row.payload.partial === true || row.payload.mediaGroup !== undefined;
    await queueInbox(ports.db, row.id, {
      person: person.id,
      session: route.session.id,
      dueAt: more ? now + ports.settings.debounceMs : now,
    });
    ports.receipts.accepted(row);
    if (isLate(row)) await trimBacklog(route.session.id, person);
    await ports.lanes.arrived(row, route.session.id);
  }

  /** What came while we were away is answered up to a count, the latest of it. */
  async function trimBacklog(session: SessionId, person: Person): Promise<void> {
    if ((await countQueued(ports.db, session)) <= ports.settings.backfill.maxMessages) return;
    const [oldest] = await listInbox(ports.db, { state: 'queued', session, limit: 1 });
    if (oldest && isLate(oldest)) await expire(oldest, person, 'too many came while away');
  }

  async function endUnadmitted(row: InboxRow, admission: Exclude<Admission, { kind: 'admitted' }>): Promise<void> {
    const outbox = ports.poster.rows({ key: `c${row.id}`, to: row.address, kind: 'command', text: admission.reply });
    const end =
      admission.kind === 'paired'
        ? ({ state: 'answered' } as const)
        : ({ state: 'refused', reason: admission.reason } as const);
    await answerInbox(ports.db, { rows: [row.id], ...end, outbox });
    if (outbox.length > 0) ports.poster.wake(row.address);
  }

  /** An edit or deletion of a message that still waits changes it; of one that was answered, it changes nothing. */
  async function amend(row: InboxRow, person: Person): Promise<void> {
    const waiting = await findWaiting(ports.db, row.address, row.message);
    await ports.db.query.transaction().execute(async (trx) => {
      const changed = waiting !== undefined && waiting.user === row.user && (await change(waiting, row, trx));
      const end: InboxEnd = changed
        ? { state: 'merged', mergedInto: waiting.id }
        : { state: 'superseded', reason: 'its message was taken up before' };
      await endInbox(ports.db, [row.id], { ...end, person: person.id }, trx);
    });
  }

  /** False when the message was taken up meanwhile. */
  async function change(waiting: InboxRow, row: InboxRow, trx: Query): Promise<boolean> {
    if (row.kind === 'edit') {
      const edited = { ...row.payload, attachments: waiting.payload.attachments };
      return rewriteWaiting(ports.db, waiting.id, ports.voice?.keepHeard(edited, waiting.payload) ?? edited, trx);
    }
    const end = { state: 'superseded', reason: 'deleted by the sender' } as const;
    return (await endInbox(ports.db, [waiting.id], end, trx)) > 0;
  }

  function isStale(row: InboxRow): boolean {
    return ports.clock.now() - row.payload.sentAt > ports.settings.backfill.maxAgeMs;
  }

  async function expire(row: InboxRow, person: Person, reason: string): Promise<void> {
    const day = new Date(row.receivedAt).toISOString().slice(0, 10);
    await answerInbox(ports.db, {
      rows: [row.id],
      state: 'expired',
      reason,
      person: person.id,
      outbox: ports.poster.rows({
        // One notice per chat and day, however many old messages come in.
        key: `x${day}-${row.address.platform}-${shortHash(addressKey(row.address))}`,
        to: row.address,
        kind: 'notice',
        person: person.id,
        text: 'I was away, and some messages here were too old or too many to answer when I came back. Please send what still matters again.',
      }),
    });
    ports.poster.wake(row.address);
  }

  return {
    async start() {
      ports.bus.on('inbox', accept);
      await ports.commands.recover();
      const rows = await listInbox(ports.db, { state: 'received', limit: 10_000 });
      const known = new Set(rows.map((row) => row.id));
      const since = (early ?? []).filter((row) => !known.has(row.id));
      early = undefined;
      for (const row of [...rows, ...since]) void enter(row);
    },
    async stop() {
      stopped = true;
      await Promise.allSettled(tails.values());
    },
  };
}

/** What the person said: a press of a button says what the button carries. */
export function textOf(row: InboxRow): string {
  return row.payload.button?.data ?? row.payload.text;
}

/** It waited on the platform while we were away. */
function isLate(row: InboxRow): boolean {
  return row.receivedAt - row.payload.sentAt > LATE_MS;
}

function shortHash(text: string): string {
  let hash = 0xcbf29ce484222325n;
  for (const unit of text) hash = ((hash ^ BigInt(unit.codePointAt(0) ?? 0)) * 0x100000001b3n) & 0xffffffffffffffffn;
  return hash.toString(36);
}
