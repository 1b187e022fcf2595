// Scripts that call the tools of their turn: policy, approvals, words of others, the journal over restarts.
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AgentEvent } from '../../../../agent/events.ts';
import { openTurnJournal } from '../../../../agent/journal.ts';
import { openCheckpoints } from '../../../../agent/checkpoints/checkpoints.ts';
import { estimateTool } from '../../../../agent/context/tokens.ts';
import { openSeenAddresses } from '../../../../agent/policy/seen.ts';
import { makeCodeTools } from '../../../../agent/tools/code/execute-code.ts';
import { codeSchema } from '../../../../agent/tools/code/config.ts';
import { makeDispatcher, type DispatcherInput } from '../../../../agent/tools/dispatcher.ts';
import type { Tool, ToolDefinition } from '../../../../agent/tools/tool.ts';
import { decideApproval } from '../../../../data/policy/approvals.ts';
import { listSteps } from '../../../../data/journal.ts';
import type { Turn } from '../../../../data/process/turns.ts';
import { systemClock } from '../../../../shared/clock.ts';
import { silentLog } from '../../../../shared/log.ts';
import type { Role } from '../../../../shared/messages.ts';
import {
  DM,
  makeCall,
  makePorts,
  makeTestTool,
  openHome,
  runTurnOnce,
  startTurn,
  textOf,
  type Home,
} from '../../fixture.ts';
import { NO_SANDBOX, fenceProblem, sandbox } from '../../code/script-bench.ts';

const fence = { skip: fenceProblem !== undefined };

class Killed extends Error {}

let home: Home;
let turn: Turn;
let ran: string[];
/** Journal writes of this life, and the one at which the process dies. */
let life: { seen: number; dieAt: number; dead: boolean };
beforeEach(async () => {
  life = { seen: 0, dieAt: Infinity, dead: false };
  ran = [];
  home = await openHome({
    observe(_when, sql) {
      if (life.dead) throw new Killed('dead');
      if (!sql.startsWith('insert into "journal"') || ++life.seen !== life.dieAt) return;
      life.dead = true;
      throw new Killed('killed');
    },
  });
  turn = await startTurn(home);
});
afterEach(() => home.close());

function codeTools(extra: Partial<Parameters<typeof makeCodeTools>[0]> = {}): readonly Tool[] {
  return makeCodeTools({ sandbox, hidden: [home.dir], settings: codeSchema.parse({}), ...extra });
}

const play = (name: string, extra: Partial<ToolDefinition<unknown>> = {}) =>
  makeTestTool(name, {
    execute: async (args) => {
      ran.push(`${name} ${JSON.stringify(args)}`);
      return { text: `${name} did ${JSON.stringify(args)}` };
    },
    ...extra,
  });

function makeTools(): readonly Tool[] {
  return [
    ...codeTools(),
    play('look'),
    play('rare', { isRare: true }),
    play('post', { effect: 'once', touches: ['people'] }),
    play('web', { origin: 'foreign' }),
    play('send_message', { effect: 'once' }),
    play('fail', {
      execute: async () => {
        throw new Error('it went wrong');
      },
    }),
    play('picture', {
      execute: async () => ({
        text: 'a picture',
        files: [{ kind: 'image', path: '/p.png', name: 'p.png', mime: 'image/png', bytes: 1 }],
      }),
    }),
  ];
}

interface SetUp {
  resumed?: boolean;
  role?: Role;
  tools?: readonly Tool[];
  signal?: AbortSignal;
  /** What the person answers; default: nothing, until it expires. */
  answer?: 'allow' | 'deny' | 'late';
}

