// /handoff: the conversation goes on in another chat of the same person.
import { getChat, setChat } from '../../data/process/chats.ts';
import { AppError } from '../../shared/errors.ts';
import { code, commandButtons, plain } from './format.ts';
import { chatsNamed, otherChats, type OtherChat } from './own-chats.ts';
import { recapOf } from './recap.ts';
import { sessionName } from './session-list.ts';
import type { Command, CommandContext } from './types.ts';

export const handoff: Command = {
  name: 'handoff',
  aliases: [],
  description: 'Go on with this conversation in another of your apps',
  usage: '<platform>',
  role: 'guest',
  duringTurn: true,
  async run(context) {
    if (context.address.kind === 'group')
      throw new AppError('bad_input', 'What is said in a group stays there. Nothing was changed.');
    const chats = await otherChats(context);
    if (chats.length === 0)
      throw new AppError(
        'not_found',
        'I know you in no other app yet. `/link` gives a code that joins one. Nothing was changed.',
      );
    const found = chatsNamed(chats, context.args);
    const [only] = found;
    if (context.args === '' || only === undefined || found.length > 1) return ask(found.length > 1 ? found : chats);
    await moveTo(context, only);
    return { text: `Done: we go on in ${nameOf(only)}. This chat stays open too.` };
  },
};

async function moveTo(context: CommandContext, { address: to }: OtherChat): Promise<void> {
  const { db, person, address, session, scope, row, gateway } = context;
  // The other chat shows what this one shows: a conversation of its own, or the one that all chats share.
  const isOwn = (await getChat(db, address))?.session !== undefined;
  await setChat(db, to, { session: isOwn ? session.id : null });
  const { recap, opening } = await recapOf(db, scope, session.id);
  const text = `Here we go on with ${sessionName(session, opening)}.${recap === '' ? '' : `\n\n${recap}`}`;
  await gateway.post(to, text, { key: `h${row.id}`, person: person.id, kind: 'notice' });
}

function ask(chats: readonly OtherChat[]) {
  const choices = chats.slice(0, 8).map((chat) => ({
    label: nameOf(chat),
    command: `/handoff ${chat.address.platform}:${chat.address.account}`,
  }));
  const lines = chats.slice(0, 8).map((chat) => `- ${code(chat.address.platform)}: ${plain(chat.title, 40)}`);
  return { text: `Where to? \`/handoff platform\`:\n\n${lines.join('\n')}`, buttons: commandButtons(choices, 2) };
}

function nameOf({ address, title }: OtherChat): string {
  return title === address.platform ? address.platform : `${address.platform} (${plain(title, 40)})`;
}
