// A loopback server that answers as api.github.com, raw.githubusercontent.com, skills.sh and sites with skills do, and the guarded fetch
// that reaches it under those names.
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { guardedFetch } from '../../agent/net/guarded-fetch.ts';
import { makeUrlGuard } from '../../agent/net/guard.ts';
import { systemClock } from '../../shared/clock.ts';
import type { HubFetch } from '../../skills/hub/types.ts';

export interface Repository {
  /** Path and content; a path that ends in "@" is a symbolic link. */
  files: Record<string, string | Uint8Array>;
  /** The recursive tree is cut off. */
  isTruncated?: boolean;
  /** Answers redirect to the repository's number, as after a rename. */
  isRenamed?: boolean;
  /** Changes what raw.githubusercontent.com gives for a path. */
  forged?: Record<string, string>;
}

export interface HubServer {
  fetch: HubFetch;
  /** owner/repo in lower case; may be changed while it runs. */
  repositories: Map<string, Repository>;
  /** What skills.sh finds. */
  listed: unknown[];
  /** https address and body; a function answers by itself. */
  pages: Map<string, string | Uint8Array | ((response: ServerResponse) => void)>;
  /** All that was asked for, as https addresses, with the headers. */
  requests: { url: string; headers: IncomingMessage['headers'] }[];
  /** GitHub's limit is used up until this time. */
  limitedUntil: number | undefined;
  close(): Promise<void>;
}

