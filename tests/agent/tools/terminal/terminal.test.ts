// The tools `terminal` and `process`: what they say they would do, and what they do, on a real machine.
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { estimateTool } from '../../../../agent/context/tokens.ts';
import type { JobEvent } from '../../../../agent/terminal/job-watch.ts';
import { openTerminals, type Terminals } from '../../../../agent/terminal/terminals.ts';
import { machineKey, type AssessCommand } from '../../../../agent/tools/terminal/reach.ts';
import { ownerText, parseOwner } from '../../../../agent/tools/terminal/owner.ts';
import { plainOutput } from '../../../../agent/tools/terminal/render.ts';
import { makeTerminalTools } from '../../../../agent/tools/terminal/tools.ts';
import type { Assessment, Tool, ToolContext, ToolResult } from '../../../../agent/tools/tool.ts';
import { groupScope, personScope } from '../../../../data/scope.ts';
import { accountId, chatId, personId, sessionId, threadId } from '../../../../shared/ids.ts';
import { systemClock } from '../../../../shared/clock.ts';
import { silentLog } from '../../../../shared/log.ts';
import { openLocal, sandboxProblem, type LocalUnderTest } from '../../../support/terminal/local.ts';

const noSandbox = await sandboxProblem();
const address = { platform: 'demo', account: accountId('a'), chat: chatId('c'), kind: 'dm' as const };
const assessCommand: AssessCommand = (command, { cwd }) => ({
  ...(command.includes('mkfs') ? { forbidden: 'It formats a disk.' } : {}),
  grant: { title: command, key: `${command} in ${cwd}`, wide: false },
});

interface Desk {
  local: LocalUnderTest;
  terminals: Terminals;
  events: JobEvent[];
  tools: readonly Tool[];
}

async function openDesk(sandbox: 'off' | 'require'): Promise<Desk> {
  const local = await openLocal(sandbox);
  const events: JobEvent[] = [];
  const terminals = openTerminals({
    backend: local.backend,
    limits: {},
    notesDir: path.join(local.data, 'jobs'),
    events: { onEvent: (event) => Promise.resolve(void events.push(event)) },
    clock: systemClock,
    log: silentLog,
  });
  return { local, terminals, events, tools: makeTerminalTools({ terminals, assessCommand }) };
}

function prepare({ tools }: Pick<Desk, 'tools'>, name: string, args: unknown) {
  const prepared = tools.find((tool) => tool.name === name)?.prepare(args);
  if (prepared?.ok !== true) throw new Error(`${name}: ${prepared?.problem ?? 'no such tool'}`);
  return prepared.call;
}

function assess(desk: Desk, name: string, args: unknown): Assessment {
  return prepare(desk, name, args).assess({ role: 'owner', address, workspace: desk.local.workspace });
}

/** As the dispatcher would, with what the tools use. */
function call(desk: Desk, name: string, args: unknown, signal = new AbortController().signal): Promise<ToolResult> {
  const context: Pick<ToolContext, 'scope' | 'session' | 'address' | 'workspace' | 'signal' | 'clock'> = {
    scope: personScope(personId('ann')),
    session: sessionId('s1'),
    address,
    workspace: desk.local.workspace,
    signal,
    clock: systemClock,
  };
  return prepare(desk, name, args).execute(context as ToolContext);
}

describe('what calls say that they would do', () => {
  let open: Desk;
  beforeAll(async () => {
    open = await openDesk('off');
  });
  afterAll(async () => {
    await open.terminals.close();
    await open.local.close();
  });

  it('costs little in each request', () => {
    expect(open.tools.map((tool) => tool.name)).toEqual(['terminal', 'process']);
    expect(open.tools.reduce((sum, tool) => sum + estimateTool(tool.schema), 0)).toBeLessThanOrEqual(450);
  });

  it('names the machine and the network where nothing is kept apart', () => {
    expect(assess(open, 'terminal', { command: 'ls' })).toMatchObject({
      effect: 'once',
      touches: ['workspace', 'machine', 'network'],
    });
    expect(assess(open, 'process', { action: 'write', id: 'abcdef', data: 'x' })).toMatchObject({
      effect: 'once',
      touches: ['workspace', 'machine', 'network'],
    });
    expect(assess(open, 'process', { action: 'kill', id: 'abcdef' })).toMatchObject({
      effect: 'idempotent',
      touches: ['workspace', 'machine'],
    });
    for (const action of ['list', 'poll', 'log', 'wait'])
      expect(assess(open, 'process', { action })).toEqual({ effect: 'pure', touches: [] });
  });

  it('passes on what is never done, and what could be allowed, once the folder is known', async () => {
    expect(assess(open, 'terminal', { command: 'mkfs /dev/x' }).forbidden).toBe('It formats a disk.');
    expect(assess(open, 'terminal', { command: 'ls' }).grant).toBeUndefined();
    expect(assess(open, 'terminal', { command: 'ls', workdir: 'sub' }).grant?.key).toBe(
      `ls in ${open.local.workspace}/sub`,
    );
    await call(open, 'terminal', { command: 'mkdir -p deep && cd deep' });
    expect(assess(open, 'terminal', { command: 'ls' }).grant?.key).toBe(`ls in ${open.local.workspace}/deep`);
  });

  it('gives results as words of others, since the network is open', async () => {
    expect((await call(open, 'terminal', { command: 'echo hi' })).origin).toBe('foreign');
  });

  it('refuses arguments that do not go together', async () => {
    expect(await call(open, 'terminal', { command: 'ls', notify_on_complete: true })).toMatchObject({ isError: true });
    expect(await call(open, 'terminal', { command: 'ls', background: true, timeout: 5 })).toMatchObject({
      isError: true,
    });
    expect(await call(open, 'process', { action: 'poll' })).toMatchObject({ isError: true });
    await expect(call(open, 'process', { action: 'poll', id: '../..' })).rejects.toMatchObject({ code: 'not_found' });
    expect(open.tools[0]?.prepare({ command: 'ls', cwd: '/' }).ok).toBe(false);
  });
});

