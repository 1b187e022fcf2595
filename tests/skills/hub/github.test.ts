// Skills in GitHub repositories: what is found, what is checked, and what GitHub refuses.
import { describe, expect, it } from 'vitest';
import { commitOf, skillText } from '../../support/skill-hub.ts';
import { failure, useHubBench } from './bench.ts';

const bench = useHubBench();

const COLLECTION = {
  'README.md': '# Skills',
  'skills/pdf/SKILL.md': skillText('pdf'),
  'skills/pdf/scripts/fill form.py': 'print("filled")\n',
  'skills/pdf/references/nested/SKILL.md': 'an example, not a skill of its own',
  'skills/pdf/.gitignore': '*.pyc',
  'skills/xlsx/SKILL.md': skillText('xlsx'),
  'template/SKILL.md': skillText('template-skill'),
};

describe('GitHub', () => {
  it('installs a skill of a collection with its files, pinned by the commit', async () => {
    const { server, hub } = bench;
    server.repositories.set('anthropics/skills', { files: COLLECTION });
    const done = await hub.install('anthropics/skills/pdf', { force: false });
    expect(done).toMatchObject({
      status: 'installed',
      skill: {
        name: 'pdf',
        description: 'Helps with pdf. Use when pdf comes up.',
        identifier: 'github:anthropics/skills/skills/pdf',
        revision: commitOf({ files: COLLECTION }),
        trust: 'trusted',
        verdict: 'safe',
      },
    });
    const opened = await hub.open('pdf');
    expect([...(opened?.files.keys() ?? [])].sort()).toEqual([
      'SKILL.md',
      'references/nested/SKILL.md',
      'scripts/fill form.py',
    ]);
    expect(opened).toMatchObject({ state: 'ok', trust: 'trusted' });
    expect(server.requests.filter(({ url }) => url.startsWith('https://api.github.com/'))).toHaveLength(2);
  });

  it.each([
    'github:acme/tools/skills/pdf',
    'acme/tools/pdf',
    'https://github.com/acme/tools/tree/HEAD/skills/pdf',
    'https://github.com/acme/tools/blob/HEAD/skills/pdf/SKILL.md',
    'https://skills.sh/acme/tools/pdf',
    'skills.sh:acme/tools/pdf',
    'https://raw.githubusercontent.com/acme/tools/HEAD/skills/pdf/SKILL.md',
  ])('understands %s', async (reference) => {
    bench.server.repositories.set('acme/tools', { files: COLLECTION });
    const done = await bench.hub.install(reference, { force: false });
    expect(done.skill).toMatchObject({ identifier: 'github:acme/tools/skills/pdf', trust: 'community' });
  });

  it('names the skills when several are meant, and none when there are none', async () => {
    bench.server.repositories.set('acme/tools', { files: COLLECTION });
    const several = await failure(bench.hub.install('acme/tools', { force: false }));
    expect(several.code).toBe('bad_input');
    expect(several.publicMessage).toContain('There are 3 skills');
    expect(several.publicMessage).toContain('github:acme/tools/skills/xlsx');
    expect(await bench.hub.inspect('acme/tools/skills')).toMatchObject({ kind: 'several', skills: [{}, {}] });
    expect((await failure(bench.hub.inspect('acme/tools/nothing'))).code).toBe('not_found');
    expect((await failure(bench.hub.inspect('acme/nowhere'))).publicMessage).toContain('repository acme/nowhere');
  });

  it('trusts no commit that is named, for it may be of a fork, and no repository that has moved', async () => {
    bench.server.repositories.set('anthropics/skills', { files: COLLECTION });
    const pinned = await bench.hub.inspect('anthropics/skills/pdf@deadbeef');
    expect(pinned).toMatchObject({ kind: 'one', skill: { trust: 'community' } });
    bench.server.repositories.set('anthropics/skills', { files: COLLECTION, isRenamed: true });
    const moved = await bench.hub.inspect('anthropics/skills/pdf');
    expect(moved).toMatchObject({ kind: 'one', skill: { trust: 'community', verdict: 'safe' } });
  });

  it('refuses content that is not what the commit names', async () => {
    bench.server.repositories.set('acme/tools', {
      files: COLLECTION,
      forged: { 'skills/pdf/SKILL.md': skillText('evil') },
    });
    const refused = await failure(bench.hub.install('acme/tools/pdf', { force: true }));
    expect(refused.publicMessage).toContain('is not the file that its commit names');
    expect(await bench.hub.list()).toEqual([]);
  });

  it('refuses links and other repositories within a skill', async () => {
    bench.server.repositories.set('acme/tools', { files: { ...COLLECTION, 'skills/pdf/keys@': '../../../../.ssh' } });
    expect((await failure(bench.hub.install('acme/tools/pdf', { force: true }))).publicMessage).toContain('is a link');
  });

  it('refuses what is too large before it is fetched', async () => {
    const big = Object.fromEntries(Array.from({ length: 201 }, (_, index) => [`skills/many/f${index}.txt`, 'x']));
    bench.server.repositories.set('acme/tools', {
      files: {
        ...big,
        'skills/many/SKILL.md': skillText('many'),
        'skills/fat/SKILL.md': skillText('fat'),
        'skills/fat/model.bin': new Uint8Array(1024 * 1024 + 1),
      },
    });
    for (const name of ['many', 'fat'])
      expect((await failure(bench.hub.install(`acme/tools/${name}`, { force: true }))).code).toBe('too_large');
    expect(bench.server.requests.some(({ url }) => url.startsWith('https://raw.'))).toBe(false);
  });

  it('finds a skill in a tree that is too large for one answer', async () => {
    bench.server.repositories.set('acme/huge', { files: COLLECTION, isTruncated: true });
    expect(await bench.hub.install('acme/huge/skills/pdf', { force: false })).toMatchObject({ status: 'installed' });
    expect(await bench.hub.install('acme/huge/xlsx', { force: false })).toMatchObject({ status: 'installed' });
    bench.server.repositories.set('acme/odd', { files: { 'a/b/SKILL.md': skillText('b') }, isTruncated: true });
    expect((await failure(bench.hub.install('acme/odd/b', { force: false }))).code).toBe('too_large');
  });

  it('says when the limit is used up, and how to raise it', async () => {
    bench.server.limitedUntil = Date.now() + 12.5 * 60_000;
    const limited = await failure(bench.hub.install('acme/tools/pdf', { force: false }));
    expect(limited).toMatchObject({ code: 'platform_unreachable', retryable: true });
    expect(limited.publicMessage).toMatch(/no more requests for 1[23] min.*GITHUB_TOKEN/);
    expect(limited.retryAfterMs).toBeGreaterThan(11 * 60_000);
  });

  it('sends the token to GitHub alone, and asks for it each time', async () => {
    const { server } = bench;
    server.repositories.set('acme/tools', { files: COLLECTION });
    server.pages.set('https://site.example/SKILL.md', skillText('other'));
    const hub = bench.open({ lookup: (name) => (name === 'GITHUB_TOKEN' ? 'token-of-the-owner' : undefined) });
    await hub.install('acme/tools/pdf', { force: false });
    await hub.install('https://site.example/SKILL.md', { force: false });
    for (const { url, headers } of server.requests)
      expect([url, headers.authorization]).toEqual([
        url,
        url.includes('site.example') ? undefined : 'Bearer token-of-the-owner',
      ]);
  });
});