async function setUp({ resumed = false, role = 'owner', tools = makeTools(), signal, answer }: SetUp = {}) {
  const asked: string[] = [];
  const events: AgentEvent[] = [];
  const origins: DispatcherInput['origins'] = new Set(['owner']);
  const ports = makePorts({
    async requestApproval(approval) {
      asked.push(`${approval.tool} ${approval.arguments}`);
      if (answer === 'late') await new Promise((resolve) => setTimeout(resolve, 1_300));
      if (answer !== undefined)
        await decideApproval(home.db, home.scope, approval.id, { allow: answer !== 'deny', reason: 'not now' });
    },
  });
  const dispatcher = makeDispatcher({
    tools,
    journal: await openTurnJournal(home.db, home.scope, turn.id, resumed),
    approvals: ports,
    policy: { mode: 'manual', rules: [], seen: openSeenAddresses(), sign: (hash) => hash },
    context: {
      ...ports,
      db: home.db,
      clock: systemClock,
      scope: home.scope,
      role,
      session: home.session.id,
      turn: turn.id,
      address: DM,
      timezone: 'UTC',
      workspace: `${home.dir}/workspaces/one`,
      tree: { root: turn.id, task: undefined, name: 'Herald', depth: 0 },
    },
    origins,
    limits: { timeoutMs: 5_000, maxResultChars: 50_000, approvalTtlMs: 5_000 },
    redact: (text) => text.replaceAll('hunter2', '***'),
    emit: (event) => void events.push(event),
    log: silentLog,
    signal: signal ?? new AbortController().signal,
  });
  return {
    asked,
    events,
    origins,
    dispatcher,
    run: (code: string, extra: { timeout_s?: number } = {}) =>
      dispatcher.run('t1.c', makeCall('execute_code', { language: 'javascript', code, ...extra }, 'c')),
  };
}

