import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeBench, type Bench } from './fixture.ts';

let bench: Bench;
beforeEach(() => {
  bench = makeBench();
});
afterEach(() => bench.close());

describe('reading', () => {
  it.each(['notes.txt', './a/../notes.txt', 'a/.env.example', 'deep/er/x.ts', '.', 'src/keyboard.ts', 'envy.txt'])(
    '%s of the workspace is free',
    (name) => {
      expect(bench.assess('read_file', { path: name })).toMatchObject({ effect: 'pure', touches: [] });
      expect(bench.assess('read_file', { path: name }).forbidden).toBeUndefined();
    },
  );

  it.each(['/etc/hostname', '~/notes.txt', '../../../user/x', '/', '/usr/share/doc'])(
    '%s touches the machine',
    (name) => {
      const assessment = bench.assess('read_file', { path: name });
      expect(assessment).toMatchObject({ effect: 'pure', touches: ['machine'] });
      expect(assessment.forbidden).toBeUndefined();
    },
  );

  it.each([
    '.env',
    '.env.local',
    '.ENV',
    '.envrc',
    'config/.env.production',
    '.env/x',
    'server.pem',
    'tls.key',
    'id_ed25519',
    '.ssh/config',
    '.netrc',
    'auth.json',
    'app/credentials.json',
    '~/.ssh/id_rsa',
    '~/.aws/credentials',
    '~/.gnupg/pubring.kbx',
    '~/.kube/config',
    '~/.npmrc',
    '~/.bash_history',
    '~/.docker/config.json',
    '~/.config/gh/hosts.yml',
    '/home/bob/.ssh/authorized_keys',
    '/etc/shadow',
    '/etc/sudoers',
    '/etc/sudoers.d/x',
    '/etc/ssh/ssh_host_rsa_key',
    '/proc/self/environ',
    '/proc/1/environ',
    '/proc/1/mem',
    '/proc/thread-self/maps',
    '/proc/kcore',
    '/run/secrets/token',
    '/var/run/secrets/kubernetes.io/serviceaccount/token',
    '../../config.yaml',
    '../../herald.db',
    '../p:bob/notes.txt',
    '..',
  ])('%s is a secret for reading, searching and writing', (name) => {
    expect(bench.assess('read_file', { path: name }).forbidden).toBeDefined();
    expect(bench.assess('search_files', { pattern: 'x', path: name }).forbidden).toBeDefined();
    expect(bench.assess('write_file', { path: name, content: '' }).forbidden).toBeDefined();
    expect(bench.assess('patch', { path: name, old_string: 'a', new_string: 'b' }).forbidden).toBeDefined();
  });

  it.each(['', '   ', 'a\u0000b', 'a\nb', 'x'.repeat(5_000)])('%j is no path', (name) => {
    expect(bench.assess('read_file', { path: name }).forbidden).toBeDefined();
  });
});

