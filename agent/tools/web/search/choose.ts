// Which search service is used: the one that is configured, else the first that has what it needs, else the one that needs nothing.
import { makeUrlGuard, portOf, type GuardSettings, type Resolve, type UrlGuard } from '../../../net/guard.ts';
import type { Clock } from '../../../../shared/clock.ts';
import { AppError } from '../../../../shared/errors.ts';
import type { WebSettings } from '../config.ts';
import type { ReadPage } from '../extract/reader.ts';
import { makeBrave } from './brave.ts';
import { makeDuckDuckGo } from './duckduckgo.ts';
import { makeExa } from './exa.ts';
import type { SearchProvider } from './provider.ts';
import { makeSearxng } from './searxng.ts';
import { makeTavily } from './tavily.ts';

type ProviderId = NonNullable<WebSettings['search']['provider']>;

/** Where the services are. */
const SERVICES = {
  brave: 'https://api.search.brave.com',
  tavily: 'https://api.tavily.com',
  exa: 'https://api.exa.ai',
  duckduckgo: 'https://html.duckduckgo.com',
} as const;

/** Names that their own documentation uses first, then others that are common. */
const KEY_NAMES: Readonly<Record<'brave' | 'tavily' | 'exa', readonly string[]>> = {
  brave: ['BRAVE_API_KEY', 'BRAVE_SEARCH_API_KEY'],
  tavily: ['TAVILY_API_KEY'],
  exa: ['EXA_API_KEY'],
};

export interface ChooseInput {
  settings: WebSettings['search'];
  /** A key from the environment file, by its name. */
  lookup(name: string): string | undefined;
  clock: Clock;
  /** Rules for pages; the address of a service is added to them for that service alone. */
  rules: GuardSettings;
  resolve?: Resolve | undefined;
  readPage: ReadPage;
  /** Other addresses of the services, for tests and proxies of one's own. */
  services?: Partial<Record<keyof typeof SERVICES, string>>;
}

/** Throws AppError `tool_unavailable` when the configured service lacks its key or address. */
export function chooseProvider(input: ChooseInput): SearchProvider {
  const { settings } = input;
  if (settings.provider !== undefined) return makeProvider(settings.provider, input);
  if (settings.searxng_url !== undefined) return makeProvider('searxng', input);
  const withKey = (['brave', 'tavily', 'exa'] as const).find((id) => keyOf(id, input) !== undefined);
  return makeProvider(withKey ?? 'duckduckgo', input);
}

function makeProvider(id: ProviderId, input: ChooseInput): SearchProvider {
  const service = (name: keyof typeof SERVICES) => input.services?.[name] ?? SERVICES[name];
  const deps = (url: string) => ({
    clock: input.clock,
    timeoutMs: input.settings.timeout_ms,
    guard: guardFor(url, input),
  });
  switch (id) {
    case 'searxng': {
      const url = input.settings.searxng_url;
      if (url === undefined)
        throw new AppError(
          'tool_unavailable',
          'Searching with SearXNG needs the address of a server (search.searxng_url).',
        );
      return makeSearxng(deps(url), url);
    }
    case 'brave':
      return makeBrave(deps(service(id)), needKey(id, input), service(id));
    case 'tavily':
      return makeTavily(deps(service(id)), needKey(id, input), service(id));
    case 'exa':
      return makeExa(deps(service(id)), needKey(id, input), service(id));
    case 'duckduckgo':
      return makeDuckDuckGo(deps(service(id)), input.readPage, service(id));
  }
}

function keyOf(id: keyof typeof KEY_NAMES, input: ChooseInput): string | undefined {
  return KEY_NAMES[id].map((name) => input.lookup(name)?.trim()).find((key) => key !== undefined && key !== '');
}

function needKey(id: keyof typeof KEY_NAMES, input: ChooseInput): string {
  const key = keyOf(id, input);
  if (key !== undefined) return key;
  throw new AppError(
    'tool_unavailable',
    `Searching with ${id} needs a key: put ${KEY_NAMES[id][0] ?? ''} into .env, or choose another search.provider.`,
  );
}

/** The service was chosen by the owner, so it may be at home; the blocked websites of pages do not count for it. */
function guardFor(address: string, { rules, resolve }: ChooseInput): UrlGuard {
  const url = new URL(address);
  const allowHosts = [...rules.allowHosts, `${url.hostname}:${portOf(url)}`];
  return makeUrlGuard({ ...rules, allowHosts, websiteBlocklist: [] }, resolve);
}
