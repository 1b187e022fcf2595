// The search services on loopback. Each checks that a request has the form of its documentation (read 2026-11-21) and refuses others:
// https://docs.searxng.org/dev/search_api · https://api-dashboard.search.brave.com/api-reference/web/search/get ·
// https://docs.tavily.com/documentation/api-reference/endpoint/search · https://docs.exa.ai/reference/search
import type { ServerResponse } from 'node:http';
import { z } from 'zod';
import { openSite, reply, type SeenRequest, type Site } from './site.ts';

export interface SearchServices extends Site {
  /** What the next requests get instead of results. */
  fail: { status: number; headers?: Record<string, string>; body?: string } | undefined;
  hits: { title: string; url: string; text: string }[];
}

export const KEYS = { brave: 'brave-key-1', tavily: 'tvly-key-2', exa: 'exa-key-3' } as const;

const tavilyBody = z.strictObject({
  query: z.string().min(1).max(400),
  max_results: z.int().min(0).max(20),
  search_depth: z.enum(['basic', 'advanced', 'fast', 'ultra-fast']),
});
const exaBody = z.strictObject({
  query: z.string().min(1),
  type: z.enum(['auto', 'fast', 'deep', 'neural', 'instant']),
  numResults: z.int().min(1).max(100),
  contents: z.strictObject({ highlights: z.literal(true) }),
});

export async function openSearchServices(): Promise<SearchServices> {
  const site = await openSite((request, response) => {
    if (services.fail) {
      const { status, headers, body } = services.fail;
      return reply(response, body ?? 'no', { status, ...(headers ? { headers } : {}) });
    }
    const { pathname } = new URL(request.url, 'http://x');
    const route = `${request.method} ${pathname}`;
    if (route === 'GET /searx/search') return searxng(services, request, response);
    if (route === 'GET /res/v1/web/search') return brave(services, request, response);
    if (route === 'POST /search')
      return request.headers['x-api-key'] === undefined
        ? tavily(services, request, response)
        : exa(services, request, response);
    if (route === 'POST /html/') return duckduckgo(services, request, response);
    return reply(response, 'no such service', { status: 404 });
  });
  const services: SearchServices = Object.assign(site, {
    fail: undefined,
    hits: [
      { title: 'First', url: 'https://one.example/a', text: 'about one' },
      { title: 'Second', url: 'https://two.example/b?x=1', text: 'about two' },
    ],
  });
  return services;
}

function json(response: ServerResponse, value: unknown, status = 200): void {
  reply(response, JSON.stringify(value), { status, type: 'application/json' });
}

function searxng(services: SearchServices, request: SeenRequest, response: ServerResponse): void {
  const query = new URL(request.url, 'http://x').searchParams;
  if (query.get('format') !== 'json' || !query.get('q')) return reply(response, 'html page');
  json(response, {
    query: query.get('q'),
    number_of_results: 0,
    results: services.hits.map(({ title, url, text }) => ({ title, url, content: text, engine: 'test', score: 1 })),
  });
}

function brave(services: SearchServices, request: SeenRequest, response: ServerResponse): void {
  const query = new URL(request.url, 'http://x').searchParams;
  if (request.headers['x-subscription-token'] !== KEYS.brave)
    return json(response, { type: 'ErrorResponse', error: { code: 'SUBSCRIPTION_TOKEN_INVALID', status: 422 } }, 401);
  const [q = '', count] = [query.get('q') ?? undefined, Number(query.get('count'))];
  if (q === '' || q.length > 400 || q.split(/\s+/).length > 50 || !(count >= 1 && count <= 20))
    return json(response, { type: 'ErrorResponse' }, 422);
  json(response, {
    type: 'search',
    web: { type: 'search', results: services.hits.map(({ title, url, text }) => ({ title, url, description: text })) },
  });
}

function tavily(services: SearchServices, request: SeenRequest, response: ServerResponse): void {
  if (request.headers.authorization !== `Bearer ${KEYS.tavily}`) return json(response, { detail: {} }, 401);
  if (request.headers['content-type'] !== 'application/json') return json(response, {}, 422);
  const body = tavilyBody.parse(JSON.parse(request.body));
  json(response, {
    query: body.query,
    results: services.hits.map(({ title, url, text }) => ({ title, url, content: text, score: 0.9 })),
    response_time: 1,
  });
}

function exa(services: SearchServices, request: SeenRequest, response: ServerResponse): void {
  if (request.headers['x-api-key'] !== KEYS.exa) return json(response, { error: 'Invalid API key' }, 401);
  exaBody.parse(JSON.parse(request.body));
  json(response, {
    requestId: 'r',
    results: services.hits.map(({ title, url, text }) => ({ id: url, title, url, highlights: [text], author: null })),
  });
}

function duckduckgo(services: SearchServices, request: SeenRequest, response: ServerResponse): void {
  const form = new URLSearchParams(request.body);
  if (request.headers['content-type'] !== 'application/x-www-form-urlencoded' || !form.get('q'))
    return reply(response, 'front page', { status: 200 });
  const results = services.hits.map(
    ({ title, url, text }) => `<div class="result results_links results_links_deep web-result ">
  <div class="links_main links_deep result__body">
    <h2 class="result__title"><a rel="nofollow" class="result__a" href="//duckduckgo.com/l/?uddg=${encodeURIComponent(url)}&amp;rut=abc">${title}</a></h2>
    <a class="result__snippet" href="//duckduckgo.com/l/?uddg=${encodeURIComponent(url)}&amp;rut=abc">${text} <b>in bold</b></a>
  </div></div>`,
  );
  const advertisement = `<div class="result results_links result--ad"><a class="result__a" href="https://duckduckgo.com/y.js?ad_domain=x">Ad</a></div>`;
  reply(
    response,
    `<html><head><title>q</title></head><body><div id="links">${advertisement}${results.join('')}</div></body></html>`,
  );
}
