// Makes people, inbox rows and finished turns, so that a test says only what it is about.
import type { ProcessDb } from '../../data/db.ts';
import type { NewMessage } from '../../data/messages.ts';
import { ensureGroupSpace } from '../../data/process/chats.ts';
import { insertInbox, queueInbox, type NewInboxRow } from '../../data/process/inbox.ts';
import type { NewOutboxRow } from '../../data/process/outbox.ts';
import { addIdentity, createPerson, type Person } from '../../data/process/people.ts';
import { beginTurn, finishTurn, type Turn } from '../../data/process/turns.ts';
import { groupScope, personScope, type Scope } from '../../data/scope.ts';
import { createSession, currentSession, type Session } from '../../data/sessions.ts';
import { accountId, chatId, messageId, userId, type InboxId } from '../../shared/ids.ts';
import { addressKey, type Address, type Role } from '../../shared/messages.ts';

export const dmAddress = (chat: string, platform = 'pigeon'): Address => ({
  platform,
  account: accountId('bot'),
  chat: chatId(chat),
  kind: 'dm',
});

export const groupAddress = (chat: string): Address => ({ ...dmAddress(chat), kind: 'group' });

/** A person who writes from a DM chat named like them. */
export async function makePerson(db: ProcessDb, name: string, role: Role = 'member'): Promise<Person> {
  const person = await createPerson(db, { name, role });
  await addIdentity(db, { platform: 'pigeon', account: accountId('bot'), user: userId(name), person: person.id, name });
  return person;
}

let messages = 0;

/** An inbound event that was never seen before. */
export function makeEvent(change: Partial<NewInboxRow> = {}, text = 'hello'): NewInboxRow {
  return {
    address: dmAddress('ann'),
    kind: 'message',
    message: messageId(`m${++messages}`),
    revision: '',
    user: userId('ann'),
    payload: { text, attachments: [], senderName: 'Ann', sentAt: 1, addressed: true, bot: false },
    ...change,
  };
}

export async function receive(db: ProcessDb, change: Partial<NewInboxRow> = {}, text?: string): Promise<InboxId> {
  const row = await insertInbox(db, makeEvent(change, text));
  if (row === undefined) throw new Error('the event was stored before');
  return row.id;
}

/** Somebody in a place: a person in their DM or in a group, with the session that is current there. */
export interface Speaker {
  person: Person;
  scope: Scope;
  address: Address;
  session: Session;
}

export async function makeSpeaker(db: ProcessDb, person: Person, group?: string): Promise<Speaker> {
  const address = group === undefined ? dmAddress(person.name) : groupAddress(group);
  const scope = group === undefined ? personScope(person.id) : groupScope(person.id, address);
  if (group !== undefined) await ensureGroupSpace(db, scope.space, group);
  const session = (await currentSession(db, scope)) ?? (await createSession(db, scope));
  return { person, scope, address, session };
}

/** A queued row of the speaker's session. */
export async function queue(db: ProcessDb, speaker: Speaker, text?: string): Promise<InboxId> {
  const id = await receive(db, { address: speaker.address, user: userId(speaker.person.name) }, text);
  await queueInbox(db, id, { person: speaker.person.id, session: speaker.session.id, dueAt: db.clock.now() });
  return id;
}

/** A running turn over one queued row. */
export async function begin(db: ProcessDb, speaker: Speaker, text?: string): Promise<{ turn: Turn; row: InboxId }> {
  const row = await queue(db, speaker, text);
  const { session, scope, person, address } = speaker;
  const begun = await beginTurn(db, {
    session: session.id,
    space: scope.space,
    person: person.id,
    address,
    rows: [row],
  });
  if (!begun) throw new Error('nothing waited');
  return { turn: begun.turn, row };
}

/** What a person said and what the agent answered, as history. */
export function makeExchange(said: string, answered: string): readonly NewMessage[] {
  return [
    { role: 'user', author: 'Ann', text: said, origin: 'member' },
    { role: 'assistant', author: '', text: answered, origin: 'agent' },
  ];
}

/** A whole turn: asked, answered, finished. */
export async function converse(db: ProcessDb, speaker: Speaker, said: string, answered = 'ok'): Promise<Turn> {
  const { turn, row } = await begin(db, speaker, said);
  await finishTurn(db, {
    turn,
    state: 'done',
    messages: makeExchange(said, answered),
    outbox: [],
    inbox: [{ rows: [row], state: 'answered' }],
  });
  return turn;
}

export function makeOutboxRow(key: string, change: Partial<NewOutboxRow> = {}): NewOutboxRow {
  return { key, to: dmAddress('ann'), kind: 'answer', part: 1, parts: 1, text: key, ttlMs: 60_000, ...change };
}

export const annKey = addressKey(dmAddress('ann'));
