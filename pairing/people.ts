// Persons: who may change what about them, and what they are told about themselves. Codes and linking are in pairing.ts.
import type { ProcessDb } from '../data/db.ts';
import { writeAudit } from '../data/process/audit.ts';
import {
  addIdentity,
  changePerson,
  countOwners,
  createPerson,
  findPerson,
  getPerson,
  listIdentities,
  type Identity,
  type IdentityKey,
  type Person,
} from '../data/process/people.ts';
import type { PersonId } from '../shared/ids.ts';
import type { Role } from '../shared/messages.ts';
import { cleanText, preview } from '../shared/text.ts';

/** Who acts: a person, or whoever has a shell on the machine, who stands above all roles. */
export type Actor = PersonId | 'cli';

/** An account that speaks to us, with the name that it shows. */
export type Sender = IdentityKey & { name: string };

export type PersonChange =
  | { ok: true; person: Person }
  | { ok: false; reason: 'unknown_person' | 'not_allowed' | 'last_owner' | 'bad_name' };

const MAX_NAME_CHARS = 64;

/** Gives a person another role. Only owners may, and one owner always remains. */
export async function changeRole(
  db: ProcessDb,
  change: { person: PersonId; role: Role; by: Actor },
): Promise<PersonChange> {
  return db.query.transaction().execute(async (trx) => {
    const person = await getPerson(db, change.person, trx);
    if (!person) return { ok: false, reason: 'unknown_person' };
    if (change.by !== 'cli' && (await getPerson(db, change.by, trx))?.role !== 'owner')
      return { ok: false, reason: 'not_allowed' };
    if (person.role === 'owner' && change.role !== 'owner' && (await countOwners(db, trx)) <= 1)
      return { ok: false, reason: 'last_owner' };
    await changePerson(db, person.id, { role: change.role }, trx);
    const detail = { from: person.role, to: change.role };
    await writeAudit(db, { actor: change.by, action: 'person.role', subject: person.id, detail }, trx);
    return { ok: true, person: { ...person, role: change.role } };
  });
}

/** Gives a person another display name (1 to 64 characters on one line). Everybody may rename themselves, owners everybody. */
export async function renamePerson(
  db: ProcessDb,
  change: { person: PersonId; name: string; by: Actor },
): Promise<PersonChange> {
  const name = cleanName(change.name);
  if (name === '') return { ok: false, reason: 'bad_name' };
  return db.query.transaction().execute(async (trx) => {
    const person = await getPerson(db, change.person, trx);
    if (!person) return { ok: false, reason: 'unknown_person' };
    if (change.by !== 'cli' && change.by !== person.id && (await getPerson(db, change.by, trx))?.role !== 'owner')
      return { ok: false, reason: 'not_allowed' };
    await changePerson(db, person.id, { name }, trx);
    await writeAudit(db, { actor: change.by, action: 'person.rename', subject: person.id }, trx);
    return { ok: true, person: { ...person, name } };
  });
}

/** Makes a sender whom the configuration allows a member. Returns the person whom the account belongs to already when there is one. */
export async function admitPerson(db: ProcessDb, who: IdentityKey & { name: string }): Promise<Person> {
  return db.query.transaction().execute(async (trx) => {
    const known = await findPerson(db, who, trx);
    if (known) return known;
    const name = displayName(who);
    const person = await createPerson(db, { name, role: 'member' }, trx);
    await addIdentity(db, { ...who, name, person: person.id }, trx);
    const detail = { platform: who.platform, user: who.user };
    await writeAudit(db, { actor: 'gateway', action: 'person.admit', subject: person.id, detail }, trx);
    return person;
  });
}

export interface PersonDescription {
  person: Person;
  /** Every account that is linked to the person, oldest first. */
  identities: readonly Identity[];
}

/** What `/whoami` shows. Undefined when there is no such person. */
export async function describePerson(db: ProcessDb, id: PersonId): Promise<PersonDescription | undefined> {
  const person = await getPerson(db, id);
  return person && { person, identities: await listIdentities(db, { person: id }) };
}

/** Name to store for a sender: what the platform says, on one line and bounded, or else their id. */
export function displayName(who: { name: string; user: string }): string {
  return cleanName(who.name) || cleanName(who.user) || 'unnamed';
}

function cleanName(name: string): string {
  return preview(cleanText(name.slice(0, 4 * MAX_NAME_CHARS)), MAX_NAME_CHARS);
}

/** The key alone, of something that holds more. */
export function keyOf(who: IdentityKey): IdentityKey {
  return { platform: who.platform, account: who.account, user: who.user };
}
