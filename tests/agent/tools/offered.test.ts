// Which tools a turn gets, by configuration, platform, role and chat, and what is said of the others.
import { expect, test } from 'vitest';
import { z } from 'zod';
import { describeTools, offeredTools, switchedOff } from '../../../agent/tools/offered.ts';
import { defineTool, type ToolDefinition } from '../../../agent/tools/tool.ts';
import type { AgentSettings } from '../../../agent/settings.ts';
import { accountId, chatId } from '../../../shared/ids.ts';
import type { Role } from '../../../shared/messages.ts';

const make = (name: string, toolset: string, more: Partial<ToolDefinition<object>> = {}) =>
  defineTool({
    name,
    toolset,
    description: `Does ${name}. And more of it.`,
    parameters: z.strictObject({}),
    effect: 'pure',
    origin: 'agent',
    summarize: () => name,
    execute: async () => ({ text: '' }),
    ...more,
  });

const tools = [
  make('clock', 'core'),
  make('search', 'web', { isRare: true }),
  make('extract', 'web'),
  make('send', 'people', { available: ({ role }) => role !== 'guest' }),
  make('speak', 'voice', { available: () => false }),
];
const limits = { timeoutMs: 1, maxParallel: 1, maxResultChars: 1, approvalTtlMs: 1 };
const at = (role: Role, platform = 'pigeon') => ({
  role,
  address: { platform, account: accountId('a'), chat: chatId('c'), kind: 'dm' as const },
});

function names(settings: Partial<AgentSettings['tools']>, where: ReturnType<typeof at>, here: readonly string[] = []) {
  const all = { disabled: [], ...limits, ...settings };
  const offered = offeredTools(tools, { off: switchedOff(all, where, here) }, where).map(({ name }) => name);
  const described = describeTools(tools, all, { ...where, disabledTools: here });
  const usable = described.filter(({ state }) => state === 'prompt' || state === 'searched').map(({ name }) => name);
  // What people are told is what the turn does.
  expect(usable).toEqual(offered);
  return offered;
}

test('tools are off for all, by platform, by role or in one chat, by name or by group', () => {
  expect(names({}, at('owner'))).toEqual(['clock', 'search', 'extract', 'send']);
  expect(names({}, at('guest'))).toEqual(['clock', 'search', 'extract']);
  expect(names({ disabled: ['web'] }, at('owner'))).toEqual(['clock', 'send']);
  const byPlatform = { crow: ['extract', 'core'] };
  expect(names({ byPlatform }, at('owner'))).toEqual(['clock', 'search', 'extract', 'send']);
  expect(names({ byPlatform }, at('owner', 'crow'))).toEqual(['search', 'send']);
  const byRole = { member: ['send'] };
  expect(names({ byRole }, at('owner'))).toContain('send');
  expect(names({ byRole }, at('member'))).not.toContain('send');
  expect(names({ byRole, byPlatform }, at('member', 'crow'), ['search'])).toEqual([]);
});

test('says where each stands and why one is not there', () => {
  const settings = { disabled: ['clock'], byRole: { guest: ['extract'] }, byPlatform: { crow: ['search'] }, ...limits };
  expect(describeTools(tools, settings, { ...at('guest', 'crow'), disabledTools: ['web'] })).toEqual([
    expect.objectContaining({ name: 'clock', state: 'off', why: expect.stringContaining('agent.tools.disabled') }),
    expect.objectContaining({ name: 'search', state: 'off', why: expect.stringContaining('by_platform') }),
    expect.objectContaining({ name: 'extract', state: 'off', why: expect.stringContaining('by_role') }),
    expect.objectContaining({ name: 'send', state: 'unavailable', why: 'not for a guest' }),
    expect.objectContaining({ name: 'speak', state: 'unavailable', why: 'not set up on this Herald' }),
  ]);
  const [, search, extract] = describeTools(tools, { disabled: [], ...limits }, { ...at('owner'), disabledTools: [] });
  expect(search).toEqual({ name: 'search', toolset: 'web', description: 'Does search.', state: 'searched' });
  expect(extract?.state).toBe('prompt');
  expect(
    describeTools(tools, { disabled: [], ...limits }, { ...at('owner'), disabledTools: ['web'] })[1],
  ).toMatchObject({ state: 'off', why: 'in this chat' });
});
