// The tool `schedule` in turns: it is found by what people ask for, hands on the turn's own rights, and asks when words of others were read.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ScheduleCall, SchedulePort } from '../../../../agent/schedule/port.ts';
import { promptTools, toolSearch } from '../../../../agent/tools/find-tools.ts';
import { makeScheduleTool } from '../../../../agent/tools/schedule/schedule.ts';
import { turnId } from '../../../../shared/ids.ts';
import {
  DM,
  makeCall,
  makePorts,
  makeTestTool,
  openHome,
  outline,
  runTurnOnce,
  textOf,
  type Home,
} from '../../fixture.ts';

let home: Home;
beforeEach(async () => {
  home = await openHome();
});
afterEach(() => home.close());

function openPort() {
  const asked: { what: string; call: ScheduleCall; rest: unknown }[] = [];
  const note =
    (what: string, text: string) =>
    async (call: ScheduleCall, ...rest: unknown[]) => {
      asked.push({ what, call, rest });
      return text;
    };
  const port: SchedulePort = {
    create: note('create', 'made'),
    update: note('update', 'changed'),
    act: note('act', 'done'),
    list: note('list', 'none'),
    runs: async (call, job) => {
      asked.push({ what: 'runs', call, rest: [job] });
      return { text: 'what a page said', origin: 'foreign' };
    },
  };
  return { asked, tool: makeScheduleTool(() => port) };
}

const news = { action: 'create', when: 'every weekday at 9', what: 'check the news', deliver: 'otherchat' };

describe('the tool', () => {
  it('is not in each prompt, and is the first that is found for what people ask', async () => {
    const { tool } = openPort();
    const shown = promptTools([tool]).map(({ name }) => name);
    expect(shown).toEqual(['tool_search', 'use_tool']);
    expect(toolSearch.schema.description).toContain('reminders and scheduled jobs');
    const others = ['worker', 'speak', 'browser_task', 'image_generate'].map((name) =>
      makeTestTool(name, { isRare: true, description: 'Every day it does things at a time, in the chat.' }),
    );
    const queries = ['reminder', 'schedule a job every day', 'cron', 'remind me later', 'recurring jobs'];
    const { requests } = await runTurnOnce(
      home,
      [...queries.map((query) => ({ toolCalls: [makeCall('tool_search', { query })] })), { text: 'ok' }],
      { agent: { tools: [...others, tool] } },
    );
    const found = requests.slice(1).map(({ messages }) => messages.findLast(({ role }) => role === 'tool'));
    for (const [i, query] of queries.entries()) {
      const result = found[i];
      expect(result?.role === 'tool' ? result.text : '', query).toMatch(/^\{"name":"schedule"/);
    }
  });

  it.each([false, true])(
    'hands on who asks and the tools of the turn, which are fewer for a worker: %s',
    async (isWorker) => {
      const { asked, tool } = openPort();
      const tools = [tool, makeTestTool('read_it', {}), makeTestTool('write_it', {})];
      const script = [{ toolCalls: [makeCall('use_tool', { name: 'schedule', arguments: news })] }, { text: 'ok' }];
      const worker = {
        task: 't',
        name: 'w',
        root: turnId('r'),
        depth: 1,
        tools: ['schedule', 'read_it'],
        tainted: false,
      };
      const turn = isWorker ? { role: 'member' as const, worker } : {};
      await runTurnOnce(home, script, { agent: { tools }, turn });
      expect(asked).toMatchObject([
        {
          what: 'create',
          call: { role: isWorker ? 'member' : 'owner', scope: home.scope, address: DM },
          rest: [{ when: 'every weekday at 9', what: 'check the news', deliver: 'otherchat' }],
        },
      ]);
      const [one] = asked;
      expect(one?.call.key).toMatch(/^[0-9a-f]{40}$/);
      expect(one?.call.tools).toContain('read_it');
      expect(one?.call.tools.includes('write_it')).toBe(!isWorker);
    },
  );

  it('asks the person once words of others were read; looking at jobs stays free, and their results are such words', async () => {
    const { asked, tool } = openPort();
    const wanted: string[] = [];
    const ports = makePorts({ requestApproval: async (approval) => void wanted.push(approval.arguments) });
    const { result } = await runTurnOnce(
      home,
      [
        { toolCalls: [makeCall('schedule', { action: 'runs' })] },
        { toolCalls: [makeCall('schedule', { action: 'list' })] },
        { toolCalls: [makeCall('schedule', news)] },
        { text: 'ok' },
      ],
      { agent: { tools: [tool], ports } },
    );
    expect(asked.map(({ what }) => what)).toEqual(['runs', 'list']);
    expect(wanted).toHaveLength(1);
    expect(wanted[0]).toContain('check the news');
    expect(outline(result.transcript)).toContainEqual(expect.stringContaining('did not answer in time'));
  });

  it('needs a job for what is done with one, and has no action that confirms', async () => {
    const { asked, tool } = openPort();
    const { requests } = await runTurnOnce(
      home,
      [
        { toolCalls: [makeCall('schedule', { action: 'pause' })] },
        { toolCalls: [makeCall('schedule', { action: 'confirm', job: 'x' })] },
        { text: 'ok' },
      ],
      { agent: { tools: [tool] } },
    );
    expect(asked).toEqual([]);
    expect(textOf(requests[1])).toContain('Say in `job` which one');
    expect(textOf(requests[2])).toContain('Wrong arguments for schedule');
  });

  it('is not there for guests', () => {
    const { tool } = openPort();
    expect(tool.available({ role: 'guest', address: DM })).toBe(false);
  });
});
