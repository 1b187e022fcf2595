// Commands against a real gateway in a process of its own, over its socket; and the gateway's own life.
import fs from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  makeHome,
  requestSocket,
  startGatewayProcess,
  waitFor,
  type GatewayProcess,
} from '../support/gateway-process.ts';
import { MAIN } from '../support/built.ts';
import { removeHome, runCli } from './run-cli.ts';
import { openCommandRunner } from './run-command.ts';

const exportedShape = z.object({ id: z.string(), messages: z.array(z.object({ role: z.string(), text: z.string() })) });
const env = { OLLAMA_HOST: '127.0.0.1:9' };

describe('with a running gateway', () => {
  const commands = openCommandRunner();
  let home: string;
  let gateway: GatewayProcess;
  beforeAll(async () => {
    home = makeHome();
    gateway = await startGatewayProcess({ home, env });
  });
  afterAll(async () => {
    await commands.close();
    await gateway.kill('SIGKILL');
    removeHome(home);
  });
  const run = (args: readonly string[], input?: string) =>
    commands.run(args, { home, ...(input === undefined ? {} : { input }) });
  const runJson = async (...args: string[]): Promise<unknown> => JSON.parse((await run([...args, '--json'])).stdout);

  it('status tells the truth, in words and as JSON', async () => {
    expect(await runJson('status')).toMatchObject({
      pid: gateway.child.pid,
      url: gateway.url,
      home,
      model: { demo: true },
    });
    const { stdout, code } = await runCli(['status'], { home });
    expect(code).toBe(0);
    expect(stdout).toContain(gateway.url);
    expect(stdout).toMatch(/Terminal +default +online/);
  });

  it('asks once, and the answer is kept in the conversation', async () => {
    const asked = await run(['-c', 'remember that the key is under the mat']);
    expect([asked.code, asked.stderr]).toEqual([0, '']);
    expect(asked.stdout).toMatch(/Noted/);
    expect((await run(['chat', 'recall', 'mat'])).stdout).toMatch(/the key is under the mat/);
    expect(await runJson('chat', 'help')).toMatchObject({ answered: true });
    const [session] = (await runJson('sessions', 'list')) as { id: string; messages: number }[];
    expect(session?.messages).toBeGreaterThanOrEqual(4);
    expect((await run(['sessions', 'search', 'mat'])).stdout).toMatch(/under the mat/);
    expect(await runJson('usage')).toMatchObject({ models: [{ provider: 'demo' }] });
  });

  it('sends from arguments, standard input and a file, and says where', async () => {
    await run(['-c', 'hello']);
    const sent = (await runJson('send', 'to', 'myself')) as { target: string; state: string };
    expect(sent).toMatchObject({ target: 'terminal:local', state: 'sent' });
    expect((await run(['send', '-q'], 'piped text')).stdout).toBe('');
    const file = path.join(home, 'text.txt');
    fs.writeFileSync(file, 'text of a file');
    expect((await run(['send', '-f', file, '-t', 'terminal'])).stdout).toBe('Sent to terminal:local.\n');
    expect((await run(['send', '-f', '-', '-t', 'terminal:local'], 'dash')).code).toBe(0);
    expect((await run(['targets'])).stdout).toMatch(/^terminal:local /);
  });

  it('refuses what cannot be sent', async () => {
    expect((await run(['send'], '')).code).toBe(2);
    expect((await run(['send', 'x', '-f', 'y'])).code).toBe(2);
    expect((await run(['send', '-f', '/nonexistent'])).code).toBe(2);
    const unknown = await run(['send', '-t', 'nowhere', 'x']);
    expect([unknown.code, unknown.stderr]).toEqual([5, expect.stringMatching(/Known: terminal:local/)]);
  });

  it('exports in every form, to a file too', async () => {
    await run(['-c', 'export me']);
    expect((await run(['sessions', 'export'])).stdout).toMatch(/\*\*\S+\*\* \d{4}[^]*export me/);
    const lines = (await run(['sessions', 'export', '--format', 'jsonl'])).stdout.trimEnd().split('\n');
    for (const line of lines) expect(exportedShape.parse(JSON.parse(line)).messages.length).toBeGreaterThan(0);
    const file = path.join(home, 'export.json');
    expect((await run(['sessions', 'export', '--format', 'json', '-o', file])).code).toBe(0);
    expect(fs.statSync(file).mode & 0o777).toBe(0o600);
    expect(JSON.parse(fs.readFileSync(file, 'utf8'))).toHaveLength(lines.length);
  });

  it('deletes a conversation only after a yes', async () => {
    await run(['chat', '--new', 'a secret plan']);
    const [session] = (await runJson('sessions', 'list')) as { id: string }[];
    const id = session?.id ?? '';
    expect((await run(['sessions', 'delete', id])).code).toBe(2);
    expect((await run(['sessions', 'show', id])).stdout).toMatch(/a secret plan/);
    expect((await run(['sessions', 'delete', id, '--yes'])).code).toBe(0);
    expect((await run(['sessions', 'show', id])).code).toBe(5);
  });

  it('makes an owner link to its page', async () => {
    expect((await run(['pairing', 'link'])).stdout).toMatch(new RegExp(`${gateway.url}/#link=[A-Z2-9]{8}\\b`));
    expect((await run(['pairing', 'approve', 'web', 'AAAABBB2'])).code).toBe(5);
    expect((await run(['pairing', 'list'])).stdout).toMatch(/terminal/);
  });

  it('backs up a database that opens', async () => {
    const file = path.join(home, 'copy', 'herald.db');
    expect((await run(['backup', file])).code).toBe(0);
    const copy = path.join(home, 'copy');
    expect((await commands.run(['sessions', 'list'], { home: copy })).stdout).toMatch(/messages/);
  });

  it('takes a new model at once, and says so in status', async () => {
    expect((await run(['config', 'set', 'agent.max_iterations', '7'])).stdout).toMatch(/running gateway uses it now/);
    fs.writeFileSync(path.join(home, 'config.yaml'), 'gateway: {port: 0}\nagent: {max_iterations: many}\n');
    const refused = await run(['reload']);
    expect([refused.code, refused.stderr]).toEqual([4, expect.stringMatching(/agent\.max_iterations/)]);
    fs.writeFileSync(path.join(home, 'config.yaml'), 'gateway: {port: 0}\n');
    expect((await run(['reload'])).code).toBe(0);
  });

  it('is healthy for the doctor', async () => {
    const doctor = (await runJson('doctor')) as { ok: boolean; findings: { check: string; level: string }[] };
    expect(doctor.ok).toBe(true);
    expect(doctor.findings.find((finding) => finding.check === 'port')?.level).toBe('ok');
  });

  it('tells the size of its prompt', async () => {
    const bill = (await runJson('prompt-size')) as { total: number; parts: { tokens: number }[] };
    expect(bill.total).toBe(bill.parts.reduce((sum, part) => sum + part.tokens, 0));
    expect(bill.total).toBeGreaterThan(100);
    expect(bill.total).toBeLessThan(3_000);
  });
});

