// The page's own files, read once at start and served with an etag.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { assetUrl } from '../../shared/installation.ts';

const FILES: readonly (readonly [name: string, type: string])[] = [
  ['index.html', 'text/html; charset=utf-8'],
  ['style.css', 'text/css; charset=utf-8'],
  ['lines.css', 'text/css; charset=utf-8'],
  ['icon.svg', 'image/svg+xml'],
  ['app.js', 'text/javascript; charset=utf-8'],
  ['composer.js', 'text/javascript; charset=utf-8'],
  ['connection.js', 'text/javascript; charset=utf-8'],
  ['lines.js', 'text/javascript; charset=utf-8'],
  ['outbox.js', 'text/javascript; charset=utf-8'],
  ['setup.css', 'text/css; charset=utf-8'],
  ['setup.js', 'text/javascript; charset=utf-8'],
  ['uploads.js', 'text/javascript; charset=utf-8'],
  ['views.js', 'text/javascript; charset=utf-8'],
  ['panels/panels.css', 'text/css; charset=utf-8'],
  ['panels/charts.css', 'text/css; charset=utf-8'],
  ['panels/claims.js', 'text/javascript; charset=utf-8'],
  ['panels/insights.js', 'text/javascript; charset=utf-8'],
  ['panels/job-form.js', 'text/javascript; charset=utf-8'],
  ['panels/kit.js', 'text/javascript; charset=utf-8'],
  ['panels/memory.js', 'text/javascript; charset=utf-8'],
  ['panels/plan.js', 'text/javascript; charset=utf-8'],
  ['panels/plot.js', 'text/javascript; charset=utf-8'],
  ['panels/schedule.js', 'text/javascript; charset=utf-8'],
  ['panels/skills.js', 'text/javascript; charset=utf-8'],
  ['panels/week.js', 'text/javascript; charset=utf-8'],
];

interface PageFile {
  type: string;
  body: Buffer;
  etag: string;
}

export type PageFiles = (request: Request) => Response | undefined;

/** Answers GET and HEAD of the page's files; undefined for every other path. Rejects when the installation lacks one. */
export async function loadPageFiles(): Promise<PageFiles> {
  const files = new Map<string, PageFile>();
  for (const [name, type] of FILES) {
    const body = await readFile(assetUrl(`adapters/web/page/${name}`));
    const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
    files.set(name === 'index.html' ? '/' : `/${name}`, { type, body, etag });
  }
  return (request) => {
    const file = files.get(new URL(request.url).pathname);
    if (file === undefined || (request.method !== 'GET' && request.method !== 'HEAD')) return undefined;
    // no-cache: kept, and asked about each time. An update of Herald must not meet the script of the version before.
    const headers = { 'content-type': file.type, 'cache-control': 'no-cache', etag: file.etag };
    if (request.headers.get('if-none-match')?.includes(file.etag) === true)
      return new Response(null, { status: 304, headers });
    return new Response(request.method === 'HEAD' ? null : new Uint8Array(file.body), { headers });
  };
}
