// Probes of the search in past conversations, and of what is known of a person.
import type { Db } from '../../../data/db.ts';
import { addOwnClaim, correctClaim, forgetClaim, getClaim, listClaims } from '../../../data/profile/claims.ts';
import { listOwnMessages, reviseClaims } from '../../../data/profile/revision.ts';
import {
  dropProfileSnapshot,
  getProfileSnapshot,
  keepProfileSnapshot,
  profileLines,
} from '../../../data/profile/snapshots.ts';
import { listDoubtful, readOpening, readPassage, recentFrom } from '../../../data/search/conversation.ts';
import type { Place } from '../scope-world.ts';

export const recallProbes = {
  'search/conversation.ts': {
    readOpening: (db: Db, me: Place, target: Place) => readOpening(db, me.scope, target.idle, 9),
    async readPassage(db: Db, me: Place, target: Place) {
      const passages = [];
      for (const message of [undefined, target.lastMessage])
        passages.push(await readPassage(db, me.scope, target.idle, { message, before: 9, after: 9 }));
      return passages;
    },
    // A number tells nothing of where it comes from: any but 0 stands for the messages themselves.
    recentFrom: async (db: Db, me: Place, target: Place) =>
      (await recentFrom(db, me.scope, target.idle, 9)) > 0 ? target.spaceMark : '',
    listDoubtful: (db: Db, me: Place, target: Place) =>
      listDoubtful(db, me.scope, target.idle, { marks: ['common', 'smark'], limit: 50 }),
  },
  'profile/claims.ts': {
    listClaims: (db: Db, me: Place) => listClaims(db, me.scope),
    getClaim: (db: Db, me: Place, target: Place) => getClaim(db, me.scope, target.claim),
    addOwnClaim: (db: Db, me: Place) => addOwnClaim(db, me.scope, { kind: 'fact', text: 'mine' }),
    correctClaim: (db: Db, me: Place, target: Place) => correctClaim(db, me.scope, target.claim, 'mine'),
    forgetClaim: (db: Db, me: Place, target: Place) => forgetClaim(db, me.scope, target.claim),
  },
  'profile/revision.ts': {
    listOwnMessages: (db: Db, me: Place, target: Place) =>
      Promise.all([undefined, target.idleTurn].map((turn) => listOwnMessages(db, me.scope, { limit: 500, turn }))),
    async reviseClaims(db: Db, me: Place, target: Place) {
      // Handed in by a caller that knows the other's messages: only the own ones count.
      const messages = await listOwnMessages(db, target.scope, { limit: 500 });
      const cites = messages.map(({ id, text }) => ({ message: id, quote: text, weight: 2 }));
      const changes = cites.flatMap((one) => [
        { op: 'new' as const, kind: 'fact' as const, text: 'mine', cites: one },
        { op: 'retire' as const, claim: target.claim, cites: one },
      ]);
      return reviseClaims(db, me.scope, { changes, messages });
    },
  },
  'profile/snapshots.ts': {
    profileLines: (db: Db, me: Place) => profileLines(db, me.scope, 1_000),
    getProfileSnapshot: (db: Db, me: Place, target: Place) => getProfileSnapshot(db, me.scope, target.session.id),
    keepProfileSnapshot: async (db: Db, me: Place, target: Place) => {
      const kept = [];
      for (const session of [target.session.id, target.idle])
        kept.push(await keepProfileSnapshot(db, me.scope, session, 'mine'));
      return kept;
    },
    dropProfileSnapshot: (db: Db, me: Place, target: Place) => dropProfileSnapshot(db, me.scope, target.session.id),
  },
};
