// Hands what Slack tells of to the core, by whichever way it came: stored first, acknowledged then, in the order of its channel.
import { z } from 'zod';
import type { AdapterHost, InboundMessage } from '../../contract.ts';
import { backoffMs } from '../../../shared/backoff.ts';
import type { Clock } from '../../../shared/clock.ts';
import type { AccountId } from '../../../shared/ids.ts';
import type { Directory } from '../directory.ts';
import { readPress, readSlash, type InteractionContext } from '../inbound/interactions.ts';
import {
  isDirect,
  readMessage,
  readMessageEvent,
  type InboundContext,
  type InboundResult,
} from '../inbound/messages.ts';
import {
  eventBodySchema,
  messageEventSchema,
  messageSchema,
  pressSchema,
  slashSchema,
  type SlackMessage,
  type SlackMessageEvent,
} from '../inbound/schema.ts';
import { mentionedUsers, readText } from '../inbound/text.ts';
import type { Lanes } from '../../transport/lanes.ts';
import type { Progress } from './progress.ts';

const STORE_BACKOFF = { baseMs: 100, maxMs: 30_000 };
/** Names of more people than this in one message are left as ids. */
const MAX_MENTIONS = 10;

/** Ourselves, from auth.test. */
export interface Bot {
  id: string;
  name: string;
}

export interface ReceiverDeps {
  host: AdapterHost;
  account: AccountId;
  bot: Bot;
  clock: Clock;
  signal: AbortSignal;
  lanes: Lanes;
  progress: Progress;
  directory: Directory;
  settings: { reply_in_thread: boolean; follow_threads: boolean };
  commands: ReadonlySet<string>;
  /** Called with the channel of an event before it gets in line: what is missing before it gets in line first. */
  beforeEvent(channel: string): void;
  /** The app was removed from the workspace, or its tokens were. */
  onRevoked(): void;
}

export interface Receiver {
  /** An Events API body. Resolves when it is stored or of no use; rejects when we stop before that, or too much waits. */
  takeEvent(body: unknown): Promise<void>;
  /** An interaction (block_actions and the like). As `takeEvent`. */
  takeInteraction(body: unknown): Promise<void>;
  /** A slash command. As `takeEvent`. */
  takeSlash(body: unknown): Promise<void>;
  /** A message of a channel's history, in its lane already. True when it was one that people wrote. */
  takeHistory(raw: unknown, channel: string): Promise<boolean>;
  /** Whether `takeHistory` would hand it to the core. */
  isOfUse(raw: unknown, channel: string): boolean;
}

const channelSchema = z.string().min(1).max(100);
const historySchema = messageSchema;

