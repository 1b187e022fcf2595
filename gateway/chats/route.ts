// Which conversation a message belongs to: a person's DMs share one over all platforms; a group or thread has its own.
import type { ProcessDb } from '../../data/db.ts';
import { ensureGroupSpace, getChat, setChat } from '../../data/process/chats.ts';
import { groupScope, personScope, type Scope } from '../../data/scope.ts';
import { getPersonSettings } from '../../data/process/person-settings.ts';
import { createSession, currentSession, getSession, type Session } from '../../data/sessions.ts';
import type { PersonId } from '../../shared/ids.ts';
import type { Address } from '../../shared/messages.ts';

export interface Route {
  scope: Scope;
  session: Session;
}

/** The scope of `person` at an address. */
export function scopeAt(person: PersonId, at: Address): Scope {
  return at.kind === 'dm' ? personScope(person) : groupScope(person, at);
}

/** The session that `at` shows now; begun when there is none yet. */
export async function findRoute(
  db: ProcessDb,
  who: { person: PersonId; address: Address; title: string },
  /** own: this chat has a conversation of its own, whatever the person chose. */
  dmScope: 'person' | 'chat' | 'own',
): Promise<Route> {
  const scope = scopeAt(who.person, who.address);
  if (who.address.kind === 'group') await ensureGroupSpace(db, scope.space, who.title);
  const chat = await getChat(db, who.address);
  if (chat?.session) {
    const own = await getSession(db, scope, chat.session);
    if (own) return { scope, session: own };
  }
  if (
    who.address.kind === 'dm' &&
    (dmScope === 'own' || ((await getPersonSettings(db, who.person)).dmScope ?? dmScope) === 'chat')
  ) {
    const session = await createSession(db, scope, { detached: true });
    await setChat(db, who.address, { session: session.id });
    return { scope, session };
  }
  return { scope, session: (await currentSession(db, scope)) ?? (await createSession(db, scope)) };
}
