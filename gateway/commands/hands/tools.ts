// /tools: what I can do in this chat, what is off here and why; switches tools on and off for the chat.
import type { ToolOverview, ToolState } from '../../../agent/port.ts';
import { getChat, setChat, touchChat, type ChatSettings } from '../../../data/process/chats.ts';
import { hasRole } from '../../../pairing/policy.ts';
import { AppError } from '../../../shared/errors.ts';
import { code, plain } from '../format.ts';
import type { Command, CommandContext } from '../types.ts';

const TITLES: Readonly<Record<ToolState['state'], string>> = {
  prompt: 'Always at hand',
  searched: 'Found when needed',
  off: 'Off here',
  unavailable: 'Not available',
};
const MAX_NOTES = 40;

export const tools: Command = {
  name: 'tools',
  aliases: [],
  description: 'What I can do here; switches tools on and off in this chat',
  usage: '[off|on <tool or group>]',
  role: 'guest',
  duringTurn: true,
  async run(context) {
    const [, word = '', name = ''] = /^(\S*)\s*(.*)$/s.exec(context.args.trim().toLowerCase()) ?? [];
    const settings = (await getChat(context.db, context.address))?.settings ?? {};
    if (word === '' || word === 'list') return { text: listed(await overview(context, settings)) };
    if ((word !== 'on' && word !== 'off') || name === '')
      throw new AppError('bad_input', 'I know `/tools`, `/tools off <tool or group>` and `/tools on <tool or group>`.');
    return { text: await switchTool(context, settings, { name, isOn: word === 'on' }) };
  },
};

function overview({ agent, person, address }: CommandContext, settings: ChatSettings): Promise<ToolOverview> {
  return agent.describeTools({ role: person.role, address, disabledTools: settings.disabledTools });
}

async function switchTool(
  context: CommandContext,
  settings: ChatSettings,
  { name, isOn }: { name: string; isOn: boolean },
): Promise<string> {
  if (context.address.kind === 'group' && !hasRole(context.person.role, 'admin'))
    throw new AppError(
      'not_allowed',
      'In a group, an owner or admin of this Herald settles that. Nothing was changed.',
    );
  const disabled = settings.disabledTools ?? [];
  const before = await overview(context, settings);
  if (!disabled.includes(name) && fitting(before, name).length === 0)
    throw new AppError(
      'not_found',
      `There is no tool or group ${code(name)}; \`/tools\` lists them. Nothing was changed.`,
    );
  const others = disabled.filter((one) => one !== name);
  const next = { ...settings, disabledTools: isOn ? others : [...others, name] };
  await touchChat(context.db, context.address, context.row.payload.chatTitle ?? context.row.payload.senderName);
  await setChat(context.db, context.address, { settings: next });
  if (!isOn) return `${code(name)} is off in this chat, from the next answer on.`;
  const still = fitting(await overview(context, next), name).filter(({ why }) => why !== undefined);
  const reasons = [...new Set(still.map((tool) => `${code(tool.name)} stays off: ${plain(tool.why ?? '', 200)}.`))];
  return [`${code(name)} is not switched off in this chat any more.`, ...reasons].join(' ');
}

function fitting({ tools: all }: ToolOverview, name: string): readonly ToolState[] {
  return all.filter((tool) => tool.name === name || tool.toolset === name);
}

function listed({ tools: all, notes }: ToolOverview): string {
  const parts: string[] = [];
  for (const state of ['prompt', 'searched', 'off', 'unavailable'] as const) {
    const found = all.filter((tool) => tool.state === state);
    if (found.length > 0) parts.push(`**${TITLES[state]}**\n${groupLines(found).join('\n')}`);
  }
  if (notes.length > 0) parts.push(`**MCP servers**\n${notes.slice(0, MAX_NOTES).map(noteLine).join('\n')}`);
  return `${parts.join('\n\n')}\n\n\`/tools off <tool or group>\` switches one off in this chat, \`/tools on\` on again.`;
}

/** A line for each group, and in it for each reason. */
function groupLines(found: readonly ToolState[]): readonly string[] {
  const groups = new Map<string, { toolset: string; why: string | undefined; names: string[] }>();
  for (const { name, toolset, why } of found) {
    const key = `${toolset}\n${why ?? ''}`;
    const group = groups.get(key) ?? { toolset, why, names: [] };
    group.names.push(code(name));
    groups.set(key, group);
  }
  return [...groups.values()].map(
    ({ toolset, why, names }) =>
      `- ${plain(toolset)}: ${names.join(', ')}${why === undefined ? '' : ` (${plain(why, 200)})`}`,
  );
}

/** What belongs to a server stands below it. */
function noteLine(line: string): string {
  return line.startsWith('  ') ? `  - ${plain(line.trim(), 300)}` : `- ${plain(line, 300)}`;
}
