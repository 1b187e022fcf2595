// /unified: one conversation over all of a person's direct chats, or one for each.
import { listDmChats, setChat } from '../../data/process/chats.ts';
import { getPersonSettings, setPersonSettings } from '../../data/process/person-settings.ts';
import { AppError } from '../../shared/errors.ts';
import type { Command } from './types.ts';

export const unified: Command = {
  name: 'unified',
  aliases: [],
  description: 'One conversation over all your apps, or one for each',
  usage: '[on|off|default]',
  role: 'guest',
  duringTurn: true,
  async run({ db, person, args }) {
    const settings = await getPersonSettings(db, person.id);
    const word = args.toLowerCase();
    if (word === '') return { text: describe(settings.dmScope) };
    if (word !== 'on' && word !== 'off' && word !== 'default')
      throw new AppError('bad_input', 'Write on, off or default. Nothing was changed.');
    const { dmScope: _, ...others } = settings;
    const dmScope = word === 'default' ? undefined : word === 'on' ? 'person' : 'chat';
    await setPersonSettings(db, person.id, dmScope === undefined ? others : { ...others, dmScope });
    // Chats that had a conversation of their own come back to the common one.
    if (dmScope === 'person')
      for (const { address } of await listDmChats(db, person.id)) await setChat(db, address, { session: null });
    return { text: `${describe(dmScope)} Earlier conversations are kept: \`/sessions\` lists them.` };
  },
};

function describe(dmScope: 'person' | 'chat' | undefined): string {
  if (dmScope === undefined) return 'Your apps share a conversation as this Herald is set up.';
  return dmScope === 'person'
    ? 'All your apps share one conversation.'
    : 'Each of your direct chats has a conversation of its own.';
}
