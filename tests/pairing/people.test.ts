import { describe, expect, test } from 'vitest';
import { listAudit } from '../../data/process/audit.ts';
import {
  addIdentity,
  createPerson,
  findOwner,
  getPerson,
  listIdentities,
  listPersons,
} from '../../data/process/people.ts';
import { admitPerson, changeRole, describePerson, displayName, renamePerson } from '../../pairing/people.ts';
import { accountId, personId, userId } from '../../shared/ids.ts';
import { openTemporaryData } from '../data/temporary-data.ts';

const ann = { platform: 'pigeon', account: accountId('bot'), user: userId('ann'), name: 'Ann' };

async function openFamily() {
  const data = await openTemporaryData();
  const [owner, admin, member] = [
    await createPerson(data.db, { name: 'Olga', role: 'owner' }),
    await createPerson(data.db, { name: 'Ada', role: 'admin' }),
    await createPerson(data.db, { name: 'Max', role: 'member' }),
  ];
  return { ...data, owner, admin, member };
}

describe('changeRole', () => {
  test('an owner may, and the command line; nobody else', async () => {
    const { db, owner, admin, member } = await openFamily();
    for (const by of [admin.id, member.id, personId('nobody')])
      expect(await changeRole(db, { person: member.id, role: 'owner', by })).toEqual({
        ok: false,
        reason: 'not_allowed',
      });
    expect(await changeRole(db, { person: member.id, role: 'guest', by: owner.id })).toEqual({
      ok: true,
      person: { ...member, role: 'guest' },
    });
    expect(await changeRole(db, { person: member.id, role: 'admin', by: 'cli' })).toMatchObject({ ok: true });
    expect((await getPerson(db, member.id))?.role).toBe('admin');
    expect((await listAudit(db, 9)).map((entry) => [entry.actor, entry.action, entry.detail])).toEqual([
      ['cli', 'person.role', { from: 'guest', to: 'admin' }],
      [owner.id, 'person.role', { from: 'member', to: 'guest' }],
    ]);
  });

  test('the last owner stays owner, by the command line too', async () => {
    const { db, owner, member } = await openFamily();
    for (const by of [owner.id, 'cli'] as const)
      expect(await changeRole(db, { person: owner.id, role: 'member', by })).toEqual({
        ok: false,
        reason: 'last_owner',
      });
    await changeRole(db, { person: member.id, role: 'owner', by: owner.id });
    expect(await changeRole(db, { person: owner.id, role: 'member', by: owner.id })).toMatchObject({ ok: true });
    expect(await findOwner(db)).toMatchObject({ id: member.id });
  });

  test('two owners who demote each other at the same time: one of them remains', async () => {
    const { db, owner, member } = await openFamily();
    await changeRole(db, { person: member.id, role: 'owner', by: 'cli' });
    await Promise.all([
      changeRole(db, { person: member.id, role: 'guest', by: owner.id }),
      changeRole(db, { person: owner.id, role: 'guest', by: member.id }),
    ]);
    expect((await listPersons(db)).filter((person) => person.role === 'owner')).toHaveLength(1);
  });

  test('nobody is not found', async () => {
    const { db } = await openFamily();
    expect(await changeRole(db, { person: personId('x'), role: 'guest', by: 'cli' })).toEqual({
      ok: false,
      reason: 'unknown_person',
    });
  });
});

describe('renamePerson', () => {
  test('everybody themselves, owners everybody', async () => {
    const { db, owner, admin, member } = await openFamily();
    expect(await renamePerson(db, { person: member.id, name: ' Maxi\n II ', by: member.id })).toMatchObject({
      ok: true,
      person: { name: 'Maxi II' },
    });
    expect(await renamePerson(db, { person: member.id, name: 'Moritz', by: owner.id })).toMatchObject({ ok: true });
    expect(await renamePerson(db, { person: member.id, name: 'x', by: admin.id })).toEqual({
      ok: false,
      reason: 'not_allowed',
    });
    expect(await getPerson(db, member.id)).toMatchObject({ name: 'Moritz', role: 'member' });
  });

  test('refuses empty names, cuts long ones, takes controls and direction marks out', async () => {
    const { db, member } = await openFamily();
    for (const name of ['', '  \n', '\u202e\u0007'])
      expect(await renamePerson(db, { person: member.id, name, by: 'cli' })).toEqual({ ok: false, reason: 'bad_name' });
    const long = await renamePerson(db, { person: member.id, name: 'x'.repeat(1_000_000), by: 'cli' });
    expect(long.ok && long.person.name.length).toBe(64);
    expect(await renamePerson(db, { person: member.id, name: '\u202eevil\u0000', by: 'cli' })).toMatchObject({
      person: { name: 'evil' },
    });
    expect(await renamePerson(db, { person: personId('x'), name: 'x', by: 'cli' })).toEqual({
      ok: false,
      reason: 'unknown_person',
    });
  });
});

describe('admitPerson', () => {
  test('makes a member once, also when several messages arrive at once', async () => {
    const { db } = await openTemporaryData();
    const persons = await Promise.all(Array.from({ length: 5 }, () => admitPerson(db, ann)));
    expect(new Set(persons.map((person) => person.id)).size).toBe(1);
    expect(await listPersons(db)).toEqual([{ ...persons[0], name: 'Ann', role: 'member' }]);
    expect(await listIdentities(db)).toHaveLength(1);
  });
});

test('describePerson lists the accounts of that person only', async () => {
  const { db, member, owner } = await openFamily();
  await addIdentity(db, { ...ann, person: member.id });
  await addIdentity(db, { ...ann, platform: 'raven', person: owner.id });
  expect(await describePerson(db, member.id)).toMatchObject({
    person: member,
    identities: [{ platform: 'pigeon', user: 'ann', name: 'Ann' }],
  });
  expect(await describePerson(db, personId('x'))).toBeUndefined();
});

test('displayName falls back to the id, and then to a word', () => {
  expect(displayName({ name: 'Ann  B', user: 'u' })).toBe('Ann B');
  expect(displayName({ name: ' ', user: 'u1' })).toBe('u1');
  expect(displayName({ name: '', user: '\u0001' })).toBe('unnamed');
});
