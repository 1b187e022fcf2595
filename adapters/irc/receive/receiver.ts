// What is listened to on each connection: messages, and where their senders are now.
import { z } from 'zod';
import type { Clock } from '../../../shared/clock.ts';
import type { AccountId } from '../../../shared/ids.ts';
import type { AdapterHost, InboundMessage } from '../../contract.ts';
import { readParty } from '../addresses.ts';
import type { Session } from '../connection/session.ts';
import type { IrcSettings } from '../settings.ts';
import { CHAT_HISTORY, fetchHistory } from './history.ts';
import { readEvent } from './inbound.ts';
import type { Whereabouts } from './whereabouts.ts';
import type { ReceiveQueue } from '../../transport/receive-queue.ts';

/** Until when nothing was missed, ms since the epoch. */
const ALIVE_KEY = 'alive';
/** How often that is written while all is well. */
const ALIVE_EVERY_MS = 60_000;
/** Live messages wait for older ones at most this long. */
const HISTORY_WAIT_MS = 30_000;

export interface ReceiverDeps {
  settings: IrcSettings;
  account: AccountId;
  host: AdapterHost;
  queue: ReceiveQueue;
  whereabouts: Whereabouts;
  clock: Clock;
  signal: AbortSignal;
}

export interface Receiver {
  /** Listens; before anything is joined, so that nothing is missed. */
  listen(session: Session): void;
  /** Fetches or tells what was missed. Resolves when that is stored or waits to be, before all that came since `listen`. */
  catchUp(session: Session, channels: readonly string[]): Promise<void>;
  /** Writes down that nothing was missed until now, at most once a minute unless it is the last time. */
  alive(isLast: boolean): Promise<void>;
}

const nickChange = z.looseObject({ nick: z.string(), new_nick: z.string() });

export function makeReceiver(deps: ReceiverDeps): Receiver {
  const { host, queue, clock, settings } = deps;
  const run = clock.now().toString(36);
  let minted = 0;
  let played: InboundMessage[] = [];
  let release: () => void = () => {};
  let isCaughtUp = false;
  let aliveAt = -Infinity;

  function take(session: Session, type: 'privmsg' | 'action', payload: unknown): void {
    const reading = readEvent(type, payload, {
      account: deps.account,
      now: clock.now(),
      me: session.nick(),
      trustNicks: settings.trust_nicks,
      lower: (name) => session.lower(name),
      isChannel: (name) => session.isChannel(name),
      mintId: () => `${run}.${++minted}`,
    });
    if (reading.kind === 'ignored') {
      host.log.debug({ reason: reading.reason }, 'message ignored');
      return;
    }
    const party = readParty(reading.message.sender.id);
    if (!reading.isHistory && party?.kind === 'account') deps.whereabouts.seen(party.name, reading.nick);
    if (reading.isHistory) played.push(reading.message);
    else queue.push(() => host.receive(reading.message));
  }

  async function fetchMissed(session: Session, channels: readonly string[], since: number): Promise<void> {
    const messages = await fetchHistory({
      host,
      session,
      since,
      now: clock.now(),
      channels,
      signal: deps.signal,
      takePlayed() {
        const taken = played;
        played = [];
        return taken;
      },
    });
    queue.pushOlder(messages.map((message) => ({ at: message.sentAt, task: () => host.receive(message) })));
  }

  async function alive(isLast: boolean): Promise<void> {
    if (!isCaughtUp) return;
    if (isLast) isCaughtUp = false;
    if (!isLast && clock.now() - aliveAt < ALIVE_EVERY_MS) return;
    aliveAt = clock.now();
    await host.cursor.set(ALIVE_KEY, String(queue.storedUntil()));
  }

  return {
    listen(session) {
      isCaughtUp = false;
      played = [];
      release();
      release = queue.hold(HISTORY_WAIT_MS);
      session.on('privmsg', (payload) => take(session, 'privmsg', payload));
      session.on('action', (payload) => take(session, 'action', payload));
      session.on('nick', (payload) => {
        const change = nickChange.safeParse(payload);
        if (change.success) deps.whereabouts.moved(session.lower(change.data.nick), change.data.new_nick, session);
      });
      session.on('pong', () => void alive(false).catch(() => undefined));
    },
    async catchUp(session, channels) {
      try {
        const since = Number(await host.cursor.get(ALIVE_KEY));
        if (!(since > 0)) return;
        if (session.hasCapability(CHAT_HISTORY)) await fetchMissed(session, channels, since);
        else await host.gap({ since, until: clock.now(), reason: 'no-replay' });
      } finally {
        isCaughtUp = true;
        aliveAt = -Infinity;
        release();
      }
    },
    alive,
  };
}
