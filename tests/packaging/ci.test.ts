// .ci/run, with programs that only write down how they were called.
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';

const ROOT = path.join(import.meta.dirname, '../..');

/** Runs the script in a folder of its own. `fail` is a call that ends with code 7, such as "npm test". */
function runScript(options: { contract: boolean; fail?: string; tools?: readonly string[] }) {
  const folder = mkdtempSync(path.join(tmpdir(), 'herald-ci-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const project = path.join(folder, 'project');
  const bin = path.join(folder, 'bin');
  mkdirSync(path.join(project, 'node_modules/.bin'), { recursive: true });
  mkdirSync(bin);
  cpSync(path.join(ROOT, '.ci'), path.join(project, '.ci'), { recursive: true });
  if (options.contract) {
    mkdirSync(path.join(folder, 'shared/contract'), { recursive: true });
    writeFileSync(path.join(folder, 'shared/contract/check.mjs'), '');
  }
  const log = path.join(folder, 'calls');
  writeFileSync(log, '');
  const writeTool = (file: string, name: string) => {
    writeFileSync(
      file,
      `#!/bin/sh\necho "${name} $*" >> ${log}\n[ "${name} $*" = "${options.fail ?? ''}" ] && exit 7\nexit 0\n`,
    );
    chmodSync(file, 0o755);
  };
  for (const tool of ['npm', ...(options.tools ?? ['chromium'])]) writeTool(path.join(bin, tool), tool);
  writeTool(path.join(project, 'node_modules/.bin/node'), 'node');
  // Only what the script needs of the system, so that no real apt-get or chromium is found.
  const links = spawnSync('sh', [
    '-c',
    `for tool in bash env dirname id sh; do ln -s "$(command -v $tool)" "${bin}/$tool"; done`,
  ]);
  expect(links.status).toBe(0);
  const result = spawnSync(path.join(bin, 'bash'), [path.join(project, '.ci/run')], {
    cwd: folder,
    env: { PATH: bin },
    encoding: 'utf8',
    timeout: 15_000,
  });
  return {
    status: result.status,
    output: result.stdout + result.stderr,
    calls: readFileSync(log, 'utf8')
      .split('\n')
      .filter((line) => line !== ''),
  };
}

test('the README’s commands, then the recordings against the specifications', () => {
  const run = runScript({ contract: true });
  expect(run.calls).toEqual(['npm install', 'npm test', 'node ../shared/contract/check.mjs .recordings']);
  expect(run.status, run.output).toBe(0);
  const readme = readFileSync(path.join(ROOT, 'README.md'), 'utf8');
  for (const command of ['npm install', 'npm test']) expect(readme).toContain(command);
});

test('without the specifications it says so, and passes', () => {
  const run = runScript({ contract: false });
  expect(run.calls).toEqual(['npm install', 'npm test']);
  expect(run.output).toContain('not held against');
  expect(run.status).toBe(0);
});

test.each(['npm install', 'npm test', 'node ../shared/contract/check.mjs .recordings'])(
  '%s that fails ends it',
  (fail) => {
    const run = runScript({ contract: true, fail });
    expect(run.status).toBe(7);
    expect(run.calls.at(-1)).toBe(fail);
  },
);

test('a machine without Chromium gets it, or goes on without', () => {
  const none = runScript({ contract: false, tools: [] });
  expect(none.output).toContain('the browser tests will be skipped');
  expect(none.status).toBe(0);
  const user = spawnSync('id', ['-u'], { encoding: 'utf8' }).stdout.trim();
  const tools = ['apt-get', 'sudo', 'timeout'];
  const got = runScript({ contract: false, tools });
  expect(got.status).toBe(0);
  expect(
    got.calls.some((call) => call.startsWith(user === '0' ? 'timeout' : 'sudo') && call.includes('apt-get install')),
  ).toBe(true);
});