describe('writing', () => {
  it('stays in the workspace, reversibly', () => {
    expect(bench.assess('write_file', { path: 'a/b.txt', content: '' })).toMatchObject({
      effect: 'reversible',
      touches: ['workspace'],
      grant: { key: 'write workspace' },
    });
  });

  it('touches the machine outside', () => {
    const assessment = bench.assess('write_file', { path: '~/b.txt', content: '' });
    expect(assessment).toMatchObject({ effect: 'reversible', touches: ['machine'] });
    expect(assessment.grant?.key).toBe(`write ${bench.userHome}/`);
  });

  it.each([
    'AGENTS.md',
    'sub/claude.md',
    '.cursorrules',
    'SOUL.md',
    '.git/hooks/pre-commit',
    '.git/config',
    '.github/workflows/ci.yml',
    '.gitlab-ci.yml',
    '.husky/pre-push',
    '.bashrc',
    '.vscode/tasks.json',
    '.claude/settings.json',
  ])('%s steers later turns', (name) => {
    const assessment = bench.assess('write_file', { path: name, content: '' });
    expect(assessment.touches).toEqual(['workspace', 'settings']);
    expect(assessment.risk).toBeDefined();
    expect(assessment.grant?.key).toBe(`write ${bench.at(name)}`);
    expect(bench.assess('read_file', { path: name }).touches).toEqual([]);
  });

  it('~/.zshrc steers the machine', () => {
    expect(bench.assess('write_file', { path: '~/.zshrc', content: '' }).touches).toEqual(['machine', 'settings']);
  });

  it('of several files is as strict as the strictest', () => {
    const patch = (...names: string[]) =>
      ['*** Begin Patch', ...names.flatMap((name) => [`*** Add File: ${name}`, '+x']), '*** End Patch'].join('\n');
    expect(bench.assess('patch', { patch: patch('a', 'b') }).touches).toEqual(['workspace']);
    expect(bench.assess('patch', { patch: patch('a', '/tmp/b') })).toMatchObject({ touches: ['machine', 'workspace'] });
    expect(bench.assess('patch', { patch: patch('a', '/tmp/b') }).grant).toBeUndefined();
    expect(bench.assess('patch', { patch: patch('a', '.env') }).forbidden).toBeDefined();
    const move = '*** Begin Patch\n*** Update File: a\n*** Move to: .git/hooks/x\n*** End Patch';
    expect(bench.assess('patch', { mode: 'patch', patch: move }).touches).toContain('settings');
  });
});

describe('links', () => {
  it('that leave the workspace are not followed, whatever they lead to', () => {
    writeFileSync(path.join(bench.userHome, 'plain.txt'), 'x');
    mkdirSync(path.join(bench.userHome, 'folder'));
    symlinkSync(path.join(bench.userHome, 'plain.txt'), bench.at('file'));
    symlinkSync(path.join(bench.userHome, 'folder'), bench.at('folder'));
    for (const name of ['file', 'folder/new.txt', 'folder'])
      for (const [tool, more] of [
        ['read_file', {}],
        ['write_file', { content: '' }],
      ] as const)
        expect(bench.assess(tool, { path: name, ...more }).forbidden).toContain('leaves the workspace');
  });

  it('inside the workspace are followed, and what they lead to counts', async () => {
    bench.put('real.txt', 'hello\n');
    bench.put('.env', 'KEY=1');
    symlinkSync('real.txt', bench.at('good'));
    symlinkSync('.env', bench.at('bad.txt'));
    symlinkSync('nowhere', bench.at('dangling'));
    symlinkSync('loop', bench.at('loop'));
    expect((await bench.call('read_file', { path: 'good' })).text).toBe('1|hello');
    expect(bench.assess('read_file', { path: 'bad.txt' }).forbidden).toBeDefined();
    expect(bench.assess('write_file', { path: 'dangling', content: '' }).forbidden).toContain('nowhere');
    expect(bench.assess('read_file', { path: 'loop' }).forbidden).toBeDefined();
  });

  it('to secrets of the system are secrets', () => {
    symlinkSync('/proc/self', path.join(bench.userHome, 'p'));
    expect(bench.assess('read_file', { path: '~/p/environ' }).forbidden).toBeDefined();
    expect(bench.assess('read_file', { path: '/proc/self/root/etc/shadow' }).forbidden).toBeDefined();
  });

  it('a workspace behind a link is a workspace', async () => {
    const real = path.join(bench.root, 'elsewhere');
    mkdirSync(real);
    symlinkSync(real, path.join(bench.home, 'workspaces', 'linked'));
    const workspace = path.join(bench.home, 'workspaces', 'linked');
    const tool = bench.tools.find(({ name }) => name === 'write_file');
    const prepared = tool?.prepare({ path: 'x.txt', content: 'x' });
    if (!prepared?.ok) throw new Error('not prepared');
    expect(prepared.call.assess({ workspace } as never)).toMatchObject({
      touches: ['workspace'],
      forbidden: undefined,
    });
  });
});
