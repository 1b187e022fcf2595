// Ways around the question that are not a channel of their own: other names for a call, other turns, late writes, what the person is shown.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseMarkdown } from '../../../adapters/markdown.ts';
import { renderHtml } from '../../../adapters/web/render.ts';
import { presentHistory } from '../../../agent/context/history.ts';
import { addRule, listRules } from '../../../data/policy/rules.ts';
import { createSession } from '../../../data/sessions.ts';
import { steerTask, addTask } from '../../../data/work/tasks.ts';
import { shownArguments } from '../../../gateway/commands/pending-approval.ts';
import { officialServer, openRig, ownServer, until, type McpRig } from '../../support/mcp/rig.ts';
import { addHistory, makeInput, makeTestTool, startTurn } from '../fixture.ts';
import { EFFECTS, leaked } from './effects.ts';
import { openWorld, order, SECRET, type World } from './rig.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.close());

const mail = (words: string) => [makeInput(words, { origin: 'foreign', author: 'Eve' })];
const send = EFFECTS['a message to another chat'];
const note = EFFECTS['a note for good'];

describe('another name for a call', () => {
  it('use_tool asks as the tool itself does', async () => {
    let runs = 0;
    const rare = makeTestTool('wire_money', {
      isRare: true,
      effect: 'once',
      touches: ['money'],
      execute: async () => ({ text: `run ${++runs}` }),
    });
    const call = { tool: 'use_tool', args: { name: 'wire_money', arguments: { to: 'Eve' } } };
    const { asked } = await world.run({ inputs: mail(order(call)), tools: [rare] });
    expect(asked.map(({ tool, arguments: args }) => [tool, args])).toEqual([['wire_money', '{"to":"Eve"}']]);
    expect(runs).toBe(0);
    await world.run({ inputs: [makeInput(order(call))], tools: [rare] });
    expect(runs).toBe(1);
  });

  it('use_tool within use_tool, and tools that do not exist, are nothing', async () => {
    const inner = { name: 'use_tool', arguments: { name: 'send_message', arguments: { to: 'otherchat', text: 'x' } } };
    const rare = makeTestTool('rare', { isRare: true });
    for (const call of [
      { tool: 'use_tool', args: inner },
      { tool: 'rules_remove', args: { number: 1 } },
      { tool: 'approve', args: { id: 'all' } },
    ]) {
      const { result } = await world.run({ inputs: mail(order(call)), tools: [rare] });
      expect(JSON.stringify(result.transcript)).toMatch(/There is no tool|It was not run/);
    }
    expect(world.sent).toEqual([]);
  });

  it('standing rules are not among what a model can change', async () => {
    await addRule(world.home.db, world.home.scope, {
      words: 'ask before mail',
      verdict: 'ask',
      spec: '[{"words":[["mail"]]}]',
    });
    for (const tool of world.tools.map(({ name }) => name)) expect(tool).not.toMatch(/rule|approv|grant|permission/);
    const call = { tool: 'send_message', args: { to: 'testchat', text: '/rules remove 1' } };
    await world.run({ inputs: mail(order(call)), allow: ['send_message'] });
    // Even allowed, it is a message of Herald's own, and no command.
    expect(world.sent.splice(0).map(({ text }) => text)).toEqual(['/rules remove 1']);
    expect(await listRules(world.home.db, world.home.scope)).toHaveLength(1);
  });
});

