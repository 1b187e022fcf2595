// Searching through each service, against servers that insist on the documented requests, and what their refusals turn into.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { webSchema } from '../../../../agent/tools/web/config.ts';
import { makeWebTools } from '../../../../agent/tools/web/web-tools.ts';
import { systemClock } from '../../../../shared/clock.ts';
import { openHome, type Home } from '../../fixture.ts';
import { assess, runTool } from '../../../support/web/run-tool.ts';
import { KEYS, openSearchServices, type SearchServices } from '../../../support/web/search-services.ts';

let home: Home;
let services: SearchServices;
beforeAll(async () => {
  home = await openHome();
  services = await openSearchServices();
});
afterEach(() => {
  services.fail = undefined;
  services.seen.length = 0;
});
afterAll(async () => {
  await services.close();
  await home.close();
});

const NAMES: Record<string, string> = {
  BRAVE_API_KEY: KEYS.brave,
  TAVILY_API_KEY: KEYS.tavily,
  EXA_API_KEY: KEYS.exa,
};

function tools(search: Record<string, unknown> = {}, keys: readonly string[] = Object.keys(NAMES)) {
  const { url } = services;
  return makeWebTools({
    settings: webSchema.parse({ search }),
    clock: systemClock,
    lookup: (name) => (keys.includes(name) ? NAMES[name] : undefined),
    services: { brave: url, tavily: url, exa: url, duckduckgo: url },
  });
}

const searxng = () => ({ searxng_url: `${services.url}/searx` });

describe('each service', () => {
  it.each([
    ['brave', {}],
    ['tavily', {}],
    ['exa', {}],
    ['duckduckgo', {}],
    ['searxng', { searxng: true }],
  ])('%s finds', async (provider, extra) => {
    const settings = { provider, ...('searxng' in extra ? searxng() : {}) };
    const found = await runTool(home, tools(settings), ['web_search', { query: 'red apples & pears', limit: 3 }]);
    expect(found.isError).toBeUndefined();
    expect(found.text).toMatch(
      /^1\. First\n {3}https:\/\/one\.example\/a\n {3}about one.*\n\n2\. Second\n {3}https:\/\/two\.example\/b\?x=1\n {3}about two/,
    );
    expect(services.seen).toHaveLength(1);
    expect(`${services.seen[0]?.url} ${services.seen[0]?.body}`).toMatch(/red(\+|%20| )apples/);
  });

  it.each(['brave', 'tavily', 'exa'])('%s says what is wrong', async (provider) => {
    const search = (query = 'apples') => runTool(home, tools({ provider }), ['web_search', { query }]);
    services.fail = { status: 401 };
    expect(await search()).toMatchObject({ code: 'platform_auth', text: expect.stringContaining('key') });
    services.fail = { status: 429, headers: { 'retry-after': '7' } };
    expect(await search()).toMatchObject({ isError: true, text: expect.stringContaining('Try again in 7 s') });
    services.fail = { status: 429, headers: { 'x-ratelimit-reset': '2, 1419704' } };
    expect((await search()).text).toContain('in 2 s');
    services.fail = { status: 500 };
    expect((await search()).text).toContain('(500)');
    services.fail = { status: 200, body: '<html>not json' };
    expect((await search()).text).toContain('no JSON');
    services.fail = { status: 200, body: '{"answer":42}' };
    expect((await search()).code).toBe(provider === 'brave' ? undefined : 'platform_unreachable');
  });

  it('a wrong key is told, and never shown', async () => {
    NAMES['BRAVE_API_KEY'] = 'wrong-key-9';
    const refused = await runTool(home, tools({ provider: 'brave' }), ['web_search', { query: 'apples' }]);
    NAMES['BRAVE_API_KEY'] = KEYS.brave;
    expect(refused.code).toBe('platform_auth');
    expect(JSON.stringify(refused)).not.toContain('wrong-key-9');
  });

  it('DuckDuckGo may want a captcha', async () => {
    services.fail = {
      status: 202,
      body: '<div class="anomaly-modal__title">Unfortunately, bots use DuckDuckGo too.</div>',
    };
    expect(await runTool(home, tools({ provider: 'duckduckgo' }), ['web_search', { query: 'apples' }])).toMatchObject({
      code: 'tool_unavailable',
      text: expect.stringContaining('captcha'),
    });
  });

  it('SearXNG may have JSON switched off', async () => {
    services.fail = { status: 403 };
    expect(await runTool(home, tools(searxng()), ['web_search', { query: 'apples' }])).toMatchObject({
      code: 'tool_unavailable',
      text: expect.stringContaining('settings.yml'),
    });
  });
});