describe.skipIf(noSandbox !== undefined)(`in the sandbox ${noSandbox ?? ''}`, () => {
  let desk: Desk;
  beforeAll(async () => {
    desk = await openDesk('require');
  });
  afterAll(async () => {
    await desk.terminals.close();
    await desk.local.close();
  });

  it('touches the workspace only, and the network when asked for', () => {
    expect(assess(desk, 'terminal', { command: 'make' }).touches).toEqual(['workspace']);
    expect(assess(desk, 'terminal', { command: 'make', network: true }).touches).toEqual(['workspace', 'network']);
  });

  it('says how a command ended, where it is now, and what helps', async () => {
    expect(await call(desk, 'terminal', { command: 'echo hi' })).toEqual({
      text: 'hi',
      isError: false,
      origin: 'agent',
    });
    expect((await call(desk, 'terminal', { command: 'true' })).text).toBe('No output.');
    expect((await call(desk, 'terminal', { command: 'mkdir -p a; cd a; exit 3' })).text).toBe(
      `No output.\n[exit status 3; now in ${desk.local.workspace}/a]`,
    );
    const late = await call(desk, 'terminal', { command: 'cd ..; echo up; sleep 20', timeout: 1 });
    expect(late).toMatchObject({ isError: true });
    expect(late.text).toMatch(/^up\n\[stopped after 1 s.*use background/);
    const offline = await call(desk, 'terminal', { command: 'echo "Could not resolve host: x"; exit 6' });
    expect(offline.text).toContain('set network: true');
    const online = await call(desk, 'terminal', { command: 'echo hi', network: true });
    expect(online.origin).toBe('foreign');
  });

  it('stops with the turn', async () => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 300);
    await expect(call(desk, 'terminal', { command: 'sleep 30' }, controller.signal)).rejects.toMatchObject({
      code: 'cancelled',
    });
  });

  it('runs a job, tells whose it is when it ends, and shows it', async () => {
    const started = await call(desk, 'terminal', {
      command: 'read -r name; echo "hello $name"; exit 2',
      background: true,
      notify_on_complete: true,
      watch_patterns: ['hello'],
    });
    const id = /Started as ([0-9a-f]{6})/.exec(started.text)?.[1] ?? '';
    expect(assess(desk, 'process', { action: 'write', id, data: '' }).touches).toEqual(['workspace']);
    expect((await call(desk, 'process', { action: 'list' })).text).toMatch(
      new RegExp(`^${id}: running, started \\d+ s ago, 0 bytes of output: read -r name`),
    );
    expect((await call(desk, 'process', { action: 'write', id, data: 'world\n' })).text).toBe('Written.');
    expect(await call(desk, 'process', { action: 'wait', id })).toEqual({
      text: `hello world\n[${id}: ended with status 2]`,
      origin: 'agent',
    });
    expect((await call(desk, 'process', { action: 'poll', id })).text).toContain('No new output.');
    expect((await call(desk, 'process', { action: 'log', id, limit: 5 })).text).toContain('hello world');
    expect((await call(desk, 'process', { action: 'kill', id })).text).toContain('ended with status 2');
    await expect.poll(() => desk.events.length, { timeout: 10_000 }).toBe(2);
    expect(desk.events.map((event) => event.kind)).toEqual(['matched', 'exited']);
    for (const event of desk.events)
      expect(parseOwner(event.owner)).toMatchObject({ session: 's1', address, scope: { person: 'ann' } });
  });
});

describe('whose machine and whose job it is', () => {
  it('is one machine per person and per group', () => {
    const group = groupScope(personId('ann'), { ...address, kind: 'group' });
    const keys = [personScope(personId('ann')), personScope(personId('bob')), group].map(machineKey);
    expect(new Set(keys).size).toBe(3);
    expect(machineKey(groupScope(personId('bob'), { ...address, kind: 'group' }))).toBe(keys[2]);
    for (const key of keys) expect(key).toMatch(/^[a-z0-9-]{1,40}$/);
  });

  it('is read back as it was, and nothing else is', () => {
    const at = { ...address, thread: threadId('t') };
    const owner = { scope: personScope(personId('ann')), session: sessionId('s'), address: at };
    expect(parseOwner(ownerText(owner))).toEqual(owner);
    for (const text of ['', '{}', 'null', '{"person":1}']) expect(parseOwner(text)).toBeUndefined();
  });
});

describe('output', () => {
  it('is shown as it ended up on a screen', () => {
    expect(plainOutput('\u001b[31mred\u001b[0m\r\n10 %\r50 %\r100 %\ndone\r\n\n')).toBe('red\n100 %\ndone');
    expect(plainOutput('x'.repeat(5_000))).toMatch(/^x{2000}\[… 3000 more characters in this line\]$/);
    expect(plainOutput('a\r\r\nb')).toBe('a\nb');
  });
});
