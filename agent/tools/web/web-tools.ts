// The web tools, made once per process.
import { makeUrlGuard, type GuardSettings, type Resolve } from '../../net/guard.ts';
import type { Clock } from '../../../shared/clock.ts';
import { AppError } from '../../../shared/errors.ts';
import type { Tool } from '../tool.ts';
import type { WebSettings } from './config.ts';
import { makeExtractTool, readOne } from './extract.ts';
import { makeReader } from './extract/reader.ts';
import { makeSearchTool } from './search.ts';
import { chooseProvider, type ChooseInput } from './search/choose.ts';

export interface WebToolDeps {
  settings: WebSettings;
  clock: Clock;
  /** A key from the environment file, by its name such as BRAVE_API_KEY. */
  lookup(name: string): string | undefined;
  /** Default: the system's resolver. */
  resolve?: Resolve;
  /** Default: where the search services are. */
  services?: ChooseInput['services'];
}

/** web_search and web_extract. Nothing is opened or loaded before the first call. */
export function makeWebTools(deps: WebToolDeps): readonly Tool[] {
  const { settings, clock, lookup, resolve, services } = deps;
  const rules = webRules(settings);
  const readPage = makeReader(clock);
  const choose = () =>
    chooseProvider({
      settings: settings.search,
      clock,
      lookup,
      rules,
      resolve,
      readPage,
      ...(services && { services }),
    });
  return [
    makeSearchTool(choose, settings.search.timeout_ms),
    makeExtractTool({ guard: makeUrlGuard(rules, resolve), clock, readPage, settings: settings.extract }),
  ];
}

/** Text of one page, PDF or feed, as web_extract reads it. Rejects with AppError. */
export function makePageReader(deps: WebToolDeps): (url: string, signal: AbortSignal) => Promise<string> {
  const { settings, clock, resolve } = deps;
  const guard = makeUrlGuard(webRules(settings), resolve);
  const extract = { guard, clock, readPage: makeReader(clock), settings: settings.extract };
  return async (url, signal) => {
    const page = await readOne(extract, url, { format: 'markdown', signal });
    if (!page.ok) throw new AppError('not_found', page.text);
    return page.text;
  };
}

/** The rules about addresses that all web tools share. */
export function webRules(settings: WebSettings): GuardSettings {
  return {
    allowPrivateUrls: settings.allow_private_urls,
    allowHosts: settings.allow_hosts,
    websiteBlocklist: settings.website_blocklist,
  };
}