describe('the choice', () => {
  it('is the configured service, else SearXNG, else the first with a key, else DuckDuckGo', async () => {
    const used = async (search: Record<string, unknown>, keys: readonly string[]) => {
      services.seen.length = 0;
      await runTool(home, tools(search, keys), ['web_search', { query: 'apples' }]);
      return services.seen.map(({ url }) => url.split('?')[0]).join();
    };
    expect(await used({ provider: 'exa', ...searxng() }, ['EXA_API_KEY', 'BRAVE_API_KEY'])).toBe('/search');
    expect(await used(searxng(), ['BRAVE_API_KEY'])).toBe('/searx/search');
    expect(await used({}, ['BRAVE_API_KEY', 'EXA_API_KEY'])).toBe('/res/v1/web/search');
    expect(await used({}, [])).toBe('/html/');
  });

  it('says what the configured service lacks', async () => {
    expect((await runTool(home, tools({ provider: 'brave' }, []), ['web_search', { query: 'x' }])).text).toContain(
      'BRAVE_API_KEY',
    );
    expect((await runTool(home, tools({ provider: 'searxng' }), ['web_search', { query: 'x' }])).text).toContain(
      'searxng_url',
    );
  });
});

describe('results', () => {
  it('come once each, cut to the limit, without markup and without addresses of other kinds', async () => {
    const before = services.hits;
    services.hits = [
      {
        title: 'A <strong>bold</strong> &amp; b',
        url: 'https://www.one.example/a/',
        text: 'x\u200by\u{e0041} &quot;q&quot;',
      },
      { title: 'again', url: 'https://one.example/a#part', text: '' },
      { title: 'script', url: 'javascript:alert(1)', text: '' },
      ...Array.from({ length: 9 }, (_, i) => ({
        title: `T${i}`,
        url: `https://t${i}.example/`,
        text: 'z'.repeat(900),
      })),
    ];
    const { text } = await runTool(home, tools({ provider: 'tavily' }), ['web_search', { query: 'apples' }]);
    services.hits = before;
    expect(text.startsWith('1. A bold & b\n   https://www.one.example/a/\n   xy "q"\n\n2. T0')).toBe(true);
    expect(text.match(/^\d\. /gm)).toHaveLength(5);
    expect(text).not.toMatch(/javascript|again/);
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThan(520);
  });

  it('may be none', async () => {
    const before = services.hits;
    services.hits = [];
    for (const provider of ['brave', 'duckduckgo'])
      expect((await runTool(home, tools({ provider }), ['web_search', { query: 'x' }])).text).toBe(
        'Nothing was found.',
      );
    services.hits = before;
  });
});

describe('what leaves the machine', () => {
  it.each([
    'how tall is the Eiffel Tower',
    'wie ist das Wetter in Wien morgen',
    '東京タワー 高さ',
    'fix 9fceb02d0ae598e95dc970b74767f19372d61af8 git',
    'TypeError: Cannot read properties of undefined (reading addEventListener) at HTMLDocument',
    'java.util.concurrent.ThreadPoolExecutor RejectedExecutionHandler',
    '550e8400-e29b-41d4-a716-446655440000 uuid windows service',
    'site:developer.mozilla.org/en-US/docs/Web/JavaScript/Reference/Global_Objects/Array/flatMap',
    'CVE-2026-12345 KB5034441 0x80070643',
  ])('may be: %s', (query) => {
    expect(assess(home, tools(), 'web_search', { query })).toEqual({
      effect: 'pure',
      touches: [],
      forbidden: undefined,
    });
  });

  it.each([
    `note sk-ant-${'abc0'.repeat(6)}`,
    'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    'data SGVsbG8gdGhpcyBpcyBhIHNlY3JldCBtZXNzYWdlIGZvciB5b3U0Mg==',
    `c2VjcmV0IG9mIEFubg1 ${'a1B2c3D4e5F6g7H8i9J0 '.repeat(7)}`,
    'ghp_0123456789abcdefghijklmnopqrstuvwxyzAB',
  ])('may not be: %s', async (query) => {
    expect(assess(home, tools(), 'web_search', { query }).forbidden).toMatch(/secret|encoded/);
    expect(await runTool(home, tools(), ['web_search', { query }])).toMatchObject({ code: 'not_allowed' });
    expect(services.seen).toEqual([]);
  });

  it('is short', async () => {
    expect((await runTool(home, tools(), ['web_search', { query: 'word '.repeat(90) }])).code).toBe('arguments');
  });
});
