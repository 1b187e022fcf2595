// Settings of the web tools, as they stand in config.yaml.
import { z } from 'zod';

export const SEARCH_PROVIDERS = ['searxng', 'brave', 'tavily', 'exa', 'duckduckgo'] as const;

const baseUrl = z
  .string()
  .refine(
    (text) => /^https?:\/\/[^\s/]/.test(text) && URL.canParse(text),
    'write a web address such as http://127.0.0.1:8888',
  );

const hostAndPort = z
  .string()
  .regex(/^(\[[0-9a-fA-F:]+\]|[^\s/:@]+):\d{1,5}$/, 'write host:port such as nas.local:8080');

export const webSchema = z.strictObject({
  allow_private_urls: z
    .boolean()
    .default(false)
    .describe('Whether web tools may open addresses of this machine and its network. Default false.'),
  allow_hosts: z
    .array(hostAndPort)
    .max(100)
    .default([])
    .describe('host:port of own servers that web tools may open wherever they are. Default: [].'),
  website_blocklist: z
    .array(z.string().trim().min(1).max(253))
    .max(10_000)
    .default([])
    .describe('Websites that are never opened, with all names under them. Default: [].'),
  search: z
    .strictObject({
      provider: z
        .enum(SEARCH_PROVIDERS)
        .optional()
        .describe('Default: searxng when searxng_url is set, else the first with a key, else duckduckgo.'),
      searxng_url: baseUrl.optional().describe('Address of a SearXNG server that answers format=json. Default: none.'),
      timeout_ms: z
        .int()
        .min(1_000)
        .max(60_000)
        .default(15_000)
        .describe('How long a search may take, in ms. Default 15000.'),
    })
    .prefault({})
    .describe('Searching.'),
  extract: z
    .strictObject({
      timeout_ms: z
        .int()
        .min(1_000)
        .max(120_000)
        .default(30_000)
        .describe('How long fetching one page may take, in ms. Default 30000.'),
      max_bytes: z
        .int()
        .min(10_000)
        .max(50_000_000)
        .default(10_000_000)
        .describe('Largest page or document that is read, in bytes. Default 10000000.'),
    })
    .prefault({})
    .describe('Reading pages.'),
});

export type WebSettings = z.infer<typeof webSchema>;
