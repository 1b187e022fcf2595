// /queue: what happens in this chat to a message that arrives while an answer is in the works.
import { getChat, setChat, touchChat, type ChatSettings } from '../../data/process/chats.ts';
import { AppError } from '../../shared/errors.ts';
import type { QueueMode } from '../../shared/messages.ts';
import { code, commandButtons } from './format.ts';
import type { Command, CommandContext, CommandReply } from './types.ts';

const MODES: Record<QueueMode, string> = {
  queue: 'each message waits and gets its own answer, in order',
  steer: 'it goes into the running answer at the next step',
  collect: 'what arrives meanwhile is answered together, in one go',
  interrupt: 'the running answer is stopped and I begin anew with your message',
};
const NAMES: readonly QueueMode[] = ['queue', 'steer', 'collect', 'interrupt'];

export const queue: Command = {
  name: 'queue',
  aliases: ['q', 'busy'],
  description: 'What I do with messages that arrive while I answer',
  usage: '[queue|steer|collect|interrupt|default]',
  role: 'guest',
  duringTurn: true,
  async run(context) {
    const chat = await getChat(context.db, context.address);
    const settings = chat?.settings ?? {};
    if (context.args === '') return show(context, settings);
    const wanted = context.args.toLowerCase();
    if (wanted === 'default') {
      const { queueMode: _, ...rest } = settings;
      await store(context, rest, chat !== undefined);
      return { text: `This chat goes by the default again, ${explain(context.defaultQueueMode)}.` };
    }
    const mode = NAMES.find((name) => name === wanted);
    if (mode === undefined)
      throw new AppError(
        'bad_input',
        `There is no mode ${code(context.args)}. Choose one of ${NAMES.map(code).join(', ')}. Nothing was changed.`,
      );
    await store(context, { ...settings, queueMode: mode }, chat !== undefined);
    return { text: `From now on in this chat: ${explain(mode)}.` };
  },
};

/** `isKnown` is false for a chat that was never seen: its row is made first. */
async function store({ db, address, row }: CommandContext, settings: ChatSettings, isKnown: boolean): Promise<void> {
  if (!isKnown) await touchChat(db, address, row.payload.chatTitle ?? row.payload.senderName);
  await setChat(db, address, { settings });
}

function show(context: CommandContext, settings: ChatSettings): CommandReply {
  const now = settings.queueMode ?? context.defaultQueueMode;
  const lines = NAMES.map((name) => `- ${explain(name)}${name === now ? ' ← now' : ''}`);
  const choices = NAMES.filter((name) => name !== now).map((name) => ({ label: name, command: `/queue ${name}` }));
  return {
    text: `A message that arrives while I am answering, in this chat:\n\n${lines.join('\n')}`,
    buttons: commandButtons(choices, 3),
  };
}

function explain(mode: QueueMode): string {
  return `${code(mode)}: ${MODES[mode]}`;
}
