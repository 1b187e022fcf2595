// What a Mattermost server keeps: users, channels, posts, files, reactions. Rules as in server/channels/app/post.go.
import { randomInt } from 'node:crypto';

const LETTERS = 'ybndrfg8ejkmcpqxot1uwisza345h769';

/** 26 letters and digits, as model.NewId makes them. */
export function newId(): string {
  return Array.from({ length: 26 }, () => LETTERS[randomInt(LETTERS.length)]).join('');
}

export interface User {
  id: string;
  username: string;
  first_name: string;
  last_name: string;
  nickname: string;
  is_bot: boolean;
}

export interface Channel {
  id: string;
  type: 'D' | 'G' | 'O' | 'P';
  display_name: string;
  name: string;
  team_id: string;
  create_at: number;
  delete_at: number;
  members: Set<string>;
}

export interface StoredUpload {
  id: string;
  user_id: string;
  channel_id: string;
  name: string;
  extension: string;
  size: number;
  mime_type: string;
  bytes: Uint8Array;
}

export interface Post {
  id: string;
  create_at: number;
  update_at: number;
  edit_at: number;
  delete_at: number;
  user_id: string;
  channel_id: string;
  root_id: string;
  original_id: string;
  message: string;
  type: string;
  props: Record<string, unknown>;
  file_ids: string[];
}

export interface Reaction {
  user_id: string;
  post_id: string;
  emoji_name: string;
}

export interface WorldEvent {
  event: string;
  data: Record<string, unknown>;
  channel: Channel;
  /** Not told to this user. */
  except?: string;
}

const MIME: Readonly<Record<string, string>> = {
  jpg: 'image/jpeg',
  png: 'image/png',
  webp: 'image/webp',
  mp3: 'audio/mpeg',
  ogg: 'audio/ogg',
  mp4: 'video/mp4',
  pdf: 'application/pdf',
};

export class World {
  readonly users = new Map<string, User>();
  readonly channels = new Map<string, Channel>();
  readonly files = new Map<string, StoredUpload>();
  readonly teams: { id: string; name: string }[] = [];
  posts: Post[] = [];
  reactions: Reaction[] = [];
  /** Channel → who was shown typing there. */
  readonly typing = new Map<string, string>();
  readonly #watchers = new Set<(event: WorldEvent) => void>();
  readonly #pending = new Map<string, string>();
  #lastTime = 0;

  onEvent(watcher: (event: WorldEvent) => void): void {
    this.#watchers.add(watcher);
  }

  /** Milliseconds; each later than the one before, so that order is plain. */
  now(): number {
    this.#lastTime = Math.max(Date.now(), this.#lastTime + 1);
    return this.#lastTime;
  }

  addUser(username: string, more: Partial<User> = {}): User {
    const user = { id: newId(), username, first_name: '', last_name: '', nickname: '', is_bot: false, ...more };
    this.users.set(user.id, user);
    return user;
  }

  addTeam(name: string): string {
    const id = newId();
    this.teams.push({ id, name });
    return id;
  }

  addChannel(type: Channel['type'], members: readonly string[], more: Partial<Channel> = {}): Channel {
    const id = newId();
    const name = type === 'D' ? [...members].sort().join('__') : id;
    const base = { id, type, name, display_name: '', team_id: '', create_at: this.now(), delete_at: 0 };
    const channel: Channel = { ...base, members: new Set(members), ...more };
    this.channels.set(id, channel);
    return channel;
  }

  /** The direct channel of two users, made when it is not there. */
  direct(one: string, two: string): Channel {
    const name = [one, two].sort().join('__');
    for (const channel of this.channels.values()) if (channel.name === name) return channel;
    return this.addChannel('D', [one, two]);
  }

