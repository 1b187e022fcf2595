// Probes of the search in past conversations, and of what is known of a person.
import { listDoubtful, readOpening, readPassage, recentFrom } from '../../../data/search/conversation.ts';
import type { Probe } from '../scope-probes.ts';

export const recallProbes: Readonly<Record<string, Readonly<Record<string, Probe>>>> = {
  'search/conversation.ts': {
    readOpening: (db, me, target) => readOpening(db, me.scope, target.idle, 9),
    async readPassage(db, me, target) {
      const passages = [];
      for (const message of [undefined, target.lastMessage])
        passages.push(await readPassage(db, me.scope, target.idle, { message, before: 9, after: 9 }));
      // Counts of nothing tell nothing.
      return passages.filter(({ messages, earlier, later }) => messages.length + earlier + later > 0);
    },
    // A number tells nothing of where it comes from: any but 0 stands for the messages themselves.
    recentFrom: async (db, me, target) =>
      (await recentFrom(db, me.scope, target.idle, 9)) > 0 ? target.spaceMark : '',
    listDoubtful: (db, me, target) =>
      listDoubtful(db, me.scope, target.idle, { marks: ['common', 'smark'], limit: 50 }),
  },
};
