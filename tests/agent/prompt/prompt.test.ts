import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { estimateRequest } from '../../../agent/context/tokens.ts';
import { readIdentity } from '../../../agent/prompt/identity.ts';
import { findPersonality, listPersonalities } from '../../../agent/prompt/personalities.ts';
import { makeSystem, promptParts } from '../../../agent/prompt/prompt.ts';
import { promptSize } from '../../../agent/prompt/size.ts';
import { makeOwnTools, TOOLS } from '../../../agent/tools/registry.ts';
import { silentLog } from '../../../shared/log.ts';
import { makeFakeClock } from '../../support/fake-clock.ts';
import {
  DM,
  makeAgent,
  makeAgentTurn,
  makeInput,
  makeScriptedModel,
  makeSettings,
  openHome,
  startTurn,
} from '../fixture.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(path.join(os.tmpdir(), 'herald-prompt-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const HINT = 'This is a chat on a phone. Markdown is shown; tables are not. Keep answers short.';
const BASE = {
  identity: 'You are X.',
  hint: HINT,
  chat: '',
  personality: undefined,
  group: false,
  now: Date.UTC(2026, 10, 21, 23, 30),
  timezone: 'Europe/Vienna',
  instructions: '',
  memory: '',
};

describe('the price of "hi"', () => {
  it('is at most 3,000 tokens all told, with every tool', async () => {
    const home = await openHome();
    try {
      const model = makeScriptedModel([{ text: 'Hi!' }]);
      const turn = await startTurn(home);
      await makeAgent(home, model).run(
        makeAgentTurn(home, turn, { promptHint: HINT, inputs: [makeInput('hi')] }),
        new AbortController().signal,
      );
      const [request] = model.requests;
      if (!request) throw new Error('no request');
      expect(request.tools).toHaveLength(8);
      expect(estimateRequest(request)).toBeLessThanOrEqual(3_000);

      const settings = makeSettings(home.dir, [model.link]);
      const bill = await promptSize({
        settings,
        tools: [...TOOLS, ...makeOwnTools({ runner: undefined, memory: undefined, settings: () => settings })],
        clock: makeFakeClock(),
        log: silentLog,
        at: { role: 'owner', address: DM, promptHint: HINT },
        messages: request.messages,
      });
      expect(Math.abs(bill.totalTokens - estimateRequest(request))).toBeLessThan(5);
      expect(bill.totalTokens).toBe(bill.lines.reduce((sum, line) => sum + line.tokens, 0));
      expect(bill.lines.map((line) => line.part)).toEqual([
        'identity',
        'guidance',
        'hint',
        'date',
        'tool clock',
        'tool session_search',
        'tool send_message',
        'tool memory',
        'tool recall',
        'tool delegate_task',
        'tool tool_search',
        'tool use_tool',
        'history',
      ]);
    } finally {
      await home.close();
    }
  });
});

describe('the system prompt', () => {
  it('has the most stable parts first, and the same text all day', () => {
    const morning = makeSystem(BASE);
    const evening = makeSystem({ ...BASE, now: BASE.now + 20 * 3_600_000 });
    expect(evening).toEqual(morning);
    expect(promptParts(BASE).map((part) => [part.part, part.cache])).toEqual([
      ['identity', false],
      ['guidance', true],
      ['hint', false],
      ['date', true],
    ]);
    expect(morning.at(-1)?.text).toBe('Today is Sunday, 22 November 2026 (Europe/Vienna).');
  });

  it('puts personality and memory in their slots', () => {
    const parts = promptParts({ ...BASE, personality: 'Arr', memory: 'Likes tea.', group: true });
    expect(parts.map((part) => part.part)).toEqual(['identity', 'guidance', 'hint', 'personality', 'memory', 'date']);
    expect(parts[1]?.text).toContain('You are in a group');
  });
});

describe('identity', () => {
  it('is SOUL.md when there is one, cleaned and capped', async () => {
    await writeFile(path.join(dir, 'SOUL.md'), `I am Mia.\u202e ${'x'.repeat(30_000)} END`);
    const identity = await readIdentity(dir, silentLog);
    expect(identity).toMatch(/^I am Mia\. x/);
    expect(identity).toMatch(/END$/);
    expect(identity.length).toBeLessThanOrEqual(20_000);
  });

  it('is what SOUL.md says now: a change, a removal and a new file count from the next request on', async () => {
    const file = path.join(dir, 'SOUL.md');
    await writeFile(file, 'I am Mia.');
    expect(await readIdentity(dir, silentLog)).toBe('I am Mia.');
    expect(await readIdentity(dir, silentLog)).toBe('I am Mia.');
    await writeFile(file, 'I am Ned.');
    expect(await readIdentity(dir, silentLog)).toBe('I am Ned.');
    await rm(file);
    expect(await readIdentity(dir, silentLog)).toContain('You are Herald');
    await writeFile(file, 'I am Ned.');
    expect(await readIdentity(dir, silentLog)).toBe('I am Ned.');
  });

  it('is the default when SOUL.md is missing, empty or unreadable', async () => {
    const missing = await readIdentity(dir, silentLog);
    expect(missing).toContain('Herald');
    await writeFile(path.join(dir, 'SOUL.md'), ' \n');
    expect(await readIdentity(dir, silentLog)).toBe(missing);
    const warnings: string[] = [];
    const log = { ...silentLog, warn: (_fields: object, message: string) => void warnings.push(message) };
    // A directory of that name cannot be read as a file.
    await rm(path.join(dir, 'SOUL.md'));
    await mkdir(path.join(dir, 'SOUL.md'));
    expect(await readIdentity(dir, log)).toBe(missing);
    expect(warnings).toHaveLength(1);
  });
});

describe('personalities', () => {
  it('are presets, with configured ones before and over them', () => {
    const own = { pirate: 'Own pirate.\nSecond line.', mine: 'Mine.' };
    const names = listPersonalities(own).map((personality) => personality.name);
    expect(new Set(names).size).toBe(names.length);
    expect(names.slice(0, 2)).toEqual(['pirate', 'mine']);
    expect(findPersonality(own, 'PIRATE')?.text).toContain('Own pirate');
    expect(findPersonality(own, 'PIRATE')?.description).toBe('Own pirate.');
    expect(findPersonality({}, 'pirate')?.text).toContain('facts, names and code exact');
    expect(findPersonality({}, 'nobody')).toBeUndefined();
    expect(findPersonality({}, undefined)).toBeUndefined();
  });
});
