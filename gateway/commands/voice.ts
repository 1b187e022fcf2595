// /voice: whether answers in this chat are also said aloud. Voice messages are understood either way.
import { getChat, setChat, touchChat, type ChatSettings } from '../../data/process/chats.ts';
import { hasRole } from '../../pairing/policy.ts';
import { AppError } from '../../shared/errors.ts';
import { summarizeEngines, type VoiceReport } from '../voice/report.ts';
import { code, commandButtons, plain } from './format.ts';
import type { Command, CommandContext, CommandReply } from './types.ts';

type Mode = NonNullable<ChatSettings['voice']>;

const MODES: Record<Mode, string> = {
  off: 'answers are text only',
  on: 'voice messages are answered by voice too',
  tts: 'every answer is said aloud too',
};
const NAMES: readonly Mode[] = ['off', 'on', 'tts'];

export const voice: Command = {
  name: 'voice',
  aliases: [],
  description: 'Whether answers here are also said aloud',
  usage: '[off|on|tts]',
  role: 'guest',
  duringTurn: true,
  async run(context) {
    const known = await getChat(context.db, context.address);
    const settings = known?.settings ?? {};
    const wanted = context.args.toLowerCase();
    if (wanted === '' || wanted === 'status') return show(context, settings.voice ?? 'off');
    const mode = NAMES.find((name) => name === wanted);
    if (mode === undefined)
      throw new AppError(
        'bad_input',
        `There is no mode ${code(context.args)}. Choose one of ${NAMES.map(code).join(', ')}. Nothing was changed.`,
      );
    if (context.address.kind === 'group' && !hasRole(context.person.role, 'admin'))
      throw new AppError(
        'not_allowed',
        'In a group, an owner or admin of this Herald settles that. Nothing was changed.',
      );
    if (known === undefined)
      await touchChat(context.db, context.address, context.row.payload.chatTitle ?? context.row.payload.senderName);
    await setChat(context.db, context.address, { settings: { ...settings, voice: mode } });
    return { text: `From now on in this chat: ${explain(mode)}.${mode === 'off' ? '' : await warnSilent(context)}` };
  },
};

async function warnSilent({ gateway }: CommandContext): Promise<string> {
  const report = await gateway.voice?.();
  if (!report || report.speech.some((engine) => engine.used && engine.ready)) return '';
  return ` But I have no voice yet (${summarizeEngines(report.speech)}): \`herald voice status\` on my machine says what to do.`;
}

async function show({ gateway }: CommandContext, now: Mode): Promise<CommandReply> {
  const report = await gateway.voice?.();
  const lines = NAMES.map((name) => `- ${explain(name)}${name === now ? ' ← now' : ''}`);
  const choices = NAMES.filter((name) => name !== now).map((name) => ({ label: name, command: `/voice ${name}` }));
  return {
    text: `Voice in this chat:\n\n${[...lines, ...(report ? engineLines(report) : [])].join('\n')}`,
    buttons: commandButtons(choices, 3),
  };
}

function engineLines({ enabled, transcription, speech }: VoiceReport): readonly string[] {
  const heard = enabled ? plain(summarizeEngines(transcription), 200) : 'switched off';
  return [`- I hear with: ${heard}`, `- I speak with: ${plain(summarizeEngines(speech), 200)}`];
}

function explain(mode: Mode): string {
  return `${code(mode)}: ${MODES[mode]}`;
}
