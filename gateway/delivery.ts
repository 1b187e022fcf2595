// Step 8: rows of the outbox reach their chats. One lane per chat, in order; every row ends as sent, uncertain, expired or dead.
import { parseMarkdown } from '../adapters/markdown.ts';
import type { Adapter, OutboundMessage, SendResult } from '../adapters/contract.ts';
import type { ProcessDb } from '../data/db.ts';
import {
  listExpired,
  listOpenChats,
  nextOutbox,
  updateOutbox,
  type NewOutboxRow,
  type OutboxRow,
} from '../data/process/outbox.ts';
import { answerInbox } from '../data/process/turns.ts';
import { listDmChats } from '../data/process/chats.ts';
import { backoffMs } from '../shared/backoff.ts';
import { abortReason, type Clock } from '../shared/clock.ts';
import type { AccountId } from '../shared/ids.ts';
import type { Logger } from '../shared/log.ts';
import { addressKey, type Address } from '../shared/messages.ts';
import { preview } from '../shared/text.ts';
import type { Bus } from './bus.ts';
import { isHeldUp, untilStored } from '../shared/held-up.ts';
import { hasButtons, type Letter } from './outbox.ts';
import type { Platforms } from './platforms.ts';
import { placeOf } from './jobs/keys.ts';

const RETRY = { baseMs: 500, maxMs: 5 * 60_000 };
/** A send that takes longer may have arrived: it ends as 'maybe'. */
const SEND_TIMEOUT_MS = 60_000;
/** How long a send may still take to end after it was told to. */
const SEND_GRACE_MS = 1_000;
/** While a platform is not there, or cannot say whether a message went out. */
const LOOK_AGAIN_MS = 15_000;
/** While the disk has no room to say that a message is being sent. */
const HELD_UP_MS = 3_000;
/** How long a stopping gateway goes on sending what it can. */
const LAST_SENDS_MS = 3_000;

export interface DeliveryPorts {
  db: ProcessDb;
  clock: Clock;
  log: Logger;
  bus: Bus;
  random: () => number;
  platforms: Platforms;
  /**
   * What must be made before a row can be sent. 'drop': it cannot be made, and the chat was told · 'later': `signal` aborted. Undefined:
   * every row can be sent as it is.
   */
  prepare?: ((row: OutboxRow, signal: AbortSignal) => Promise<OutboxRow | 'drop' | 'later'>) | undefined;
  /** Rows of a notice, for the same transaction as the change that it tells. */
  rows(letter: Letter): readonly NewOutboxRow[];
}

export interface Delivery {
  /** Takes up what an earlier process left, and listens for more. */
  start(): Promise<void>;
  /** Chats of this account are worth another try now. */
  accountOnline(platform: string, account: AccountId): void;
  /** Waits for sends under way, about 4 s at most. What is not sent stays in the table. */
  stop(): Promise<void>;
}

interface Lane {
  address: Address;
  busy: Promise<void> | undefined;
  again: boolean;
  cancelTimer: (() => void) | undefined;
}

