// herald logs: the end of the log, readable, filtered, and followed over rotation.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MAIN } from '../support/built.ts';
import { bareEnv, makeTempHome, removeHome, runCli } from './run-cli.ts';

let home: string;
let file: string;
beforeEach(() => {
  home = makeTempHome();
  fs.mkdirSync(path.join(home, 'logs'));
  file = path.join(home, 'logs/gateway.log');
});
afterEach(() => removeHome(home));

const line = (msg: string, level = 30, more: Record<string, unknown> = {}) =>
  `${JSON.stringify({ level, time: Date.UTC(2026, 10, 21, 12, 0, 5), pid: 7, ...more, msg })}\n`;
const run = (...args: string[]) => runCli(['logs', ...args], { home });

describe('herald logs', () => {
  it('prints the last lines with time, level, message and fields', async () => {
    fs.writeFileSync(file, line('one') + line('two', 40, { platform: 'x', note: 'a b' }) + line('three'));
    const { stdout, code } = await run('-n', '2');
    const lines = stdout.trimEnd().split('\n');
    expect(code).toBe(0);
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatch(/^2026-11-21 \d\d:00:05\.000 warn {2}two platform=x note="a b"$/);
    expect(lines[1]).toMatch(/info {2}three$/);
  });

  it('counts lines of the wanted level only', async () => {
    const quiet = Array.from({ length: 500 }, (_, index) => line(`quiet ${index}`)).join('');
    fs.writeFileSync(file, line('early', 50) + quiet + line('late', 40) + quiet);
    const { stdout } = await run('-n', '2', '--level', 'warn');
    expect(stdout).toMatch(/error early\n.*warn {2}late\n$/);
  });

  it('reads a log that is longer than one block, in order and whole', async () => {
    const pad = 'x'.repeat(2_000);
    fs.writeFileSync(file, Array.from({ length: 600 }, (_, index) => line(`n${index} ${pad}`)).join(''));
    const { stdout } = await run('-n', '400', '--json');
    const numbers = stdout
      .trimEnd()
      .split('\n')
      .map((text) => Number(/"n(\d+) /.exec(text)?.[1]));
    expect(numbers).toEqual(Array.from({ length: 400 }, (_, index) => index + 200));
  });

  it('shows stacks below their line, foreign lines as they are, and no control characters', async () => {
    const err = { code: 'internal', message: 'broken', stack: 'Error: broken\n  at somewhere' };
    fs.writeFileSync(file, `plain words\n${line('failed', 50, { err })}${line('\u001b[2Jcleared')}`);
    const { stdout } = await run();
    expect(stdout).toMatch(/^plain words\n.*failed err="internal: broken"\n {4}Error: broken\n {6}at somewhere\n/);
    expect(stdout).not.toContain('\u001b[2J');
  });

  it('says that there is none yet', async () => {
    const { code, stderr } = await run();
    expect(code).toBe(5);
    expect(stderr).toMatch(/no log in .*gateway\.log yet/);
  });

  it('follows new lines, also into the file that replaces a rotated one', async () => {
    fs.writeFileSync(file, line('old') + line('last'));
    const child = spawn(process.execPath, [MAIN, 'logs', '-n', '1', '-f'], {
      env: bareEnv(home),
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let seen = '';
    child.stdout.on('data', (chunk: Buffer) => (seen += chunk.toString()));
    const see = async (text: string) => {
      for (let waited = 0; waited < 10_000 && !seen.includes(text); waited += 20)
        await new Promise((resolve) => setTimeout(resolve, 20));
      expect(seen).toContain(text);
    };
    try {
      await see('last');
      fs.appendFileSync(file, line('second').slice(0, 20));
      fs.appendFileSync(file, line('second').slice(20));
      await see('second');
      fs.renameSync(file, `${file}.1`);
      fs.writeFileSync(file, line('after rotation'));
      await see('after rotation');
      expect(seen.match(/second/g)).toHaveLength(1);
      expect(seen).not.toContain('old');
    } finally {
      child.kill('SIGKILL');
    }
  });
});
