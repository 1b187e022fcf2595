// What the gateway tells, handed to the core: per channel in order, stored before anything moves on, and never ahead of what was missed.
import type { AdapterHost, InboundMessage } from '../../contract.ts';
import { backoffMs } from '../../../shared/backoff.ts';
import type { Clock } from '../../../shared/clock.ts';
import type { AccountId } from '../../../shared/ids.ts';
import type { Redactor } from '../../../shared/redact.ts';
import type { DiscordApi } from '../api.ts';
import { isOlder } from '../snowflake.ts';
import { makeCatchUp } from './catch-up.ts';
import { DM_CHANNEL, type Directory, type Place } from './directory.ts';
import { makeDeletion, readInteraction, readMessage, type InboundResult } from './inbound.ts';
import { makeAnswerer } from './interactions.ts';
import { makeLanes } from '../../transport/lanes.ts';
import { makePlaces } from './places.ts';
import type { Positions } from './positions.ts';
import { bulkSchema, interactionSchema, placedSchema } from './schema.ts';

const STORE_BACKOFF = { baseMs: 100, maxMs: 30_000 };
/** Events of one channel that wait for the disk; beyond, new messages are left to be fetched when there is room. */
const MAX_WAITING = 500;
/** Authors of messages, for deletions, which do not name them. */
const MAX_AUTHORS = 5_000;
/** A thread without a message for longer than this was archived: https://docs.discord.com/developers/topics/threads#active--archived-threads. */
const LONGEST_THREAD_PAUSE_MS = 8 * 24 * 3_600_000;
/** Events reach us a moment after they happened. */
const DELAY_MS = 30_000;

export interface ReceiverDeps {
  api: DiscordApi;
  host: AdapterHost;
  account: AccountId;
  me: string;
  directory: Directory;
  positions: Positions;
  redactor: Redactor;
  clock: Clock;
  signal: AbortSignal;
}

export interface Receiver {
  /** A new session has begun: whatever was said since the last one is not told by itself. */
  begin(): void;
  /** Takes one event of the gateway in. Never throws. */
  take(type: string, data: unknown): void;
  /** The connection was alive just now. */
  beat(): void;
  /** Resolves when nothing of it runs any more. */
  settle(): Promise<void>;
}

