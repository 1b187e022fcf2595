// /save: this conversation as a file in the chat.
import { listTranscript } from '../../data/messages.ts';
import { AppError } from '../../shared/errors.ts';
import { exportJson, exportMarkdown, exportName } from './conversation-export.ts';
import { code, counted } from './format.ts';
import type { Command } from './types.ts';

export const save: Command = {
  name: 'save',
  aliases: ['export'],
  description: 'Get this conversation as a file',
  usage: '[md|json]',
  role: 'guest',
  duringTurn: true,
  async run({ db, scope, session, clock, args, storeFile }) {
    const format = args.toLowerCase();
    if (!['', 'md', 'markdown', 'json'].includes(format))
      throw new AppError(
        'bad_input',
        `I cannot save as ${code(args)}: \`/save\` gives markdown, \`/save json\` gives JSON.`,
      );
    const messages = await listTranscript(db, scope, session.id);
    if (messages.length === 0) throw new AppError('not_found', 'Nothing was said in this conversation yet.');
    const now = clock.now();
    const file =
      format === 'json'
        ? await storeFile(exportName(session, now, 'json'), 'application/json', exportJson(session, messages, now))
        : await storeFile(exportName(session, now, 'md'), 'text/markdown', exportMarkdown(session, messages, now));
    return { text: `Here is this conversation, ${counted(messages.length, 'message')}.`, files: [file] };
  },
};
