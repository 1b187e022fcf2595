// Names of people and channels, asked for once and kept for a while. Names are for show: when Slack does not give them, there are none.
import { z } from 'zod';
import type { Clock } from '../../shared/clock.ts';
import type { SlackApi } from './api.ts';
import type { Person } from './inbound/messages.ts';

/** Slack wants an event acknowledged within 3 s (https://docs.slack.dev/apis/events-api, read 2026-11-21). */
const TIMEOUT_MS = 1_500;
const KEEP_MS = 60 * 60_000;
/** A name that could not be had is asked for again after this. */
const RETRY_MS = 60_000;
const MAX_ENTRIES = 1_000;
const MAX_NAME_CHARS = 100;

const name = z.string().nullish();
const userSchema = z.looseObject({
  name,
  real_name: name,
  is_bot: z.boolean().optional(),
  profile: z.looseObject({ display_name: name, real_name: name }).optional(),
});

export interface Directory {
  /** Never rejects. */
  person(user: string): Promise<Person | undefined>;
  /** "#name" of a channel. Never rejects. */
  title(channel: string): Promise<string | undefined>;
  /** First message of a thread. Never rejects. */
  root(channel: string, thread: string): Promise<{ text: string; author: string } | undefined>;
  /** Our DM with a person. Never rejects. */
  dm(user: string): Promise<string | undefined>;
}

export interface DirectoryDeps {
  api: SlackApi;
  clock: Clock;
  signal: AbortSignal;
}

export function makeDirectory({ api, clock, signal }: DirectoryDeps): Directory {
  const options = { signal, timeoutMs: TIMEOUT_MS };

  async function askPerson(user: string): Promise<Person | undefined> {
    const answer = await api.call((client) => client.users.info({ user }), options);
    const parsed = userSchema.safeParse(answer.user);
    if (!parsed.success) return undefined;
    const { profile, real_name: realName, name: username, is_bot: isBot = false } = parsed.data;
    const shown = profile?.display_name || realName || profile?.real_name || username;
    return { name: shown?.slice(0, MAX_NAME_CHARS), username: username ?? undefined, isBot };
  }

  async function askTitle(channel: string): Promise<string | undefined> {
    const answer = await api.call((client) => client.conversations.info({ channel }), options);
    const title = answer.channel?.name;
    return title === undefined ? undefined : `#${title.slice(0, MAX_NAME_CHARS)}`;
  }

  async function askRoot(channel: string, ts: string): Promise<{ text: string; author: string } | undefined> {
    const answer = await api.call((client) => client.conversations.replies({ channel, ts, limit: 1 }), options);
    const root = answer.messages?.find((message) => message.ts === ts);
    if (!root?.text) return undefined;
    const author = root.user === undefined ? undefined : await people(root.user);
    return { text: root.text, author: author?.name ?? 'someone' };
  }

  async function askDm(user: string): Promise<string | undefined> {
    return (await api.call((client) => client.conversations.open({ users: user }), options)).channel?.id;
  }

  const people = makeCache(clock, askPerson);
  const titles = makeCache(clock, askTitle);
  const dms = makeCache(clock, askDm);
  return { person: people, title: titles, dm: dms, root: (channel, ts) => askRoot(channel, ts).catch(() => undefined) };
}

interface Entry<T> {
  value: Promise<T | undefined>;
  untilMs: number;
}

/** Asks once for each key at a time, and again when the answer is old. The longest kept go first when there are too many. */
function makeCache<T>(
  clock: Clock,
  ask: (key: string) => Promise<T | undefined>,
): (key: string) => Promise<T | undefined> {
  const entries = new Map<string, Entry<T>>();
  return (key) => {
    const known = entries.get(key);
    if (known && known.untilMs > clock.now()) return known.value;
    entries.delete(key);
    const entry: Entry<T> = { value: ask(key).catch(() => undefined), untilMs: clock.now() + KEEP_MS };
    entries.set(key, entry);
    void entry.value.then((value) => {
      if (value === undefined) entry.untilMs = clock.now() + RETRY_MS;
    });
    const [oldest] = entries.keys();
    if (entries.size > MAX_ENTRIES && oldest !== undefined) entries.delete(oldest);
    return entry.value;
  };
}
