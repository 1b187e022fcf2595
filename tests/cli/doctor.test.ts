// herald doctor: each thing that can be wrong is made wrong once.
import { createServer } from 'node:net';
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { makeTempHome, removeHome } from './run-cli.ts';
import { openCommandRunner } from './run-command.ts';

const commands = openCommandRunner();
afterAll(() => commands.close());
let home: string;
beforeEach(() => {
  home = makeTempHome();
  fs.writeFileSync(path.join(home, 'config.yaml'), 'gateway: {port: 0}\n');
});
afterEach(() => removeHome(home));

const reportShape = z.object({
  ok: z.boolean(),
  findings: z.array(
    z.object({
      check: z.string(),
      level: z.enum(['ok', 'warn', 'fail']),
      message: z.string(),
      fix: z.string().optional(),
    }),
  ),
});

async function examine(...args: string[]) {
  const { code, stdout, stderr } = await commands.run(['doctor', '--json', ...args], { home });
  expect(stderr).toBe('');
  const { ok, findings } = reportShape.parse(JSON.parse(stdout));
  expect(code).toBe(ok ? 0 : 1);
  expect(ok).toBe(findings.every((finding) => finding.level !== 'fail'));
  return {
    ok,
    of: (check: string) => findings.filter((finding) => finding.check === check && finding.level !== 'ok'),
    findings,
  };
}

describe('herald doctor', () => {
  it('finds nothing broken in a fresh home, and says what it looked at', async () => {
    const { ok, findings } = await examine();
    expect(ok).toBe(true);
    expect(findings.map((finding) => finding.check)).toEqual(
      expect.arrayContaining(['node', 'home', 'config', 'gateway', 'database', 'disk', 'port', 'model']),
    );
    expect(findings.find((finding) => finding.check === 'model')).toMatchObject({
      level: 'warn',
      fix: expect.stringMatching(/herald setup/),
    });
  });

  it('tells without a gateway what the agent works with, and how to mend what is missing', async () => {
    const settings = {
      gateway: { port: 0 },
      browser: { executable: '/nowhere/chromium' },
      terminal: { sandbox: 'off' },
      mcp_servers: {
        there: { command: process.execPath, env: { KEY: 'secret-of-there' } },
        gone: { command: 'no-such-program' },
        off: { command: 'no-such-program', enabled: false },
        far: { url: 'https://mcp.example.com/mcp' },
      },
    };
    fs.writeFileSync(path.join(home, 'config.yaml'), JSON.stringify(settings), { mode: 0o600 });
    const { ok, of, findings } = await examine();
    expect(ok).toBe(false);
    expect(of('commands')).toEqual([
      expect.objectContaining({
        level: 'warn',
        message: expect.stringMatching(/WITHOUT a sandbox/),
        fix: expect.any(String),
      }),
    ]);
    expect(of('browser')).toEqual([
      expect.objectContaining({ level: 'warn', fix: 'herald config unset browser.executable' }),
    ]);
    expect(of('mcp')).toEqual([
      {
        check: 'mcp',
        level: 'fail',
        message: 'gone: there is no program no-such-program',
        fix: 'Install it, or correct it: herald config get mcp_servers.gone.command',
      },
    ]);
    expect(findings.filter(({ check }) => check === 'mcp').map(({ message }) => message.split(':')[0])).toEqual([
      'there',
      'gone',
      'far',
    ]);
    expect(JSON.stringify(findings)).not.toContain('secret-of-there');
  });

  it('tells folders and files that others can reach', async () => {
    fs.chmodSync(home, 0o777);
    fs.writeFileSync(path.join(home, '.env'), 'X_TOKEN=abc\n');
    fs.chmodSync(path.join(home, '.env'), 0o644);
    const { ok, of } = await examine();
    expect(ok).toBe(false);
    expect(of('home')[0]).toMatchObject({ level: 'fail', fix: `chmod 700 ${home}` });
    // Reading makes the file private by itself; that it was not is worth knowing.
    expect(of('config')[0]).toMatchObject({ level: 'warn', message: expect.stringMatching(/could be read by others/) });
    expect(fs.statSync(path.join(home, '.env')).mode & 0o777).toBe(0o600);
  });

  it('tells a home that is no folder', async () => {
    const file = path.join(home, 'file');
    fs.writeFileSync(file, '');
    const { code, stdout } = await commands.run(['doctor', '--json', '--home', file], { home });
    expect(code).toBe(1);
    expect(stdout).toMatch(/is not a folder/);
  });

  it('tells the line of a broken configuration, and goes on', async () => {
    fs.writeFileSync(path.join(home, 'config.yaml'), 'gateway:\n  prot: 1\n');
    const { of, findings } = await examine();
    expect(of('config')[0]).toMatchObject({
      level: 'fail',
      message: expect.stringMatching(/config\.yaml:2:3 gateway\.prot/),
    });
    expect(findings.some((finding) => finding.check === 'disk')).toBe(true);
  });

  it('tells a port that another program has', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const address = taken.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    try {
      fs.writeFileSync(path.join(home, 'config.yaml'), `gateway: {port: ${port}}\n`);
      const { of } = await examine();
      expect(of('port')[0]).toMatchObject({
        level: 'fail',
        fix: expect.stringMatching(/herald config set gateway\.port/),
      });
    } finally {
      await new Promise((resolve) => taken.close(resolve));
    }
  });

  it('calls the model with --deep only', async () => {
    fs.writeFileSync(
      path.join(home, 'config.yaml'),
      'gateway: {port: 0}\nmodel: {provider: custom, base_url: "http://127.0.0.1:9/v1", name: m}\n',
    );
    expect((await examine()).of('model')).toEqual([]);
    expect((await examine('--deep')).of('model')[0]).toMatchObject({
      level: 'fail',
      message: expect.stringMatching(/cannot be reached/),
    });
  });

  it('tells a service without its key', async () => {
    fs.writeFileSync(path.join(home, 'config.yaml'), 'gateway: {port: 0}\nmodel: {provider: openai}\n');
    expect((await examine()).of('model')[0]).toMatchObject({
      level: 'fail',
      message: expect.stringMatching(/OPENAI_API_KEY/),
    });
  });
});
