// What happened in a channel since a moment: new posts, edits and deletions, oldest first.
import type { MattermostApi } from '../api.ts';
import { readPosts, type Post } from '../schema.ts';

/** "Maximum items per page: 200" (docs.mattermost.com/api, read 2026-11-21). */
const PAGE = 200;
/** `since` answers with no more, and with any of them (GetPostsSince, store/sqlstore/post_store.go, read 2026-11-21). */
const SINCE_LIMIT = 1_000;
const MAX_PAGES = 50;

export interface HistoryRequest {
  channel: string;
  /** By the server's clock, in ms since the epoch. */
  since: number;
  /** New posts that count; there is no need to look for more. */
  enough: number;
  /** Whether a post counts. */
  isOfUse(post: Post): boolean;
  signal: AbortSignal;
}

export interface History {
  posts: readonly Post[];
  /** True when there may be more, older than these. */
  isCut: boolean;
}

export async function fetchHistory(api: MattermostApi, request: HistoryRequest): Promise<History> {
  const { channel, since, signal } = request;
  const path = `/channels/${channel}/posts`;
  // Changes at the very moment would be left out.
  const query = { since: String(Math.max(1, since - 1)) };
  const changed = readPosts((await api.call({ path, query, signal })).body);
  if (changed.count < SINCE_LIMIT) return { posts: changed.posts, isCut: false };

  const found = new Map<string, Post>();
  let isCut = true;
  for (let page = 0, useful = 0; page < MAX_PAGES && useful <= request.enough; page++) {
    const pageQuery = { page: String(page), per_page: String(PAGE) };
    const { posts, count } = readPosts((await api.call({ path, query: pageQuery, signal })).body);
    for (const post of posts) {
      if (post.create_at >= since && !found.has(post.id) && request.isOfUse(post)) useful++;
      found.set(post.id, post);
    }
    if (count < PAGE || (posts[0]?.create_at ?? 0) < since) {
      isCut = false;
      break;
    }
  }
  for (const post of changed.posts) if (!found.has(post.id)) found.set(post.id, post);
  return { posts: [...found.values()].toSorted((a, b) => a.create_at - b.create_at), isCut };
}