describe("the gateway's life", () => {
  let home: string;
  beforeEach(() => {
    home = makeHome();
  });
  afterEach(() => removeHome(home));

  it('prints a link for the first owner, and ends with 0 on Ctrl-C', async () => {
    const gateway = await startGatewayProcess({ home, env });
    await waitFor('the banner', () => gateway.output().includes('Stop with Ctrl-C'));
    expect(gateway.output()).toMatch(new RegExp(`${gateway.url}/#link=[A-Z2-9]{8}`));
    gateway.child.kill('SIGINT');
    expect(await gateway.ended).toBe(0);
    expect((await runCli(['status'], { home })).code).toBe(3);
    expect((await runCli(['logs'], { home })).stdout).toMatch(/gateway started/);
  });

  it('starts anew on restart in the same process, ends with 0 on stop, and the commands wait for it', async () => {
    const gateway = await startGatewayProcess({ home, env });
    const restarted = await runCli(['restart'], { home });
    expect([restarted.code, restarted.stdout]).toEqual([0, 'The gateway has started anew.\n']);
    expect((await runCli(['status'], { home })).stdout).toContain(`process ${gateway.child.pid}`);
    const stopped = await runCli(['stop'], { home });
    expect([stopped.code, stopped.stdout]).toEqual([0, 'The gateway has stopped.\n']);
    expect(await gateway.ended).toBe(0);
  });

  it('ends with 75 on restart where nothing can replace the process', async () => {
    const entry = [MAIN, 'start'];
    const gateway = await startGatewayProcess({ home, env, entry });
    await requestSocket(gateway.socket, { path: '/control/restart', body: {} });
    expect(await gateway.ended).toBe(75);
  });

  it('ends with 78 on a configuration that cannot work, naming file and line', async () => {
    fs.writeFileSync(path.join(home, 'config.yaml'), 'gateway:\n  port: many\n');
    const { code, stderr } = await runCli(['start'], { home });
    expect(code).toBe(78);
    expect(stderr).toMatch(/^herald: config_invalid: [^]*config\.yaml:2:9 gateway\.port/);
  });

  it('names the process that owns the data already', async () => {
    const gateway = await startGatewayProcess({ home, env });
    const { code, stderr } = await runCli(['start', '-p', '0'], { home });
    expect([code, stderr]).toEqual([1, expect.stringContaining(`process ${gateway.child.pid}`)]);
    await gateway.kill('SIGKILL');
  });

  it('runs inside `herald -c` when none runs, ends with it, and leaves the data to others', async () => {
    const asked = await runCli(['-c', 'what time is it?'], { home });
    expect([asked.code, asked.stderr]).toEqual([0, '']);
    expect(asked.stdout).toMatch(/\d{4}/);
    expect((await runCli(['status'], { home })).code).toBe(3);
    expect((await runCli(['sessions', 'list'], { home })).stdout).toMatch(/2 messages|4 messages|3 messages/);
  });

  it('answers two questions that are asked at the same time, each once', async () => {
    const both = await Promise.all(['one', 'two'].map((text) => runCli(['-c', `say ${text}`], { home })));
    expect(both.map((result) => result.code)).toEqual([0, 0]);
    // They share a chat: whichever comes second may be told that it waits for the first.
    for (const { stderr } of both) expect(stderr).toMatch(/^(Got it: I will answer this next\..*\n)?$/);
  });
});