  post(userId: string, channel: Channel, message: string, more: Partial<Post> = {}): Post {
    const at = this.now();
    const post: Post = {
      id: newId(),
      create_at: at,
      update_at: at,
      edit_at: 0,
      delete_at: 0,
      user_id: userId,
      channel_id: channel.id,
      root_id: '',
      original_id: '',
      message,
      type: '',
      props: {},
      file_ids: [],
      ...more,
    };
    if (this.users.get(userId)?.is_bot === true) post.props = { ...post.props, from_bot: 'true' };
    this.posts.push(post);
    const root = this.posts.find((one) => one.id === post.root_id);
    if (root) root.update_at = at;
    const user = this.users.get(userId);
    this.tell({
      event: 'posted',
      channel,
      data: {
        channel_display_name: channel.display_name,
        channel_name: channel.name,
        channel_type: channel.type,
        mentions: JSON.stringify([...channel.members].filter((id) => id !== userId)),
        post: JSON.stringify(this.shown(post)),
        sender_name: `@${user?.username ?? ''}`,
        set_online: true,
        team_id: channel.team_id,
      },
    });
    return post;
  }

  /** Of a repeated pending_post_id within its time, the post that the first one made. */
  pendingPost(pendingId: string): Post | undefined {
    const id = this.#pending.get(pendingId);
    return this.posts.find((post) => post.id === id);
  }

  notePending(pendingId: string, post: Post): void {
    if (pendingId !== '') this.#pending.set(pendingId, post.id);
  }

  /** The server's memory of pending posts lasts 30 s, or until it is started again. */
  forgetPending(): void {
    this.#pending.clear();
  }

  edit(post: Post, message: string): void {
    const at = this.now();
    // The version before stays, under an id of its own.
    this.posts.push({ ...post, id: newId(), original_id: post.id, delete_at: at, update_at: at });
    Object.assign(post, { message, edit_at: at, update_at: at });
    this.#tellPost('post_edited', post);
  }

  delete(post: Post): void {
    const at = this.now();
    const replies = this.posts.filter((one) => one.root_id === post.id);
    for (const one of [post, ...replies]) Object.assign(one, { delete_at: at, update_at: at });
    this.#tellPost('post_deleted', post);
  }

  react(userId: string, post: Post, emoji: string): void {
    this.reactions = this.reactions.filter((one) => !isSame(one, userId, post, emoji));
    this.reactions.push({ user_id: userId, post_id: post.id, emoji_name: emoji });
    post.update_at = this.now();
  }

  unreact(userId: string, post: Post, emoji: string): void {
    this.reactions = this.reactions.filter((one) => !isSame(one, userId, post, emoji));
    post.update_at = this.now();
  }

  upload(userId: string, channelId: string, file: { name: string; bytes: Uint8Array }): StoredUpload {
    const extension = /\.([^.]+)$/.exec(file.name)?.[1] ?? '';
    const stored: StoredUpload = {
      id: newId(),
      user_id: userId,
      channel_id: channelId,
      name: file.name,
      extension,
      size: file.bytes.length,
      mime_type: MIME[extension] ?? 'application/octet-stream',
      bytes: file.bytes,
    };
    this.files.set(stored.id, stored);
    return stored;
  }

  /** A post as the API and the events show it. */
  shown(post: Post): Record<string, unknown> {
    const files = post.file_ids.flatMap((id) => {
      const file = this.files.get(id);
      return file ? [{ ...file, bytes: undefined }] : [];
    });
    return { ...post, metadata: files.length > 0 ? { files } : {} };
  }

  tell(event: WorldEvent): void {
    for (const watcher of this.#watchers) watcher(event);
  }

  #tellPost(event: string, post: Post): void {
    const channel = this.channels.get(post.channel_id);
    if (channel) this.tell({ event, channel, data: { post: JSON.stringify(this.shown(post)) } });
  }
}

function isSame(one: Reaction, userId: string, post: Post, emoji: string): boolean {
  return one.user_id === userId && one.post_id === post.id && one.emoji_name === emoji;
}