export function makeReceiver(deps: ReceiverDeps): Receiver {
  const { host, lanes, progress, directory, clock } = deps;
  /** Threads whose beginning the core has been told of. */
  const knownThreads = new Set<string>();

  /** Tries for ever: nothing that comes later in the channel may overtake it. Rejects only when we stop. */
  async function store(message: InboundMessage): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      deps.signal.throwIfAborted();
      try {
        await host.receive(message);
        return;
      } catch (error) {
        // The core's own error: its text is not ours to print.
        host.log.error(
          { error: error instanceof Error ? error.name : 'unknown', attempt },
          'message could not be stored; it is tried again',
        );
      }
      await clock.sleep(backoffMs(attempt, STORE_BACKOFF), deps.signal);
    }
  }

  /** Stores what was read. True when there was something to store. */
  async function finish(result: InboundResult): Promise<boolean> {
    if (result.kind === 'ignored') {
      host.log.debug({ reason: result.reason }, 'event ignored');
      return false;
    }
    await store(result.message);
    noteThread(result.message);
    return true;
  }

  /** Who named us in a channel goes on without naming us; our answer will be in that thread. */
  function noteThread({ chat, chatKind, thread, addressed }: InboundMessage): void {
    if (thread === undefined) return;
    knownThreads.add(`${chat} ${thread}`);
    if (knownThreads.size > 5_000) knownThreads.clear();
    if (chatKind === 'dm' || addressed) progress.follow(chat, thread);
  }

  async function namesOf(text: string): Promise<ReadonlyMap<string, string>> {
    const ids = [...new Set(mentionedUsers(text))].filter((id) => id !== deps.bot.id).slice(0, MAX_MENTIONS);
    const names = new Map<string, string>();
    await Promise.all(
      ids.map(async (id) => {
        const name = (await directory.person(id))?.name;
        if (name !== undefined) names.set(id, name);
      }),
    );
    return names;
  }

  async function makeContext(message: SlackMessage, place: { channel: string; channel_type?: string | undefined }) {
    const { channel } = place;
    const thread = message.thread_ts;
    const isUnknown = thread !== undefined && thread !== message.ts && !knownThreads.has(`${channel} ${thread}`);
    const [names, person, chatTitle, root] = await Promise.all([
      namesOf(message.text ?? ''),
      message.user === undefined ? undefined : directory.person(message.user),
      isDirect(place) ? undefined : directory.title(channel),
      isUnknown && !progress.isFollowed(channel, thread) ? directory.root(channel, thread) : undefined,
    ]);
    const base = bareContext(channel);
    const rootText = root && readText(root.text, { ...base, names: await namesOf(root.text) }).text;
    return {
      ...base,
      names,
      person,
      chatTitle,
      root: root && rootText !== undefined ? { text: rootText, author: root.author } : undefined,
    };
  }

  /** All but what has to be asked for. */
  function bareContext(channel: string): InboundContext {
    return {
      account: deps.account,
      bot: deps.bot.id,
      botName: deps.bot.name,
      names: new Map(),
      person: undefined,
      chatTitle: undefined,
      isFollowed: (thread) => deps.settings.follow_threads && progress.isFollowed(channel, thread),
      root: undefined,
      replyInThread: deps.settings.reply_in_thread,
    };
  }

  function interactionContext(): InteractionContext {
    return {
      account: deps.account,
      bot: deps.bot.id,
      botName: deps.bot.name,
      names: new Map(),
      now: clock.now(),
      commands: deps.commands,
    };
  }

  async function takeMessage(event: SlackMessageEvent): Promise<void> {
    const { channel, ts, subtype } = event;
    // The message that a change or deletion is about says who wrote it, and where.
    const about = event.message ?? event.previous_message ?? event;
    await readTwice(event, about, (context) => readMessageEvent(event, context));
    // A change tells of an older message, and its own time is that of no message.
    if (subtype !== 'message_changed' && subtype !== 'message_deleted') progress.advance(channel, ts);
  }

  /** What is of no use, such as the echo of our own messages, is left out before anybody is asked for names. */
  async function readTwice(
    place: { channel: string; channel_type?: string | undefined },
    about: SlackMessage,
    read: (context: InboundContext) => InboundResult,
  ): Promise<boolean> {
    const first = read(bareContext(place.channel));
    return finish(first.kind === 'ignored' ? first : read(await makeContext(about, place)));
  }

  /** Reports what cannot be read, by the names of its fields and never by their content. */
  function refuse(what: string, error: z.ZodError): void {
    const paths = error.issues.slice(0, 5).map((issue) => issue.path.join('.') || 'body');
    host.log.warn({ fields: [...new Set(paths)].join(', ') }, `${what} could not be read`);
  }

  return {
    async takeEvent(body) {
      const envelope = eventBodySchema.safeParse(body);
      if (!envelope.success) return refuse('event', envelope.error);
      const { event } = envelope.data;
      if (event.type === 'app_uninstalled' || event.type === 'tokens_revoked') return deps.onRevoked();
      if (event.type !== 'message' && event.type !== 'app_mention') return;
      const channel = channelSchema.safeParse(event.channel);
      if (!channel.success) return refuse('event', channel.error);
      deps.beforeEvent(channel.data);
      await lanes.run(channel.data, async () => {
        const parsed = messageEventSchema.safeParse(event);
        if (parsed.success) await takeMessage(parsed.data);
        else refuse('message', parsed.error);
      });
    },
    async takeInteraction(body) {
      const parsed = pressSchema.safeParse(body);
      // Other interactions (shortcuts, dialogs) are not ours.
      if (!parsed.success) return refuse('interaction', parsed.error);
      deps.beforeEvent(parsed.data.channel.id);
      await lanes.run(parsed.data.channel.id, async () => {
        await finish(readPress(parsed.data, interactionContext()));
      });
    },
    async takeSlash(body) {
      const parsed = slashSchema.safeParse(body);
      if (!parsed.success) return refuse('slash command', parsed.error);
      const slash = parsed.data;
      // Typed in a DM with somebody else it is answered in ours: that one is not ours to write in.
      const isElsewhere = isDirect({ channel: slash.channel_id });
      const chat = (isElsewhere ? await directory.dm(slash.user_id) : undefined) ?? slash.channel_id;
      deps.beforeEvent(chat);
      await lanes.run(chat, async () => {
        await finish({ kind: 'message', message: readSlash(slash, chat, interactionContext()) });
      });
    },
    async takeHistory(raw, channel) {
      const parsed = historySchema.safeParse(raw);
      if (!parsed.success) {
        refuse('message of the history', parsed.error);
        return false;
      }
      const { data } = parsed;
      const isStored = await readTwice({ channel }, data, (context) => readMessage(data, { channel }, context));
      progress.advance(channel, data.ts);
      return isStored;
    },
    isOfUse(raw, channel) {
      const parsed = historySchema.safeParse(raw);
      return parsed.success && readMessage(parsed.data, { channel }, bareContext(channel)).kind === 'message';
    },
  };
}
