// Skills of sites, of addresses and of folders: both formats of the index, digests, redirects, and what is refused.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { skillText } from '../../support/skill-hub.ts';
import { tarGz, zip } from './archives.ts';
import { failure, useHubBench } from './bench.ts';

const bench = useHubBench();
const SCHEMA = 'https://schemas.agentskills.io/discovery/0.2.0/schema.json';
const digest = (content: string | Uint8Array) => `sha256:${createHash('sha256').update(content).digest('hex')}`;

/** Version 0.2.0: one artifact per skill. */
function publishSite(base = 'https://site.example'): { archive: Uint8Array } {
  const archive = tarGz([
    { name: 'SKILL.md', content: skillText('wrangler') },
    { name: 'references/commands.md', content: 'commands' },
  ]);
  const folder = `${base}/.well-known/agent-skills`;
  bench.server.pages.set(`${folder}/code-review/SKILL.md`, skillText('code-review'));
  bench.server.pages.set(`${folder}/wrangler.tar.gz`, archive);
  bench.server.pages.set(
    `${folder}/index.json`,
    JSON.stringify({
      $schema: SCHEMA,
      skills: [
        {
          name: 'code-review',
          type: 'skill-md',
          description: 'Review code.',
          url: '/.well-known/agent-skills/code-review/SKILL.md',
          digest: digest(skillText('code-review')),
        },
        { name: 'wrangler', type: 'archive', description: 'Deploy.', url: 'wrangler.tar.gz', digest: digest(archive) },
        { name: 'later', type: 'a-type-of-the-future', url: 'x' },
        { name: '../evil', type: 'skill-md', url: 'x', digest: digest('x') },
      ],
    }),
  );
  return { archive };
}

describe('a site', () => {
  it('of version 0.2 lists its skills and gives each with its digest checked', async () => {
    const { archive } = publishSite();
    const listed = await bench.hub.inspect('https://site.example');
    expect(listed).toMatchObject({
      kind: 'several',
      skills: [
        { name: 'code-review', description: 'Review code.', reference: 'well-known:https://site.example#code-review' },
        { name: 'wrangler' },
      ],
    });
    for (const reference of ['https://site.example/#code-review', 'well-known:site.example#wrangler'])
      expect(await bench.hub.install(reference, { force: false })).toMatchObject({
        status: 'installed',
        skill: { trust: 'community' },
      });
    const opened = await bench.hub.open('wrangler');
    expect([...(opened?.files.keys() ?? [])]).toEqual(['SKILL.md', 'references/commands.md']);
    expect(opened?.entry.revision).toBe(digest(archive));
    expect(await bench.hub.update(undefined, { force: false, dryRun: false })).toMatchObject([
      { status: 'unchanged' },
      { status: 'unchanged' },
    ]);
  });

  it('of version 0.1 gives the files that it names, below its path first', async () => {
    const folder = 'https://docs.example/team/.well-known/skills';
    bench.server.pages.set(`${folder}/hello/SKILL.md`, skillText('hello'));
    bench.server.pages.set(`${folder}/hello/ref/my%20notes.md`, 'notes');
    bench.server.pages.set(
      `${folder}/index.json`,
      JSON.stringify({ skills: [{ name: 'hello', description: 'hi', files: ['SKILL.md', 'ref/my notes.md'] }] }),
    );
    for (const reference of ['https://docs.example/team', `${folder}/index.json`])
      expect(await bench.hub.inspect(reference)).toMatchObject({
        kind: 'one',
        skill: { name: 'hello', verdict: 'safe' },
      });
    await bench.hub.install('https://docs.example/team#hello', { force: false });
    const opened = await bench.hub.open('hello');
    expect([...(opened?.files.keys() ?? [])]).toEqual(['SKILL.md', 'ref/my notes.md']);
  });

  it('is refused when content and digest differ, when a path leads out, and in a format of the future', async () => {
    publishSite();
    bench.server.pages.set('https://site.example/.well-known/agent-skills/code-review/SKILL.md', skillText('forged'));
    expect(
      (await failure(bench.hub.install('https://site.example#code-review', { force: true }))).publicMessage,
    ).toContain("not what the site's digest says");
    const old = (files: string[]) => JSON.stringify({ skills: [{ name: 'x', description: 'x', files }] });
    bench.server.pages.set(
      'https://old.example/.well-known/skills/index.json',
      old(['SKILL.md', '../../../etc/passwd']),
    );
    expect((await failure(bench.hub.install('https://old.example', { force: true }))).publicMessage).toContain(
      'not within the skill',
    );
    bench.server.pages.set(
      'https://new.example/.well-known/agent-skills/index.json',
      JSON.stringify({ $schema: 'https://schemas.agentskills.io/discovery/9.0.0/schema.json', skills: [] }),
    );
    expect((await failure(bench.hub.install('https://new.example', { force: true }))).publicMessage).toContain(
      'does not know',
    );
    expect((await failure(bench.hub.install('https://none.example', { force: true }))).code).toBe('not_found');
    bench.server.pages.set('https://html.example/.well-known/agent-skills/index.json', '<html>');
    expect((await failure(bench.hub.install('https://html.example', { force: true }))).code).toBe(
      'platform_unreachable',
    );
    expect(await bench.hub.list()).toEqual([]);
  });
});

