// /here: this chat is where news come that no message asked for just now.
import { getPersonSettings, setPersonSettings } from '../../data/process/person-settings.ts';
import { AppError } from '../../shared/errors.ts';
import { addressKey } from '../../shared/messages.ts';
import type { Command } from './types.ts';

export const here: Command = {
  name: 'here',
  aliases: [],
  description: 'Send news and results of long work to this chat',
  usage: '[off]',
  role: 'guest',
  duringTurn: true,
  async run({ db, person, address, args }) {
    if (address.kind === 'group')
      throw new AppError(
        'bad_input',
        'Your news are for you alone: send `/here` in a direct chat with me. Nothing was changed.',
      );
    const settings = await getPersonSettings(db, person.id);
    if (args.toLowerCase() === 'off') {
      const { home: _, ...others } = settings;
      await setPersonSettings(db, person.id, others);
      return { text: 'News come to the chat in which you wrote last, wherever that is.' };
    }
    const isHome = settings.home !== undefined && addressKey(settings.home) === addressKey(address);
    if (!isHome) await setPersonSettings(db, person.id, { ...settings, home: address });
    return {
      text: `News and results of long work come ${isHome ? 'here already' : 'here from now on'}. Answers still go where you ask. \`/here off\` ends it.`,
    };
  },
};
