// Small real images, and a server with the route /images/generations that answers as a test says.
import type { ServerResponse } from 'node:http';
import { openSite, reply, type SeenRequest, type Site } from '../web/site.ts';

/** One pixel each. */
export const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);
export const GIF = Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7', 'base64');

export interface ImageServer extends Site {
  /** As `images.base_url`. */
  baseUrl: string;
  /** Bodies of the requests for images, in order. */
  asked: unknown[];
}

/** Gives the PNG as base64 unless `answer` says something else; GET serves the GIF. */
export async function openImageServer(
  answer: (response: ServerResponse, request: SeenRequest) => void = (response) =>
    json(response, { created: 1, data: [{ b64_json: PNG.toString('base64') }] }),
): Promise<ImageServer> {
  const asked: unknown[] = [];
  const site = await openSite((request, response) => {
    if (request.method === 'GET') return reply(response, GIF, { type: 'image/gif' });
    asked.push(JSON.parse(request.body));
    return answer(response, request);
  });
  return { ...site, baseUrl: `${site.url}/v1`, asked };
}

export function json(response: ServerResponse, body: unknown, status = 200): void {
  reply(response, JSON.stringify(body), { status, type: 'application/json' });
}
