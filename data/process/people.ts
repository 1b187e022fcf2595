// Persons and the platform accounts that belong to them.
import { ulid } from 'ulid';
import { personId, type AccountId, type PersonId, type UserId } from '../../shared/ids.ts';
import type { Role } from '../../shared/messages.ts';
import type { ProcessDb, Query } from '../db.ts';
import { personSpace } from '../scope.ts';

export interface Person {
  id: PersonId;
  name: string;
  role: Role;
  createdAt: number;
}

/** A sender as one account of ours sees them. */
export interface IdentityKey {
  platform: string;
  account: AccountId;
  user: UserId;
}

export interface Identity extends IdentityKey {
  person: PersonId;
  name: string;
  createdAt: number;
}

/** Creates a person with a private space. */
export async function createPerson(
  db: ProcessDb,
  person: { name: string; role: Role },
  query: Query = db.query,
): Promise<Person> {
  const now = db.clock.now();
  const created: Person = { id: personId(ulid(now)), name: person.name, role: person.role, createdAt: now };
  await query
    .insertInto('persons')
    .values({ id: created.id, name: created.name, role: created.role, created_at: now })
    .execute();
  await query
    .insertInto('spaces')
    .values({
      id: personSpace(created.id),
      kind: 'person',
      person_id: created.id,
      title: created.name,
      session_id: null,
      created_at: now,
    })
    .execute();
  return created;
}

export async function findPerson(db: ProcessDb, identity: IdentityKey): Promise<Person | undefined> {
  const row = await db.query
    .selectFrom('identities')
    .innerJoin('persons', 'persons.id', 'identities.person_id')
    .select(['persons.id', 'persons.name', 'persons.role', 'persons.created_at'])
    .where('identities.platform', '=', identity.platform)
    .where('identities.account', '=', identity.account)
    .where('identities.user_id', '=', identity.user)
    .executeTakeFirst();
  return row && { id: row.id, name: row.name, role: row.role, createdAt: row.created_at };
}

export async function getPerson(db: ProcessDb, id: PersonId): Promise<Person | undefined> {
  const row = await db.query.selectFrom('persons').selectAll().where('id', '=', id).executeTakeFirst();
  return row && { id: row.id, name: row.name, role: row.role, createdAt: row.created_at };
}

export async function listPersons(db: ProcessDb): Promise<readonly Person[]> {
  const rows = await db.query.selectFrom('persons').selectAll().orderBy('created_at').execute();
  return rows.map((row) => ({ id: row.id, name: row.name, role: row.role, createdAt: row.created_at }));
}

/** The oldest owner; undefined before the first pairing. */
export async function findOwner(db: ProcessDb): Promise<Person | undefined> {
  const row = await db.query
    .selectFrom('persons')
    .selectAll()
    .where('role', '=', 'owner')
    .orderBy('created_at')
    .limit(1)
    .executeTakeFirst();
  return row && { id: row.id, name: row.name, role: row.role, createdAt: row.created_at };
}

export async function setRole(db: ProcessDb, person: PersonId, role: Role): Promise<void> {
  await db.query.updateTable('persons').set({ role }).where('id', '=', person).execute();
}

/** Joins a platform account to a person; moves it when it belonged to another. */
export async function addIdentity(
  db: ProcessDb,
  identity: IdentityKey & { person: PersonId; name: string },
  query: Query = db.query,
): Promise<void> {
  await query
    .insertInto('identities')
    .values({
      platform: identity.platform,
      account: identity.account,
      user_id: identity.user,
      person_id: identity.person,
      name: identity.name,
      created_at: db.clock.now(),
    })
    .onConflict((conflict) =>
      conflict
        .columns(['platform', 'account', 'user_id'])
        .doUpdateSet({ person_id: identity.person, name: identity.name }),
    )
    .execute();
}

export async function listIdentities(db: ProcessDb, person?: PersonId): Promise<readonly Identity[]> {
  let query = db.query.selectFrom('identities').selectAll().orderBy('created_at');
  if (person !== undefined) query = query.where('person_id', '=', person);
  const rows = await query.execute();
  return rows.map((row) => ({
    platform: row.platform,
    account: row.account,
    user: row.user_id,
    person: row.person_id,
    name: row.name,
    createdAt: row.created_at,
  }));
}

/** Takes access away from one account on every login of ours on that platform. Returns how many were removed. */
export async function removeIdentity(db: ProcessDb, platform: string, user: UserId): Promise<number> {
  const result = await db.query
    .deleteFrom('identities')
    .where('platform', '=', platform)
    .where('user_id', '=', user)
    .executeTakeFirst();
  return Number(result.numDeletedRows);
}