export function openDelivery(ports: DeliveryPorts): Delivery {
  const lanes = new Map<string, Lane>();
  const stopping = new AbortController();

  function wake(address: Address): void {
    if (stopping.signal.aborted) return;
    const key = addressKey(address);
    let lane = lanes.get(key);
    if (!lane) lanes.set(key, (lane = { address, busy: undefined, again: false, cancelTimer: undefined }));
    lane.cancelTimer?.();
    lane.cancelTimer = undefined;
    lane.again = true;
    lane.busy ??= drain(key, lane);
  }

  async function drain(key: string, lane: Lane): Promise<void> {
    try {
      while (lane.again && !stopping.signal.aborted) {
        lane.again = false;
        const waitMs = await deliverDue(lane.address);
        ports.bus.emit('settled', lane.address);
        if (waitMs === undefined || lane.again) continue;
        lane.cancelTimer = ports.clock.after(waitMs, () => wake(lane.address));
      }
    } catch (error) {
      ports.log.error({ err: error, chat: lane.address.platform }, 'delivery lane failed; it is tried again');
      lane.cancelTimer = ports.clock.after(isHeldUp(error) ? HELD_UP_MS : RETRY.maxMs, () => wake(lane.address));
    } finally {
      lane.busy = undefined;
      if (lane.again && !stopping.signal.aborted) lane.busy = drain(key, lane);
      else if (!lane.cancelTimer) lanes.delete(key);
    }
  }

  /** Sends what is due. Returns when to look again, in ms from now; undefined when nothing is left. */
  async function deliverDue(address: Address): Promise<number | undefined> {
    const chatKey = addressKey(address);
    for (;;) {
      if (stopping.signal.aborted) return undefined;
      const next = await nextOutbox(ports.db, chatKey);
      if (!next) return undefined;
      const { row, isLast } = next;
      const now = ports.clock.now();
      const adapter = ports.platforms.find(address);
      if (row.state === 'sending') {
        if (!adapter || !(await settleUnknown(row, adapter))) return LOOK_AGAIN_MS;
        continue;
      }
      if (row.expiresAt <= now) {
        await expire(chatKey, address);
        continue;
      }
      // A row last touched in the future: the clock went back since, and what it was to wait for is long over.
      if (row.dueAt > now && row.updatedAt <= now) return Math.min(row.dueAt, row.expiresAt) - now;
      if (!adapter) return Math.min(LOOK_AGAIN_MS, row.expiresAt - now);
      const ready = ports.prepare ? await ports.prepare(row, stopping.signal) : row;
      if (ready === 'later') continue;
      if (ready === 'drop') await updateOutbox(ports.db, row.seq, { state: 'expired', error: 'it could not be made' });
      // What was written since has woken this lane.
      else if ((await sendRow(ready, adapter)) && isLast) return undefined;
    }
  }

  /** True when the platform took it. */
  async function sendRow(row: OutboxRow, adapter: Adapter): Promise<boolean> {
    await updateOutbox(ports.db, row.seq, { state: 'sending', attempts: row.attempts + 1 });
    // Whoever reads it may rely on it, and after a power cut it must be known that it may have been sent.
    await ports.db.flush();
    const result = await sendInTime(row, adapter);
    if (!result) return false; // it stays 'sending'; the next start finds out what became of it
    const tried = { ...row, attempts: row.attempts + 1 };
    // What is known now must be written down, however long the disk is full: later nobody could tell whether it went out.
    await untilStored({ ...ports, signal: stopping.signal }, 'the end of a send', () =>
      applyResult(tried, adapter, result),
    );
    return result.ok;
  }

  /** What the platform said, or that it said nothing in time. Undefined when it says nothing and the gateway ends. */
  async function sendInTime(row: OutboxRow, adapter: Adapter): Promise<SendResult | undefined> {
    const limit = new AbortController();
    const overdue = Promise.withResolvers<undefined>();
    let cancelGrace: (() => void) | undefined;
    const end = (reason: Error) => {
      limit.abort(reason);
      cancelGrace ??= ports.clock.after(SEND_GRACE_MS, () => overdue.resolve(undefined));
    };
    const onStop = () => end(abortReason(stopping.signal));
    const cancelTimeout = ports.clock.after(SEND_TIMEOUT_MS, () =>
      end(new DOMException('the platform did not answer in time', 'TimeoutError')),
    );
    if (stopping.signal.aborted) onStop();
    else stopping.signal.addEventListener('abort', onStop, { once: true });
    try {
      // Adapters promise never to reject; one that does anyway must not leave the row in 'sending'.
      const sending = sendOnce(row, adapter, limit.signal).catch((cause: unknown) => brokenPromise(cause));
      const result = await Promise.race([sending, overdue.promise]);
      if (result || stopping.signal.aborted) return result;
      return brokenPromise(abortReason(limit.signal));
    } finally {
      cancelGrace?.();
      cancelTimeout();
      stopping.signal.removeEventListener('abort', onStop);
    }
  }

  async function applyResult(row: OutboxRow, adapter: Adapter, result: SendResult): Promise<void> {
    if (result.ok) return updateOutbox(ports.db, row.seq, { state: 'sent', sentIds: result.ids });
    const error = `${result.code}: ${preview(result.cause.message, 200)}`;
    ports.log.warn(
      { key: row.key, platform: row.to.platform, code: result.code, reached: result.reached },
      'part not sent',
    );
    if (result.reached === 'maybe' && row.editOf === undefined) {
      await settleUnknown(row, adapter, error);
      return;
    }
    switch (result.code) {
      case 'format':
      case 'too_long':
        if (row.plain) return bury(row, error);
        return updateOutbox(ports.db, row.seq, { state: 'pending', plain: true, error });
      case 'rate_limited':
      case 'unreachable':
      case 'auth': {
        const waitMs = Math.max(result.retryAfterMs ?? 0, backoffMs(row.attempts, RETRY, ports.random));
        return updateOutbox(ports.db, row.seq, { state: 'pending', dueAt: ports.clock.now() + waitMs, error });
      }
      case 'not_found':
      case 'unsupported':
      case 'bad_request':
      case 'forbidden':
        // The preview that this part was to replace is gone, or too old to edit: a new message says it as well.
        if (row.editOf !== undefined) return updateOutbox(ports.db, row.seq, { state: 'pending', editOf: null, error });
        return bury(row, error);
    }
  }

  /**
   * A crash or a broken connection in the middle of a send: it may have arrived. False when the platform could not say yet; the row
   * then stays 'sending'.
   */
  async function settleUnknown(
    row: OutboxRow,
    adapter: Adapter,
    error = 'Herald stopped while sending',
  ): Promise<boolean> {
    const again = {
      state: 'pending',
      dueAt: ports.clock.now() + backoffMs(row.attempts, RETRY, ports.random),
      error,
    } as const;
    const { sendDedupe } = adapter.capabilities(row.to);
    if (row.editOf !== undefined || sendDedupe === 'by-key') {
      await updateOutbox(ports.db, row.seq, again);
      return true;
    }
    if (sendDedupe === 'read-back' && adapter.find) {
      const found = await adapter.find(row.to, row.key);
      if (found && !found.ok) {
        const mayTellLater = found.code === 'unreachable' || found.code === 'rate_limited' || found.code === 'auth';
        if (mayTellLater && row.expiresAt > ports.clock.now()) return false;
        await endUncertain(row, error);
        return true;
      }
      await updateOutbox(ports.db, row.seq, found ? { state: 'sent', sentIds: found.ids } : again);
      return true;
    }
    await endUncertain(row, error);
    return true;
  }

  async function endUncertain(row: OutboxRow, error: string): Promise<void> {
    await endWithNotice(
      row,
      { state: 'uncertain', error },
      {
        text: `I cannot tell whether this message reached you, because the connection broke while I was sending it: “${preview(row.text, 120)}”`,
        buttons: [[{ label: 'Send again', data: `/resend ${row.key}` }]],
      },
    );
  }

  async function bury(row: OutboxRow, error: string): Promise<void> {
    await updateOutbox(ports.db, row.seq, { state: 'dead', error });
    // What has a second place is sent there.
    if (row.kind === 'notice' || row.person === undefined || placeOf(row.key) === 'watched') return;
    const elsewhere = (await listDmChats(ports.db, row.person)).find(
      (chat) => addressKey(chat.address) !== addressKey(row.to) && ports.platforms.find(chat.address),
    );
    if (!elsewhere) return;
    const rows = ports.rows({
      key: `${row.key}.d`,
      to: elsewhere.address,
      kind: 'notice',
      person: row.person,
      text: `I could not deliver a message to your ${row.to.platform} chat (${error}). It said:\n\n${row.text}`,
    });
    await answerInbox(ports.db, { rows: [], state: 'answered', outbox: rows });
    wake(elsewhere.address);
  }

  async function endWithNotice(
    row: OutboxRow,
    end: { state: 'uncertain'; error: string },
    notice: Pick<Letter, 'text' | 'buttons'>,
  ): Promise<void> {
    await ports.db.query.transaction().execute(async (trx) => {
      await updateOutbox(ports.db, row.seq, end, trx);
      // A notice about a notice helps nobody.
      const rows =
        row.kind === 'notice'
          ? []
          : ports.rows({ key: `${row.key}.u`, to: row.to, kind: 'notice', person: row.person, ...notice });
      await answerInbox(ports.db, { rows: [], state: 'answered', outbox: rows }, trx);
    });
  }

  /** Stale rows of a chat are summarized in one line instead of flooding it. */
  async function expire(chatKey: string, address: Address): Promise<void> {
    const rows = await listExpired(ports.db, chatKey);
    const told = rows.filter((row) => row.kind !== 'notice');
    const first = told[0];
    await ports.db.query.transaction().execute(async (trx) => {
      for (const row of rows) await updateOutbox(ports.db, row.seq, { state: 'expired' }, trx);
      if (!first) return;
      const count = new Set(told.map((row) => row.turn ?? row.key)).size;
      const outbox = ports.rows({
        key: `${first.key}.x`,
        to: address,
        kind: 'notice',
        person: first.person,
        text:
          `I could not reach this chat for a long time, so ${count === 1 ? 'one old answer was' : `${count} old answers were`} not sent. ` +
          `The first began: “${preview(first.text, 120)}”. Ask again, or see \`/sessions\`.`,
      });
      await answerInbox(ports.db, { rows: [], state: 'answered', outbox }, trx);
    });
  }

  return {
    async start() {
      ports.bus.on('outbox', wake);
      for (const address of await listOpenChats(ports.db)) wake(address);
    },
    accountOnline(platform, account) {
      void listOpenChats(ports.db)
        .then((open) => {
          for (const address of open) if (address.platform === platform && address.account === account) wake(address);
        })
        .catch((error: unknown) => ports.log.error({ err: error }, 'could not look for waiting messages'));
    },
    async stop() {
      const busy = () => Promise.allSettled([...lanes.values()].flatMap((lane) => lane.busy ?? []));
      const enough = new AbortController();
      await Promise.race([busy(), ports.clock.sleep(LAST_SENDS_MS, enough.signal).catch(() => undefined)]);
      enough.abort();
      stopping.abort();
      for (const lane of lanes.values()) lane.cancelTimer?.();
      await busy();
    },
  };
}

async function sendOnce(row: OutboxRow, adapter: Adapter, signal: AbortSignal): Promise<SendResult> {
  const message = messageOf(row, adapter);
  return row.editOf !== undefined && adapter.edit
    ? adapter.edit(row.to, row.editOf, message, signal)
    : adapter.send(row.to, message, signal);
}

function brokenPromise(cause: unknown): SendResult {
  return {
    ok: false,
    code: 'unreachable',
    reached: 'maybe',
    cause: cause instanceof Error ? cause : new Error(String(cause)),
  };
}

function messageOf(row: OutboxRow, adapter: Adapter): OutboundMessage {
  return {
    key: row.key,
    body: parseMarkdown(row.text),
    plain: row.plain,
    files: row.files,
    buttons: hasButtons(adapter.capabilities(row.to)) ? row.buttons : [],
    replyTo: row.replyTo,
    silent: row.silent,
    // A question of ours waits for the person: until they say something, there is no more to come.
    isEnd: row.part === row.parts && (row.kind === 'command' || row.turn !== undefined || row.buttons.length > 0),
  };
}
