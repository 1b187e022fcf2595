// Persons and the platform accounts that belong to them.
import type { Selectable } from 'kysely';
import { personId, type AccountId, type PersonId, type UserId } from '../../shared/ids.ts';
import type { Role } from '../../shared/messages.ts';
import type { ProcessDb, Query } from '../db.ts';
import { makeKeeper } from '../query/keep.ts';
import { prepare } from '../query/prepared.ts';
import { newRowId } from '../row-id.ts';
import type { Tables } from '../schema.ts';
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
  const created: Person = { id: personId(newRowId(now)), name: person.name, role: person.role, createdAt: now };
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

const selectByIdentity = prepare<{ platform: string; account: AccountId; user: UserId }, Selectable<Tables['persons']>>(
  (query, { platform, account, user }) =>
    query
      .selectFrom('identities')
      .innerJoin('persons', 'persons.id', 'identities.person_id')
      .selectAll('persons')
      .where('identities.platform', '=', platform)
      .where('identities.account', '=', account)
      .where('identities.user_id', '=', user),
);
const keepByIdentity = makeKeeper<Person | undefined>('identities', 'persons');

/** Whom an account belongs to. */
export async function findPerson(
  db: ProcessDb,
  { platform, account, user }: IdentityKey,
  query: Query = db.query,
): Promise<Person | undefined> {
  const load = async () => personOf((await selectByIdentity(query, { platform, account, user })).rows[0]);
  if (query !== db.query) return load();
  return keepByIdentity(db, [platform, account, user].join('\u001f'), load);
}

const selectPerson = prepare<{ id: PersonId }, Selectable<Tables['persons']>>((query, { id }) =>
  query.selectFrom('persons').selectAll().where('id', '=', id),
);
const keepPerson = makeKeeper<Person | undefined>('persons');

export async function getPerson(db: ProcessDb, id: PersonId, query: Query = db.query): Promise<Person | undefined> {
  const load = async () => personOf((await selectPerson(query, { id })).rows[0]);
  return query === db.query ? keepPerson(db, id, load) : load();
}

function personOf(row: Selectable<Tables['persons']> | undefined): Person | undefined {
  return row && { id: row.id, name: row.name, role: row.role, createdAt: row.created_at };
}

export async function listPersons(db: ProcessDb): Promise<readonly Person[]> {
  const rows = await db.query.selectFrom('persons').selectAll().orderBy('created_at').orderBy('id').execute();
  return rows.flatMap((row) => personOf(row) ?? []);
}

/** The oldest owner; undefined before the first pairing. */
export async function findOwner(db: ProcessDb, query: Query = db.query): Promise<Person | undefined> {
  const row = await query
    .selectFrom('persons')
    .selectAll()
    .where('role', '=', 'owner')
    .orderBy('created_at')
    .orderBy('id')
    .limit(1)
    .executeTakeFirst();
  return personOf(row);
}

export async function countOwners(db: ProcessDb, query: Query = db.query): Promise<number> {
  const row = await query
    .selectFrom('persons')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('role', '=', 'owner')
    .executeTakeFirst();
  return row?.count ?? 0;
}

/** Changes what is given. The rules are in pairing/people.ts. */
export async function changePerson(
  db: ProcessDb,
  person: PersonId,
  change: { role?: Role; name?: string },
  query: Query = db.query,
): Promise<void> {
  await query.updateTable('persons').set(change).where('id', '=', person).execute();
}

/**
 * True when nothing hangs on a person yet: no message, memory, turn, job, claim, skill or waiting message. A message that only asks for something (a
 * command) does not count.
 */
export async function isUnusedPerson(db: ProcessDb, person: PersonId, query: Query = db.query): Promise<boolean> {
  const space = personSpace(person);
  const found = await Promise.all([
    query.selectFrom('turns').select('id').where('person_id', '=', person).limit(1).executeTakeFirst(),
    query.selectFrom('memories').select('id').where('person_id', '=', person).limit(1).executeTakeFirst(),
    query.selectFrom('messages').select('id').where('space_id', '=', space).limit(1).executeTakeFirst(),
    // Commands make these without a turn.
    query.selectFrom('jobs').select('id').where('person_id', '=', person).limit(1).executeTakeFirst(),
    query.selectFrom('claims').select('id').where('person_id', '=', person).limit(1).executeTakeFirst(),
    query.selectFrom('skill_revisions').select('id').where('person_id', '=', person).limit(1).executeTakeFirst(),
    query
      .selectFrom('inbox')
      .select('seq')
      .where('person_id', '=', person)
      .where('state', 'in', ['queued', 'running'])
      .limit(1)
      .executeTakeFirst(),
  ]);
  return found.every((row) => row === undefined);
}

/** Deletes a person with their identities, private space and its sessions. */
export async function deletePerson(db: ProcessDb, person: PersonId, query: Query = db.query): Promise<void> {
  await query.deleteFrom('persons').where('id', '=', person).execute();
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

/** Identities of a person, of a user on every login of ours, or of everybody; oldest first. */
export async function listIdentities(
  db: ProcessDb,
  filter: { person?: PersonId; platform?: string; user?: UserId } = {},
  query: Query = db.query,
): Promise<readonly Identity[]> {
  let select = query.selectFrom('identities').selectAll().orderBy('created_at');
  if (filter.person !== undefined) select = select.where('person_id', '=', filter.person);
  if (filter.platform !== undefined) select = select.where('platform', '=', filter.platform);
  if (filter.user !== undefined) select = select.where('user_id', '=', filter.user);
  const rows = await select.execute();
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
export async function removeIdentity(
  db: ProcessDb,
  platform: string,
  user: UserId,
  query: Query = db.query,
): Promise<number> {
  const result = await query
    .deleteFrom('identities')
    .where('platform', '=', platform)
    .where('user_id', '=', user)
    .executeTakeFirst();
  return Number(result.numDeletedRows);
}
