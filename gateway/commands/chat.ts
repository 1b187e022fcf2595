// /chat: what holds in this chat alone: its model, what the agent is told here, which tools are off, whether a group must name me.
import { getChat, setChat, touchChat, type ChatSettings } from '../../data/process/chats.ts';
import { hasRole } from '../../pairing/policy.ts';
import { AppError } from '../../shared/errors.ts';
import { cleanText } from '../../shared/text.ts';
import { code, plain } from './format.ts';
import type { Command, CommandContext } from './types.ts';

const MAX_PROMPT_CHARS = 2_000;
const SKILL_NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/;
const TOOL_NAME = /^[a-z][a-z0-9_]{0,63}$/;

export const chat: Command = {
  name: 'chat',
  aliases: [],
  description: 'Settings of this chat: model, prompt, tools, skills, mention',
  usage: '[prompt <text>|model <name>|tools <name> on/off|skills <name> on/off|mention on/off|reset]',
  role: 'guest',
  duringTurn: true,
  async run(context) {
    const known = await getChat(context.db, context.address);
    const settings = known?.settings ?? {};
    const [, word = '', rest = ''] = /^(\S*)\s*([\s\S]*)$/.exec(context.args) ?? [];
    if (word === '') return { text: describe(context, settings) };
    if (context.address.kind === 'group' && !hasRole(context.person.role, 'admin'))
      throw new AppError(
        'not_allowed',
        'In a group, an owner or admin of this Herald settles that. Nothing was changed.',
      );
    const changed = change(context, settings, word.toLowerCase(), rest.trim());
    if (known === undefined)
      await touchChat(context.db, context.address, context.row.payload.chatTitle ?? context.row.payload.senderName);
    await setChat(context.db, context.address, { settings: changed });
    return { text: `Settled for this chat, from the next answer on.\n\n${describe(context, changed)}` };
  },
};

function change(context: CommandContext, settings: ChatSettings, word: string, value: string): ChatSettings {
  const { model: _, prompt: __, disabledTools: ___, requireMention: ____, skills: _____, ...others } = settings;
  switch (word) {
    case 'reset':
      return others;
    case 'prompt':
      return { ...settings, prompt: isOff(value) ? undefined : promptOf(value) };
    case 'model':
      return { ...settings, model: isOff(value) ? undefined : context.agent.resolveModel(value) };
    case 'tools':
      return { ...settings, disabledTools: toolsOf(settings.disabledTools ?? [], value) };
    case 'skills':
      return { ...settings, skills: skillsOf(settings.skills ?? {}, value) };
    case 'mention':
      if (context.address.kind !== 'group')
        throw new AppError('bad_input', 'That is for groups: here I always answer.');
      return { ...settings, requireMention: isOff(value) ? undefined : onOff(value) };
    default:
      throw new AppError(
        'bad_input',
        `There is no setting ${code(word)}. Usage: \`/chat ${chat.usage}\`. Nothing was changed.`,
      );
  }
}

function isOff(value: string): boolean {
  return value === '' || value.toLowerCase() === 'default';
}

function promptOf(value: string): string {
  const text = cleanText(value).trim();
  if (text.length > MAX_PROMPT_CHARS)
    throw new AppError(
      'bad_input',
      `That has ${text.length} characters; at most ${MAX_PROMPT_CHARS}. Nothing was changed.`,
    );
  return text;
}

function toolsOf(disabled: readonly string[], value: string): string[] {
  if (isOff(value)) return [];
  const [, name = '', state = ''] = /^(\S+)\s+(\S+)$/.exec(value.toLowerCase()) ?? [];
  if (!TOOL_NAME.test(name))
    throw new AppError(
      'bad_input',
      'Name a tool and on or off, such as `/chat tools send_message off`. Nothing was changed.',
    );
  const others = disabled.filter((one) => one !== name);
  return onOff(state) ? others : [...others, name];
}

/** on: always in the list of skills here. off: never. */
function skillsOf(known: NonNullable<ChatSettings['skills']>, value: string): ChatSettings['skills'] {
  if (isOff(value)) return undefined;
  const [, name = '', state = ''] = /^(\S+)\s+(\S+)$/.exec(value.toLowerCase()) ?? [];
  if (!SKILL_NAME.test(name))
    throw new AppError(
      'bad_input',
      'Name a skill and on, off or default, such as `/chat skills plan off`. Nothing was changed.',
    );
  const others = Object.fromEntries(Object.entries(known).filter(([one]) => one !== name));
  return isOff(state) ? others : { ...others, [name]: onOff(state) ? 'on' : 'off' };
}

function onOff(value: string): boolean {
  const word = value.toLowerCase();
  if (word === 'on') return true;
  if (word === 'off') return false;
  throw new AppError('bad_input', 'Write on or off. Nothing was changed.');
}

function describe({ address }: CommandContext, settings: ChatSettings): string {
  const off = settings.disabledTools ?? [];
  const lines = [
    `- model: ${settings.model === undefined ? 'the default' : code(settings.model)}`,
    `- prompt: ${settings.prompt === undefined ? 'none of its own' : `“${plain(settings.prompt, 300)}”`}`,
    `- tools that are off: ${off.length === 0 ? 'none' : off.map(code).join(', ')}`,
    `- skills: ${skillsText(settings.skills ?? {})}`,
    `- queue: ${settings.queueMode ?? 'the default'}`,
  ];
  if (address.kind === 'group') lines.push(`- ${mentionText(settings.requireMention)}`);
  return `This chat:\n\n${lines.join('\n')}`;
}

function skillsText(skills: NonNullable<ChatSettings['skills']>): string {
  const said = Object.entries(skills).map(
    ([name, state]) => `${code(name)} ${state === 'on' ? 'always in the list' : 'off'}`,
  );
  return said.length === 0 ? 'as everywhere' : said.join(', ');
}

function mentionText(required: boolean | undefined): string {
  if (required === undefined) return 'mention: as the configuration says';
  return required ? 'mention: I answer when I am named or replied to' : 'mention: I answer every message';
}