describe('an address', () => {
  it('may be a SKILL.md, an archive with one skill, or one of several in it', async () => {
    const { pages } = bench.server;
    pages.set('https://files.example/a/SKILL.md', skillText('single'));
    pages.set(
      'https://files.example/one.zip',
      zip({ 'packed/SKILL.md': skillText('packed'), 'packed/scripts/a.py': 'pass' }),
    );
    pages.set(
      'https://files.example/many.tgz',
      tarGz([
        { name: 'repo-main/.claude/skills/first/SKILL.md', content: skillText('first') },
        { name: 'repo-main/.claude/skills/second/SKILL.md', content: skillText('second') },
      ]),
    );
    for (const [reference, name] of [
      ['https://files.example/a/SKILL.md', 'single'],
      ['https://files.example/one.zip', 'packed'],
      ['https://files.example/many.tgz#second', 'second'],
    ] as const)
      expect(await bench.hub.install(reference, { force: false })).toMatchObject({
        status: 'installed',
        skill: { name },
      });
    expect(
      (await failure(bench.hub.install('https://files.example/many.tgz', { force: false }))).publicMessage,
    ).toContain('There are 2 skills');
  });

  it('is followed when it moves, but not off https, and not inside', async () => {
    const { pages } = bench.server;
    pages.set('https://files.example/old/SKILL.md', (response) => {
      response.writeHead(302, { location: '/files.example/new/SKILL.md' }).end();
    });
    pages.set('https://files.example/new/SKILL.md', skillText('moved'));
    expect(await bench.hub.install('https://files.example/old/SKILL.md', { force: false })).toMatchObject({
      status: 'installed',
    });
    expect(
      (await failure(bench.hub.install('http://files.example/SKILL.md', { force: false }))).publicMessage,
    ).toContain('https');
    pages.set('https://files.example/inside/SKILL.md', (response) => {
      response.writeHead(302, { location: 'http://169.254.169.254/latest/meta-data' }).end();
    });
    expect((await failure(bench.hub.install('https://files.example/inside/SKILL.md', { force: false }))).code).toBe(
      'not_allowed',
    );
    expect((await failure(bench.hub.install('https://user:pass@files.example/SKILL.md', { force: false }))).code).toBe(
      'bad_input',
    );
  });

  it('is not read on when it is too large', async () => {
    bench.server.pages.set('https://files.example/huge/SKILL.md', Buffer.alloc(1024 * 1024 + 1, 'x'));
    expect((await failure(bench.hub.install('https://files.example/huge/SKILL.md', { force: false }))).code).toBe(
      'too_large',
    );
  });
});

describe('a folder', () => {
  it('may be a skill, a collection with categories, or an archive', async () => {
    const top = path.join(bench.home, 'collection');
    const write = (file: string, content: string | Uint8Array) => {
      fs.mkdirSync(path.dirname(path.join(top, file)), { recursive: true });
      fs.writeFileSync(path.join(top, file), content);
    };
    write('writing/letters/SKILL.md', skillText('letters'));
    write('writing/letters/templates/plain.md', 'Dear');
    write('data/tables/SKILL.md', skillText('tables'));
    write('node_modules/other/SKILL.md', skillText('other'));
    write('packed.skill', zip({ 'SKILL.md': skillText('packed') }));
    expect(await bench.hub.inspect(top)).toMatchObject({
      kind: 'several',
      skills: [{ name: 'tables' }, { name: 'letters' }],
    });
    expect(await bench.hub.install(`${top}#letters`, { force: false })).toMatchObject({ status: 'installed' });
    expect(await bench.hub.install(path.join(top, 'data/tables'), { force: false })).toMatchObject({
      status: 'installed',
    });
    expect(await bench.hub.install(path.join(top, 'packed.skill'), { force: false })).toMatchObject({
      status: 'installed',
    });
    write('writing/letters/templates/plain.md', 'Dear all');
    expect(await bench.hub.update('letters', { force: false, dryRun: false })).toMatchObject([{ status: 'updated' }]);
    fs.symlinkSync('/etc', path.join(top, 'writing/letters/keys'));
    expect((await failure(bench.hub.install(`${top}#letters`, { force: true }))).publicMessage).toContain('is a link');
    expect((await failure(bench.hub.install(path.join(top, 'none'), { force: true }))).code).toBe('not_found');
  });
});

describe('what names no skill', () => {
  it.each([
    '',
    'pdf',
    '../x',
    'owner/..',
    'a b/c',
    'owner/repo@a..b',
    'ftp://x/y',
    'javascript:alert(1)',
    'https://',
    'x'.repeat(3000),
  ])('is refused: %j', async (reference) => {
    expect((await failure(bench.hub.inspect(reference))).code).toBe('bad_input');
    expect(bench.server.requests).toEqual([]);
  });
});