describe('search', () => {
  it('asks skills.sh and the trusted collections, each hit installable', async () => {
    const { server, hub } = bench;
    server.repositories.set('anthropics/skills', { files: COLLECTION });
    server.repositories.set('openai/skills', { files: { 'skills/.curated/pdf/SKILL.md': skillText('pdf') } });
    server.listed.push(
      { id: 'acme/tools/pdf', skillId: 'pdf', name: 'pdf', installs: 1200, source: 'acme/tools' },
      { id: 'site/docs.example/pdf', skillId: 'pdf', name: 'pdf', installs: 3, source: 'site/docs.example' },
      { id: '../../etc', name: 'odd', source: null },
    );
    const { skills, problems } = await hub.search('pdf', { limit: 10 });
    expect(skills.map(({ reference, trust }) => [reference, trust])).toEqual([
      ['github:anthropics/skills/skills/pdf', 'trusted'],
      ['github:openai/skills/skills/.curated/pdf', 'trusted'],
      ['github:acme/tools/pdf', 'community'],
      ['well-known:https://docs.example#pdf', 'community'],
    ]);
    expect(skills[2]?.installs).toBe(1200);
    // Two of the four collections are not there on this server.
    expect(problems).toHaveLength(2);
    expect(await hub.install('github:openai/skills/skills/.curated/pdf', { force: false })).toMatchObject({
      status: 'installed',
      skill: { trust: 'trusted' },
    });
  });

  it('rejects only when nothing can be searched', async () => {
    bench.server.pages.set('https://skills.sh/api/search?q=pdf&limit=10', (response) => {
      response.statusCode = 503;
      response.end('down');
    });
    const down = await failure(bench.hub.search('pdf', { limit: 10 }));
    expect(down.publicMessage).not.toBe('');
    expect((await failure(bench.hub.search('  ', { limit: 10 }))).code).toBe('bad_input');
  });
});