export function makeReceiver(deps: ReceiverDeps): Receiver {
  const { host, account, me, directory, positions, clock, signal } = deps;
  const lanes = makeLanes();
  function enqueue(lane: string, task: () => Promise<void>): void {
    lanes.run(lane, task).catch((error: unknown) => {
      host.log.error({ error: error instanceof Error ? error.name : 'unknown' }, 'an event failed unexpectedly');
    });
  }
  const places = makePlaces(deps);
  const answerer = makeAnswerer(deps);
  /** Channels in which nothing older than what we have can be missing. */
  const caughtUp = new Set<string>();
  const overfull = new Set<string>();
  const authors = new Map<string, InboundMessage['sender']>();
  const catchUp = makeCatchUp({ ...deps, take: (message, place) => takeMessage(message.raw, 'message', place) });

  const contextOf = (place: Place) => ({ account, me, directory, place });

  /** Tries until it is stored. False when the adapter stops before. */
  async function store(message: InboundMessage): Promise<boolean> {
    for (let attempt = 1; !signal.aborted; attempt++) {
      try {
        await host.receive(message);
        return true;
      } catch (error) {
        // The core's own error: its text is not ours to print.
        const name = error instanceof Error ? error.name : 'unknown';
        host.log.error({ error: name, attempt }, 'event could not be stored; it is tried again');
        await clock.sleep(backoffMs(attempt, STORE_BACKOFF), signal).catch(() => undefined);
      }
    }
    return false;
  }

  /** A fault of ours in reading one event must not hold up all that follow it. */
  function readSafely(read: () => InboundResult): InboundMessage | undefined {
    let result: InboundResult;
    try {
      result = read();
    } catch (error) {
      result = { kind: 'malformed', reason: `reading it failed (${error instanceof Error ? error.name : 'unknown'})` };
    }
    if (result.kind === 'message') return result.message;
    if (result.kind === 'malformed') host.log.warn({ reason: result.reason }, 'event could not be read');
    else host.log.debug({ reason: result.reason }, 'event ignored');
    return undefined;
  }

  async function takeMessage(raw: unknown, kind: 'message' | 'edit', place: Place): Promise<boolean> {
    const message = readSafely(() => readMessage(raw, kind, contextOf(place)));
    if (message) {
      if (!(await store(message))) return false;
      rememberAuthor(message);
    }
    const placed = placedSchema.safeParse(raw);
    if (kind === 'message' && placed.success) {
      const { guild, thread } = place;
      positions.advance(placed.data.channel_id, { last: placed.data.id, guild, isThread: thread !== undefined });
    }
    return true;
  }

  function rememberAuthor({ id, sender }: InboundMessage): void {
    authors.set(id, sender);
    const [oldest] = authors.keys();
    if (authors.size > MAX_AUTHORS && oldest !== undefined) authors.delete(oldest);
  }

  function pushCatchUp(channel: string, guild: string | undefined, before?: string): void {
    caughtUp.add(channel);
    enqueue(channel, async () => {
      overfull.delete(channel);
      const place = await places.find(channel, guild);
      if (place) await catchUp({ channel, place, before });
    });
  }

  /** `task` runs behind all that happened before it in the channel. `id`: of a new message. */
  function push(
    at: { channel: string; guild: string | undefined; id?: string },
    task: (place: Place) => Promise<void>,
  ) {
    const { channel, guild, id } = at;
    if (!caughtUp.has(channel)) pushCatchUp(channel, guild, id);
    else if (lanes.depth(channel) >= MAX_WAITING) {
      if (!overfull.has(channel)) {
        pushCatchUp(channel, guild);
        overfull.add(channel);
        host.log.warn({ waiting: MAX_WAITING }, 'messages wait for the disk; those that follow are fetched later');
      }
      return;
    }
    enqueue(channel, async () => {
      const place = signal.aborted ? undefined : await places.find(channel, guild);
      if (place) await task(place);
    });
  }

  function pushMessage(raw: unknown, kind: 'message' | 'edit'): void {
    const placed = placedSchema.safeParse(raw);
    if (!placed.success) {
      host.log.warn({}, 'message without a place');
      return;
    }
    const { id, channel_id: channel, guild_id: guild, channel_type: type } = placed.data;
    if (guild === undefined && type !== undefined && !directory.find(channel)) directory.add({ id: channel, type });
    push({ channel, guild, ...(kind === 'message' && { id }) }, async (place) => {
      await takeMessage(raw, kind, place);
    });
  }

  function pushDeletions(channel: string, ids: readonly string[]): void {
    // Of a message that nobody remembers it is not known whose it was, and it was seen to long ago.
    if (!caughtUp.has(channel)) return;
    enqueue(channel, async () => {
      for (const id of ids) {
        const sender = authors.get(id);
        const place = sender && !signal.aborted ? await places.find(channel, undefined) : undefined;
        if (sender && place) await store(makeDeletion(id, sender, contextOf(place)));
      }
    });
  }

  function pushInteraction(raw: unknown): void {
    const parsed = interactionSchema.safeParse(raw);
    const channel = parsed.success ? (parsed.data.channel_id ?? parsed.data.channel?.id) : undefined;
    if (!parsed.success || channel === undefined) {
      host.log.warn({}, 'interaction without a place');
      return;
    }
    const { channel: told, guild_id: guild } = parsed.data;
    if (told) directory.add(told, guild);
    // A lane of its own: Discord waits 3 s for an answer, and must not wait for what was missed.
    enqueue(`press ${channel}`, async () => {
      const place = signal.aborted ? undefined : await places.find(channel, guild);
      if (!place) return;
      const message = readSafely(() => readInteraction(raw, contextOf(place)));
      if (message && (await store(message))) answerer.acknowledge(parsed.data);
    });
  }

  /** Channels of a server where somebody wrote since we listened, and threads that may have been archived since. */
  function catchUpGuild(guild: string): void {
    const texts = directory.listTexts(guild);
    for (const { id, last_message_id: latest } of texts) {
      const known = positions.get(id)?.last;
      if (latest && (known === undefined || isOlder(known, latest))) pushCatchUp(id, guild);
    }
    const listed = new Set(texts.map((channel) => channel.id));
    for (const [channel, position] of positions.list()) {
      const isQuietThread = position.isThread && position.guild === guild && !listed.has(channel);
      if (isQuietThread && places.isRecent(position.last, LONGEST_THREAD_PAUSE_MS)) pushCatchUp(channel, guild);
    }
  }

  return {
    begin() {
      directory.clear();
      caughtUp.clear();
      for (const [channel, position] of positions.list()) {
        if (position.guild !== undefined) continue;
        directory.add({ id: channel, type: DM_CHANNEL });
        pushCatchUp(channel, undefined);
      }
    },
    take(type, data) {
      switch (type) {
        case 'MESSAGE_CREATE':
          return pushMessage(data, 'message');
        case 'MESSAGE_UPDATE':
          return pushMessage(data, 'edit');
        case 'MESSAGE_DELETE': {
          const placed = placedSchema.safeParse(data);
          if (placed.success) pushDeletions(placed.data.channel_id, [placed.data.id]);
          return undefined;
        }
        case 'MESSAGE_DELETE_BULK': {
          const bulk = bulkSchema.safeParse(data);
          if (bulk.success) pushDeletions(bulk.data.channel_id, bulk.data.ids);
          return undefined;
        }
        case 'INTERACTION_CREATE':
          return pushInteraction(data);
        default: {
          const guild = directory.apply(type, data);
          if (guild !== undefined) catchUpGuild(guild);
          return undefined;
        }
      }
    },
    beat() {
      if (lanes.waiting() === 0) positions.setListened(clock.now() - DELAY_MS);
    },
    async settle() {
      await lanes.settle();
      await answerer.settle();
      await positions.flush();
    },
  };
}