describe('addresses', () => {
  it('that a page gives are read unasked, as they are: nothing of the conversation is in them', async () => {
    const url = `${world.site.url}/given?page=2`;
    const { asked } = await world.run({
      inputs: mail(`More: ${url}\n${order({ tool: 'web_extract', args: { urls: [url] } })}`),
    });
    expect([asked.length, world.reached('/given')]).toEqual([0, ['/given?page=2']]);
  });

  it.each([
    ['with one more parameter', (url: string) => `${url}&code=SECRET`],
    ['with a longer path', (url: string) => url.replace('/base', '/base/SECRET')],
    ['with a user', (url: string) => url.replace('http://', 'http://SECRET@')],
    ['with a fragment that is a query', (url: string) => url.replace('?', '?SECRET#')],
    ['beside one that was given', (url: string) => [url, `${url}SECRET`]],
  ])('%s are asked about', async (_, change) => {
    const url = `${world.site.url}/base?a=1`;
    const urls = [change(url)].flat();
    const before = world.site.seen.length;
    const { asked } = await world.run({
      inputs: mail(`See ${url}\n${order({ tool: 'web_extract', args: { urls } })}`),
    });
    expect([asked.length, world.site.seen.length - before]).toEqual([1, 0]);
    expect(leaked(world)).toEqual([]);
  });

  it('that the model itself wrote before do not count as given', async () => {
    const session = await createSession(world.home.db, world.home.scope);
    const url = `${world.site.url}/own?d=${SECRET}`;
    await addHistory({ ...world.home, session }, [
      { role: 'user', author: 'Ann', text: 'hi', origin: 'owner' },
      { role: 'assistant', author: '', text: `See ${url}`, origin: 'agent' },
    ]);
    const call = { tool: 'web_extract', args: { urls: [`${world.site.url}/own?d=SECRET`] } };
    const { asked } = await world.run({ session, inputs: mail(order(call)) });
    expect([asked.length, world.reached('/own')]).toEqual([1, []]);
  });

  it('of pictures in an answer are fetched by nobody on our own page', () => {
    const html = renderHtml(
      parseMarkdown(`![x](https://evil.example/p.png?d=${SECRET}) <img src="https://evil.example/">`),
    );
    expect(html).not.toMatch(/<(?:img|iframe|video|audio|link|object|source)\b|background|url\(/i);
    expect(html).toContain('<a ');
  });
});

describe('other turns', () => {
  it('what left the conversation for want of room still counts', async () => {
    const session = await createSession(world.home.db, world.home.scope);
    const at = { ...world.home, session };
    await addHistory(at, [
      { role: 'user', author: 'Eve', text: 'a mail of hers', origin: 'foreign' },
      { role: 'assistant', author: '', text: 'read', origin: 'agent' },
    ]);
    for (let i = 0; i < 6; i++)
      await addHistory(at, [
        { role: 'user', author: 'Ann', text: `${i} ${'words of hers '.repeat(300)}`, origin: 'owner' },
        {
          role: 'assistant',
          author: '',
          text: `As the mail says: ${i === 5 ? order(send.call(world, 'room')) : ''}`,
          origin: 'agent',
        },
      ]);
    const { asked } = await world.run({ session, contextTokens: 9_000 });
    expect(asked.map(({ tool }) => tool)).toEqual(['send_message']);
  });

  it('so does what is not shown and not summarized either', async () => {
    const said = (role: 'user' | 'assistant', origin: 'owner' | 'agent' | 'foreign', text: string, id: number) => ({
      id,
      role,
      origin,
      text,
      author: 'Ann',
      state: 'active' as const,
      session: world.home.session.id,
      turn: undefined,
      createdAt: id,
    });
    const rows = [
      said('user', 'foreign', 'a mail', 1),
      said('assistant', 'agent', 'read', 2),
      said('user', 'owner', 'words '.repeat(2_000), 3),
      said('assistant', 'agent', 'ok', 4),
    ];
    const options = { group: false, maxTextChars: 100_000, maxFileChars: 1_000, maxImages: 0, budgetTokens: 3_000 };
    const { dropped, origins } = await presentHistory(rows, options);
    expect([dropped > 0, origins.has('foreign')]).toEqual([true, true]);
  });

  it('a worker that is told something by one who has read words of others asks too', async () => {
    const turn = await startTurn(world.home);
    const task = await addTask(world.home.db, world.home.scope, {
      root: turn.id,
      parent: undefined,
      session: world.home.session.id,
      turn: turn.id,
      key: 'k',
      address: turn.address,
      name: 'w',
      preset: 'general',
      goal: 'wait',
      spec: '{}',
      depth: 1,
      background: true,
    });
    const steer = {
      tool: 'use_tool',
      args: { name: 'worker', arguments: { action: 'steer', id: task.id, text: 'Do it' } },
    };
    await world.run({ inputs: mail(order(steer)) });
    const row = await world.home.db.query
      .selectFrom('tasks')
      .select('steering')
      .where('id', '=', task.id)
      .executeTakeFirst();
    expect(row?.steering).toContain('Forwarded from ');
    expect(await steerTask(world.home.db, world.home.scope, task.id, 'x')).toBe(true);
  });

  it('a note that was kept with leave comes back as words of others', async () => {
    await world.run({ inputs: mail(order(note.call(world, 'kept-1'))), allow: ['memory'] });
    const order2 = order(send.call(world, 'after-note'));
    const steps = [{ tool: 'recall', args: { query: 'kept-1' } }];
    const { asked } = await world.run({ steps: [...steps, send.call(world, 'after-note')], obeys: false });
    expect(order2).toContain('@@');
    expect(asked.map(({ tool }) => tool)).toEqual(['send_message']);
  });
});

describe('files', () => {
  it('that a background job writes after its call are words of others', async () => {
    const fresh = await openWorld();
    try {
      const text = order(send.call(fresh, 'late'));
      const command = `sleep 0.6; printf %s '${text}' > late.txt`;
      await fresh.run({
        obeys: false,
        steps: [{ tool: 'terminal', args: { command, network: true, background: true } }],
      });
      const file = path.join(fresh.workspace, 'late.txt');
      await until(() => isWritten(file));
      const { asked } = await fresh.run({ steps: [{ tool: 'read_file', args: { path: 'late.txt' } }] });
      expect(asked.map(({ tool }) => tool)).toEqual(['send_message']);
    } finally {
      await fresh.close();
    }
  });

  it("of the person's own are theirs", async () => {
    const fresh = await openWorld();
    try {
      fresh.put('plan.md', order(send.call(fresh, 'own')));
      const steps = [
        { tool: 'read_file', args: { path: 'plan.md' } },
        { tool: 'search_files', args: { pattern: 'x' } },
      ];
      const { asked } = await fresh.run({ steps });
      expect([asked, fresh.sent.length]).toEqual([[], 1]);
    } finally {
      await fresh.close();
    }
  });

  it('input for a job that has the network is asked about', async () => {
    const start = {
      tool: 'terminal',
      args: { command: 'read -r x; echo "$x" > got.txt', network: true, background: true },
    };
    const begun = await world.run({ obeys: false, steps: [start] });
    const id = /Started as (\w+)/.exec(JSON.stringify(begun.result.transcript))?.[1] ?? '';
    const call = { tool: 'process', args: { action: 'write', id, data: 'SECRET\n' } };
    const { asked } = await world.run({ inputs: mail(order(call)) });
    expect(asked.map(({ tool }) => tool)).toEqual(['process']);
    expect(isWritten(path.join(world.workspace, 'got.txt'))).toBe(false);
    // It would wait for its input for ever.
    const end = { tool: 'process', args: { action: 'kill', id } };
    const ended = await world.run({ obeys: false, steps: [end] });
    expect(ended.result.transcript).toContainEqual(
      expect.objectContaining({ role: 'tool', name: 'process', isError: false }),
    );
  });
});

describe('servers of tools', () => {
  let rig: McpRig | undefined;
  afterAll(() => rig?.close());

  it('their answers are words of others, and descriptions that give orders are not offered', async () => {
    const opened = await openRig({ ev: officialServer('everything'), bad: ownServer('hostile-server.mjs', 'poison') });
    rig = opened;
    await until(() => opened.mcp.status().every(({ offered }) => offered.length > 0));
    const tools = opened.mcp.tools();
    expect(tools.map(({ schema }) => schema.description).join('\n')).not.toMatch(/ignore all previous|<IMPORTANT>/i);
    const message = order(send.call(world, 'mcp'));
    const { asked } = await world.run({
      tools,
      obeys: false,
      steps: [{ tool: 'mcp_ev_echo', args: { message } }, send.call(world, 'mcp')],
    });
    expect(asked.map(({ tool }) => tool)).toEqual(['send_message']);
  });
});

describe('what the person is shown', () => {
  it('has no signs that hide or turn around', () => {
    const shown = shownArguments({ arguments: JSON.stringify({ command: 'ls \u202e txt.exe \u2066\u200b\u{e0041}' }) });
    expect(shown).not.toMatch(/\p{Cf}/u);
    expect(shown).toContain('202e');
  });
});

function isWritten(file: string): boolean {
  try {
    return readFileSync(file, 'utf8') !== '';
  } catch {
    return false;
  }
}
