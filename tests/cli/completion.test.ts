// Completion scripts: the one for bash is run in bash, the others are held against the tree of commands.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeTempHome, removeHome, runCli } from './run-cli.ts';

const exec = promisify(execFile);
let home: string;
const scripts = new Map<string, string>();
beforeAll(async () => {
  home = makeTempHome();
  for (const shell of ['bash', 'zsh', 'fish'])
    scripts.set(shell, (await runCli(['completion', shell], { home })).stdout);
});
afterAll(() => removeHome(home));

/** What bash offers for the words, the last of which is being typed. */
async function complete(...words: string[]): Promise<string[]> {
  const script = `${scripts.get('bash') ?? ''}\nCOMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _herald; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout } = await exec('bash', ['-c', script, 'bash', ...words]);
  return stdout.trim().split('\n');
}

describe('completion', () => {
  it('offers commands by their beginning', async () => {
    expect(await complete('herald', 'se')).toEqual(['send', 'setup', 'sessions']);
    expect(await complete('herald', 'pairing', '')).toEqual(['list', 'approve', 'revoke', 'clear-pending', 'link']);
  });

  it('offers what can be done with jobs', async () => {
    expect(await complete('herald', 'cron', 'r')).toEqual(['resume', 'run', 'remove', 'runs']);
    expect(await complete('herald', 'cron', 'on', '--p')).toEqual(['--person', '--platform', '--process']);
    expect(await complete('herald', 'cron', 'add', '--catch-up', '')).toEqual(['skip', 'latest', 'all']);
  });

  it('offers the options of the command at hand', async () => {
    expect(await complete('herald', 'send', '--a')).toEqual(['--attach']);
    expect(await complete('herald', 'sessions', 'export', '--f')).toEqual(['--format']);
    expect(await complete('herald', '--home', '/tmp', 'logs', '--l')).toEqual(['--lines', '--level']);
  });

  it('offers the words that an option or argument can be', async () => {
    expect(await complete('herald', 'logs', '--level', '')).toEqual(['debug', 'info', 'warn', 'error']);
    expect(await complete('herald', 'sessions', 'export', '--format', 'js')).toEqual(['json', 'jsonl']);
    expect(await complete('herald', 'completion', 'f')).toEqual(['fish']);
  });

  it('leaves files to the shell where a path belongs', async () => {
    expect(await complete('herald', 'send', '--file', '')).toEqual(['']);
  });

  it('knows every command in each shell', async () => {
    const help = (await runCli(['--help'], { home })).stdout;
    const names = [...(/^Commands:\n([\s\S]*?)\n\n/m.exec(help)?.[1] ?? '').matchAll(/^ {2}([a-z-]+)/gm)].map(
      (match) => match[1] ?? '',
    );
    expect(names.length).toBeGreaterThan(15);
    for (const name of names.filter((one) => one !== 'help')) {
      expect(scripts.get('zsh')).toContain(`'${name}:`);
      expect(scripts.get('fish')).toContain(` -a ${name} -d `);
    }
  });
});