describe('a script', fence, () => {
  it('calls tools of the turn, whose results stay out of the conversation', async () => {
    const code = `const all = await Promise.all([1, 2, 3].map((n) => tools.look({ n })));
      print(all.map((text) => text.length)); print(await tools.rare({}).then((text) => text.length));`;
    const call = makeCall('use_tool', { name: 'execute_code', arguments: { language: 'javascript', code } });
    const { result, requests, events } = await runTurnOnce(home, [{ toolCalls: [call] }, { text: 'Done.' }], {
      agent: { tools: makeTools() },
    });
    expect(result).toMatchObject({ end: 'done', text: 'Done.' });
    expect(textOf(requests[1])).toContain('[ 16, 16, 16 ]\n11\n[4 calls]');
    expect(textOf(requests[1])).not.toContain('look did');
    expect(ran.toSorted()).toEqual(['look {"n":1}', 'look {"n":2}', 'look {"n":3}', 'rare {}']);
    const shown = events.flatMap((event) => (event.type === 'tool_start' ? [event.name] : []));
    expect(shown).toEqual(['execute_code', 'look', 'look', 'look', 'rare']);
  });

  it('gets errors as exceptions, secrets masked, and no tool that is not for scripts', async () => {
    const { run } = await setUp();
    const outcome = await run(
      `for (const name of ['fail', 'no_such', 'send_message', 'execute_code', 'use_tool'])
         await tools[name]({}).catch((error) => print(error.message.split('.')[0]));
       print(await tools.look({ word: 'hunter2' }));`,
    );
    expect(outcome).toMatchObject({ isError: false, origin: 'agent' });
    expect(outcome.text).toBe(
      [
        'fail failed: Error: it went wrong',
        ...['no_such', 'send_message', 'execute_code', 'use_tool'].map(
          (name) => `Scripts cannot call a tool "${name}"`,
        ),
        'look did {"word":"***"}',
        '[6 calls]',
      ].join('\n'),
    );
  });

  it('hands files that its tools made on to the person', async () => {
    const { run } = await setUp();
    expect(await run('await tools.picture();')).toMatchObject({
      text: 'Nothing was printed.\n[1 call]',
      files: [{ path: '/p.png' }],
    });
  });

  it('that fails or takes too long is an error, and says what was cut off', async () => {
    const { run } = await setUp({
      tools: [...codeTools(), play('post', { effect: 'once', execute: () => new Promise(() => {}) })],
    });
    const outcome = await run("print('begun'); await tools.post({});", { timeout_s: 1 });
    expect(outcome.isError).toBe(true);
    expect(outcome.text).toMatch(
      /^begun\n\[the script was stopped: it took longer than 1 s; 1 call; cut off, and possibly done: post;/,
    );
  });

  it('changes files that /undo puts back, whatever its tools keep between', async () => {
    const checkpoints = openCheckpoints({
      dir: path.join(home.dir, 'checkpoints'),
      clock: systemClock,
      log: silentLog,
    });
    const workspace = path.join(home.dir, 'workspaces', 'one');
    fs.mkdirSync(workspace, { recursive: true });
    fs.writeFileSync(path.join(workspace, 'a.txt'), 'before');
    fs.writeFileSync(path.join(workspace, 'b.txt'), 'before');
    const shell = play('shell', {
      effect: 'once',
      touches: ['workspace'],
      async execute(_args, { turn: id, scope }) {
        await checkpoints.snapshotTree(id, scope.space, workspace);
        await checkpoints.settle(id);
        return { text: 'ran' };
      },
    });
    const { run } = await setUp({ tools: [...codeTools({ checkpoints }), shell] });
    const outcome = await run(
      `import fs from 'node:fs'; fs.writeFileSync('a.txt', 'after'); await tools.shell({}); fs.writeFileSync('b.txt', 'after');`,
    );
    expect(outcome).toMatchObject({ isError: false });
    expect(fs.readFileSync(path.join(workspace, 'b.txt'), 'utf8')).toBe('after');
    await checkpoints.undo(home.scope.space, turn.id);
    for (const name of ['a.txt', 'b.txt']) expect(fs.readFileSync(path.join(workspace, name), 'utf8')).toBe('before');
  });

  it('makes 50 calls at most', async () => {
    const { run } = await setUp();
    const outcome = await run(
      'let n = 0; try { for (;;) { await tools.look({ n }); n++; } } catch (e) { print(n, e.message); }',
    );
    expect(outcome.text).toBe('50 A script may make 50 calls. This one was not made.\n[50 calls]');
    expect(ran).toHaveLength(50);
  });
});

describe('policy', fence, () => {
  const code = `await tools.post({ n: 1 });
    await tools.web({});
    print(await tools.post({ n: 2 }).catch((error) => error.message));`;

  it('asks for a call that sends something once words of others were read by the script', async () => {
    const { run, asked, origins } = await setUp({ answer: 'allow' });
    const outcome = await run(code);
    expect(asked).toEqual(['post {"n":2}']);
    expect(outcome).toMatchObject({ text: 'post did {"n":2}\n[3 calls]', origin: 'foreign' });
    expect(origins.has('foreign')).toBe(true);
  });

  it('a refusal reaches the script', async () => {
    const { run } = await setUp({ answer: 'deny' });
    expect((await run(code)).text).toContain('The person said no: not now. It was not run');
    expect(ran).toEqual(['post {"n":1}', 'web {}']);
  });

  it('the time that the person takes does not count', async () => {
    const { run } = await setUp({ answer: 'late' });
    expect(await run(code, { timeout_s: 1 })).toMatchObject({ text: 'post did {"n":2}\n[3 calls]' });
  });

  it('a call that still waits for the person when its script ends is not run', async () => {
    const { run } = await setUp({ answer: 'late' });
    const outcome = await run(
      'await tools.web({}); tools.post({}).catch(() => {}); setTimeout(() => process.exit(0), 300);',
    );
    expect(outcome.text).toMatch(/cut off, and possibly done: post/);
    expect(ran).not.toContain('post {}');
  });

  it('lets guests do nothing', async () => {
    const { run } = await setUp({ role: 'guest' });
    expect((await run('print(1)')).text).toContain('Guests may read');
  });
});

describe('without a sandbox', () => {
  const open = () => codeTools({ sandbox: NO_SANDBOX });

  it('is for owners and admins, who are asked first', async () => {
    const [tool] = open();
    expect(tool?.available({ role: 'member', address: DM })).toBe(false);
    const { run, asked } = await setUp({ tools: [...open(), play('look')], answer: 'allow' });
    const outcome = await run('print(await tools.look({}));');
    expect(asked).toHaveLength(1);
    expect(outcome).toMatchObject({ text: 'look did {}\n[1 call]', origin: 'foreign' });
  });

  it('a script that a restart cut off is not run again', async () => {
    const journal = await openTurnJournal(home.db, home.scope, turn.id, false);
    await journal.startTool('t1.c', makeCall('execute_code'), 'once');
    const { run } = await setUp({ tools: open(), resumed: true, answer: 'allow' });
    expect((await run('print(1)')).text).toContain('Whether it took effect is unknown');
  });
});

describe('a restart', fence, () => {
  const code = `for (const n of [2, 3]) print(await tools.post({ n }).catch((error) => error.message));`;

  it('at any journal write: nothing that must happen once happens twice, and the script is told the same', async () => {
    const whole = await setUp();
    const reference = await whole.run(code);
    expect(reference.text).toBe('post did {"n":2}\npost did {"n":3}\n[2 calls]');
    const writes = life.seen;
    expect(writes).toBe(6 * 2);
    const unknown: number[] = [];
    // Each write is seen before and after it.
    for (let dieAt = 1; dieAt <= writes; dieAt++) {
      turn = await startTurn({ ...home, session: home.session });
      await home.db.query.deleteFrom('journal').execute();
      ran = [];
      Object.assign(life, { seen: 0, dieAt, dead: false });
      const first = await setUp().catch(() => undefined);
      await first?.run(code).catch(() => undefined);
      expect(life.dead).toBe(true);
      Object.assign(life, { seen: 0, dieAt: Infinity, dead: false });
      const second = await setUp({ resumed: true });
      const { text } = await second.run(code);
      const posts = ran.filter((one) => one.startsWith('post'));
      expect(new Set(posts).size).toBe(posts.length);
      if (text === reference.text) expect(posts).toHaveLength(2);
      else {
        expect(text).toMatch(/Whether it took effect is unknown/);
        unknown.push(dieAt);
      }
    }
    // Between the beginning and the end of each post.
    expect(unknown.length).toBeGreaterThan(0);
    expect(unknown.length).toBeLessThanOrEqual(6);
  });

  it('ends a script that takes another way', async () => {
    const controller = new AbortController();
    const post = play('post', {
      effect: 'once',
      execute: async () => {
        controller.abort(new Error('the power is gone'));
        return { text: 'late' };
      },
    });
    const other = 'await tools.look({}); await tools.post({ at: Math.random() });';
    const first = await setUp({ tools: [...codeTools(), play('look'), post], signal: controller.signal });
    await expect(first.run(other)).rejects.toMatchObject({ code: 'cancelled' });
    const keys = (await listSteps(home.db, home.scope, turn.id)).map(({ key }) => key);
    expect(keys[0]).toBe('t1.c');
    expect(keys[1]).toMatch(/^t1\.c\/1\.[0-9a-f]{16}$/);
    const second = await setUp({ resumed: true });
    const outcome = await second.run(other);
    expect(outcome.isError).toBe(true);
    expect(outcome.text).toContain('the script then took another way: its call 2 is not the one that it made before');
    expect(ran).toEqual(['look {}']);
  });
});

describe('the tool', () => {
  it('is rare, and small', () => {
    for (const [tool] of [codeTools(), codeTools({ sandbox: NO_SANDBOX })]) {
      expect(tool?.isRare).toBe(true);
      expect(tool && estimateTool(tool.schema)).toBeLessThanOrEqual(150);
    }
  });

  it('says what is wrong with its arguments', async () => {
    const { dispatcher } = await setUp();
    const outcome = await dispatcher.run('t1.c', makeCall('execute_code', { language: 'perl', code: '1' }));
    expect(outcome.text).toMatch(/Wrong arguments for execute_code: language/);
  });
});
