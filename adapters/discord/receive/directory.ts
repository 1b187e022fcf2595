// Servers, channels, threads and roles as the gateway tells them: what a bare message does not say of itself. Kept in memory, told
// anew with every session.
import { z } from 'zod';
import { channelSchema, guildSchema, roleSchema, type DiscordChannel } from './schema.ts';

/** Channel types, https://docs.discord.com/developers/resources/channel#channel-object-channel-types, read 2026-11-21. */
export const DM_CHANNEL = 1;
const THREADS = [10, 11, 12];
/** Forum and media: their messages are in posts. */
const FORUMS = [15, 16];
/** Text, voice, announcement and stage: people write there. */
const TEXTS = [0, 2, 5, 13];

/** A channel as the core addresses it. */
export interface Place {
  kind: 'dm' | 'group';
  chat: string;
  thread: string | undefined;
  title: string | undefined;
  guild: string | undefined;
}

interface Guild {
  name: string;
  tier: number;
  roles: Map<string, string>;
  /** The role that Discord made for us when we were invited. */
  ownRole: string | undefined;
}

export class Directory {
  readonly #me: string;
  readonly #guilds = new Map<string, Guild>();
  readonly #channels = new Map<string, DiscordChannel>();

  /** `me`: our own id. */
  constructor(me: string) {
    this.#me = me;
  }

  /** A new session tells everything again. */
  clear(): void {
    this.#guilds.clear();
    this.#channels.clear();
  }

  /** Takes an event in; what cannot be read is left out. Returns the server that was told as a whole, if any. */
  apply(type: string, data: unknown): string | undefined {
    switch (type) {
      case 'GUILD_CREATE':
        return this.#addGuild(data, true);
      case 'GUILD_UPDATE':
        this.#addGuild(data, false);
        return undefined;
      case 'GUILD_DELETE':
        this.#removeGuild(data);
        return undefined;
      case 'CHANNEL_CREATE':
      case 'CHANNEL_UPDATE':
      case 'THREAD_CREATE':
      case 'THREAD_UPDATE':
        this.add(data);
        return undefined;
      case 'CHANNEL_DELETE':
      case 'THREAD_DELETE':
        this.#channels.delete(readId(data) ?? '');
        return undefined;
      case 'THREAD_LIST_SYNC':
        for (const thread of threadsOf(data)) this.add(thread, readGuildId(data));
        return undefined;
      case 'GUILD_ROLE_CREATE':
      case 'GUILD_ROLE_UPDATE':
        this.#addRole(data);
        return undefined;
      default:
        return undefined;
    }
  }

  /** A channel that was asked for. Undefined when it cannot be read. */
  add(raw: unknown, guild?: string): DiscordChannel | undefined {
    const parsed = channelSchema.safeParse(raw);
    if (!parsed.success) return undefined;
    const channel = guild === undefined ? parsed.data : { ...parsed.data, guild_id: parsed.data.guild_id ?? guild };
    this.#channels.set(channel.id, channel);
    return channel;
  }

  find(channel: string): DiscordChannel | undefined {
    return this.#channels.get(channel);
  }

  /** Channels and active threads of a server that people write in. */
  listTexts(guild: string): readonly DiscordChannel[] {
    return [...this.#channels.values()].filter(
      ({ guild_id: of, type }) => of === guild && (TEXTS.includes(type) || THREADS.includes(type)),
    );
  }

  isForum(channel: string): boolean {
    return FORUMS.includes(this.#channels.get(channel)?.type ?? -1);
  }

  roleName(guild: string | undefined, role: string): string | undefined {
    return this.#guilds.get(guild ?? '')?.roles.get(role);
  }

  isOwnRole(guild: string | undefined, role: string): boolean {
    return this.#guilds.get(guild ?? '')?.ownRole === role;
  }

  channelName(channel: string): string | undefined {
    return this.#channels.get(channel)?.name ?? undefined;
  }

  /** Boost tier of the server that a channel is in; 0 when it is in none. */
  tierOf(channel: string): number {
    return this.#guilds.get(this.#channels.get(channel)?.guild_id ?? '')?.tier ?? 0;
  }

  /** Undefined: a kind of channel in which nobody writes to a bot. */
  placeOf(channel: DiscordChannel): Place | undefined {
    const { id, type } = channel;
    if (type === DM_CHANNEL) return { kind: 'dm', chat: id, thread: undefined, title: undefined, guild: undefined };
    const guild = channel.guild_id;
    if (guild === undefined) return undefined;
    if (!THREADS.includes(type))
      return { kind: 'group', chat: id, thread: undefined, title: this.#title(guild, channel.name), guild };
    const parent = channel.parent_id;
    if (!parent) return undefined;
    return { kind: 'group', chat: parent, thread: id, title: this.#title(guild, this.channelName(parent)), guild };
  }

  #title(guild: string, channel: string | null | undefined): string | undefined {
    const parts = [this.#guilds.get(guild)?.name, channel ? `#${channel}` : undefined].filter(Boolean);
    return parts.length > 0 ? parts.join(' ') : undefined;
  }

  #addGuild(raw: unknown, isWhole: boolean): string | undefined {
    const parsed = guildSchema.safeParse(raw);
    if (!parsed.success) return undefined;
    const { id, name, premium_tier: tier } = parsed.data;
    this.#guilds.set(id, { name, tier: tier ?? 0, roles: new Map(), ownRole: undefined });
    for (const role of parsed.data.roles) this.#addRole({ guild_id: id, role });
    if (!isWhole) return undefined;
    for (const channel of [...parsed.data.channels, ...parsed.data.threads]) this.add(channel, id);
    return id;
  }

  #removeGuild(raw: unknown): void {
    const id = readId(raw);
    // Unavailable for a while is not gone.
    if (id === undefined || (isRecord(raw) && raw['unavailable'] === true)) return;
    this.#guilds.delete(id);
    for (const channel of this.#channels.values()) if (channel.guild_id === id) this.#channels.delete(channel.id);
  }

  #addRole(raw: unknown): void {
    const guild = this.#guilds.get(readGuildId(raw) ?? '');
    const role = roleSchema.safeParse(isRecord(raw) ? raw['role'] : undefined);
    if (!guild || !role.success) return;
    guild.roles.set(role.data.id, role.data.name);
    if (role.data.tags?.bot_id === this.#me) guild.ownRole = role.data.id;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function readId(raw: unknown): string | undefined {
  return isRecord(raw) && typeof raw['id'] === 'string' ? raw['id'] : undefined;
}

function readGuildId(raw: unknown): string | undefined {
  return isRecord(raw) && typeof raw['guild_id'] === 'string' ? raw['guild_id'] : undefined;
}

const threadSync = z.looseObject({ threads: z.array(z.unknown()) });

function threadsOf(raw: unknown): readonly unknown[] {
  const parsed = threadSync.safeParse(raw);
  return parsed.success ? parsed.data.threads : [];
}