export async function startHubServer(): Promise<HubServer> {
  const server = createServer((request, response) => {
    const [, host = '', ...rest] = (request.url ?? '').split('/');
    hub.requests.push({ url: `https://${host}/${rest.join('/')}`, headers: request.headers });
    answer(hub, `https://${host}/${rest.join('/')}`, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const guard = makeUrlGuard({ allowPrivateUrls: false, allowHosts: [`127.0.0.1:${port}`], websiteBlocklist: [] });
  const own = `http://127.0.0.1:${port}/`;
  const hub: HubServer = {
    repositories: new Map(),
    listed: [],
    pages: new Map(),
    requests: [],
    limitedUntil: undefined,
    async fetch(url, request) {
      const reached = url.replace(/^https:\/\//, own);
      const found = await guardedFetch(reached, {
        ...request,
        headers: request.headers ?? {},
        guard,
        clock: systemClock,
      });
      return { ...found, url: found.url.replace(own, 'https://') };
    },
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
  return hub;
}

function answer(hub: HubServer, address: string, response: ServerResponse): void {
  const url = new URL(address);
  const page = hub.pages.get(address);
  if (typeof page === 'function') page(response);
  else if (page !== undefined) response.end(page);
  else if (url.hostname === 'api.github.com') answerApi(hub, url, response);
  else if (url.hostname === 'raw.githubusercontent.com') answerRaw(hub, url, response);
  else if (url.hostname === 'skills.sh' && url.pathname === '/api/search')
    sendJson(response, {
      query: url.searchParams.get('q'),
      searchType: 'fuzzy',
      skills: hub.listed,
      count: hub.listed.length,
    });
  else sendMissing(response);
}

/** Headers as https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api has them. */
function answerApi(hub: HubServer, url: URL, response: ServerResponse): void {
  response.setHeader('x-ratelimit-limit', '60');
  response.setHeader('x-ratelimit-remaining', hub.limitedUntil === undefined ? '42' : '0');
  if (hub.limitedUntil !== undefined) {
    response.setHeader('x-ratelimit-reset', String(Math.floor(hub.limitedUntil / 1000)));
    response.statusCode = 403;
    return sendJson(response, { message: 'API rate limit exceeded for 192.0.2.1.' });
  }
  const [, kind, owner = '', repo = '', ...rest] = url.pathname.split('/');
  const name = kind === 'repositories' ? hub.repositories.keys().next().value : `${owner}/${repo}`.toLowerCase();
  const repository = hub.repositories.get(name ?? '');
  if (!repository) return sendMissing(response);
  const what = kind === 'repositories' ? [repo, ...rest] : rest;
  if (repository.isRenamed && kind === 'repos') {
    response.statusCode = 301;
    response.setHeader('location', `/api.github.com/repositories/7/${what.join('/')}${url.search}`);
    return sendJson(response, { message: 'Moved Permanently' });
  }
  if (what[0] === 'commits') return void response.end(commitOf(repository));
  const sha = what[2] ?? '';
  const isRecursive = url.searchParams.get('recursive') === '1';
  const folder = sha === commitOf(repository) ? '' : folderOf(repository, sha);
  if (what[1] !== 'trees' || folder === undefined) return sendMissing(response);
  const isCut = repository.isTruncated === true && folder === '' && isRecursive;
  sendJson(response, { sha, tree: isCut ? [] : listTree(repository, folder, isRecursive), truncated: isCut });
}

function answerRaw(hub: HubServer, url: URL, response: ServerResponse): void {
  const [, owner = '', repo = '', commit, ...rest] = url.pathname.split('/').map(decodeURIComponent);
  const repository = hub.repositories.get(`${owner}/${repo}`.toLowerCase());
  const file = rest.join('/');
  const content = repository?.forged?.[file] ?? repository?.files[file];
  if (!repository || content === undefined || commit !== commitOf(repository)) return sendMissing(response);
  response.end(content);
}

/** Follows from the content, as a commit does. */
export function commitOf({ files }: Repository): string {
  return createHash('sha1').update(JSON.stringify(files)).digest('hex');
}

interface TreeEntry {
  path: string;
  mode: string;
  type: string;
  sha: string;
  size?: number;
}

function listTree({ files }: Repository, folder: string, isRecursive: boolean): TreeEntry[] {
  const start = folder === '' ? '' : `${folder}/`;
  const entries = new Map<string, TreeEntry>();
  for (const [file, content] of Object.entries(files)) {
    if (!file.startsWith(start)) continue;
    const parts = file.slice(start.length).split('/');
    for (let depth = 1; depth < parts.length; depth++) {
      const path = parts.slice(0, depth).join('/');
      entries.set(path, { path, mode: '040000', type: 'tree', sha: treeHash(`${start}${path}`) });
    }
    const path = parts.join('/').replace(/@$/, '');
    const size = Buffer.byteLength(content);
    entries.set(path, {
      path,
      mode: file.endsWith('@') ? '120000' : '100644',
      type: 'blob',
      sha: blobHash(content),
      size,
    });
  }
  return [...entries.values()].filter(({ path }) => isRecursive || !path.includes('/'));
}

function folderOf(repository: Repository, sha: string): string | undefined {
  return listTree(repository, '', true).find((entry) => entry.type === 'tree' && entry.sha === sha)?.path;
}

function treeHash(path: string): string {
  return createHash('sha1').update(`tree ${path}`).digest('hex');
}

function blobHash(content: string | Uint8Array): string {
  return createHash('sha1')
    .update(`blob ${Buffer.byteLength(content)}\0`)
    .update(content)
    .digest('hex');
}

function sendJson(response: ServerResponse, value: unknown): void {
  response.setHeader('content-type', 'application/json; charset=utf-8');
  response.end(JSON.stringify(value));
}

function sendMissing(response: ServerResponse): void {
  response.statusCode = 404;
  sendJson(response, { message: 'Not Found' });
}

export interface PlainSite {
  port: number;
  /** Path and body; may be changed while it runs. */
  pages: Map<string, string>;
  close(): Promise<void>;
}

/** A web server with pages, for commands that run in a process of their own. */
export async function startPlainSite(): Promise<PlainSite> {
  const pages = new Map<string, string>();
  const server = createServer((request, response) => {
    const page = pages.get(request.url ?? '');
    if (page === undefined) sendMissing(response);
    else response.end(page);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const close = () => {
    server.closeAllConnections();
    return new Promise<void>((resolve) => server.close(() => resolve()));
  };
  return { port: typeof address === 'object' && address !== null ? address.port : 0, pages, close };
}

/** A SKILL.md as collections have it. */
export function skillText(name: string, body = 'Read the file, then say what is in it.'): string {
  return `---\nname: ${name}\ndescription: Helps with ${name}. Use when ${name} comes up.\nlicense: MIT\n---\n\n# ${name}\n\n${body}\n`;
}
