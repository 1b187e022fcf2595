// Reading what a server offers, page by page. The SDK's own listTools is not used: it would compile every schema that it is given.
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { z } from 'zod';
import { remoteToolSchema, type RemoteTool, type Told } from './catalog.ts';
import { foreignText } from './errors.ts';
import { isDeep } from './schema.ts';

const MAX_PAGES = 32;
const MAX_ITEMS = 1_000;
/** Deeper ones would overflow the stack of whoever walks through them. */
const MAX_LEVELS = 100;
/** Time is kept by the caller's signal. */
export const NO_TIMEOUT_MS = 2 ** 31 - 1;

const page = (key: string) => z.looseObject({ [key]: z.array(z.unknown()), nextCursor: z.string().optional() });
const cursorSchema = z.looseObject({ nextCursor: z.string().optional() });

/** Rejects with what the SDK throws. `dropped` tools could not be read. */
export async function readTold(client: Client, signal: AbortSignal): Promise<Told & { dropped: number }> {
  const can = client.getServerCapabilities();
  const about = client.getServerVersion();
  const raw = can?.tools ? await listPages(client, { method: 'tools/list', key: 'tools' }, signal) : [];
  const tools: RemoteTool[] = [];
  for (const entry of raw) {
    const parsed = isDeep(entry, MAX_LEVELS) ? undefined : remoteToolSchema.safeParse(entry);
    if (parsed?.success === true) tools.push(parsed.data);
  }
  return {
    name: foreignText(about?.name ?? '', 200),
    version: foreignText(about?.version ?? '', 100),
    resources: can?.resources !== undefined,
    prompts: can?.prompts !== undefined,
    tools,
    dropped: raw.length - tools.length,
  };
}

type ListMethod = 'tools/list' | 'resources/list' | 'resources/templates/list' | 'prompts/list';

/** All items of a list, until a limit; a cursor that comes back ends it. */
export async function listPages(
  client: Client,
  list: { method: ListMethod; key: string },
  signal: AbortSignal,
): Promise<readonly unknown[]> {
  const items: unknown[] = [];
  const seen = new Set<string>();
  let cursor: string | undefined;
  for (let pages = 0; pages < MAX_PAGES && items.length < MAX_ITEMS; pages++) {
    const result = await client.request(
      { method: list.method, params: cursor === undefined ? {} : { cursor } },
      page(list.key),
      { signal, timeout: NO_TIMEOUT_MS },
    );
    const found = result[list.key];
    if (Array.isArray(found)) items.push(...found);
    cursor = cursorSchema.parse(result).nextCursor;
    if (cursor === undefined || seen.has(cursor)) break;
    seen.add(cursor);
  }
  return items.slice(0, MAX_ITEMS);
}
