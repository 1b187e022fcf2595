import { addOwnClaim } from '../../data/profile/claims.ts';
import { addJob } from '../../data/schedule/jobs.ts';
import fs from 'node:fs';
import { describe, expect, test } from 'vitest';
import { listAudit } from '../../data/process/audit.ts';
import {
  addIdentity,
  createPerson,
  findOwner,
  findPerson,
  getPerson,
  listIdentities,
  listPersons,
} from '../../data/process/people.ts';
import { insertInbox, queueInbox } from '../../data/process/inbox.ts';
import type { ProcessDb } from '../../data/db.ts';
import { changeMemory } from '../../data/memory/changes.ts';
import { personScope } from '../../data/scope.ts';
import { createSession } from '../../data/sessions.ts';
import { admitPerson } from '../../pairing/people.ts';
import { openPairing } from '../../pairing/pairing.ts';
import { accountId, chatId, messageId, userId, type PersonId } from '../../shared/ids.ts';
import type { Address } from '../../shared/messages.ts';
import { openTemporaryData } from '../data/temporary-data.ts';
import { makeCollectedLog } from './collected-log.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

const who = (user: string, platform = 'pigeon', account = 'bot') => ({
  platform,
  account: accountId(account),
  user: userId(user),
  name: user.toUpperCase(),
});
const dmOf = (sender: ReturnType<typeof who>): Address => ({
  platform: sender.platform,
  account: sender.account,
  chat: chatId(`dm-${sender.user}`),
  kind: 'dm',
});

async function openWorld() {
  const data = await openTemporaryData();
  const { log, lines } = makeCollectedLog();
  const pairing = openPairing({ db: data.db, clock: data.clock, log });
  const ask = async (sender: ReturnType<typeof who>) => {
    const result = await pairing.requestCode(sender, dmOf(sender));
    if (!result.ok) throw new Error(`no code: ${result.reason}`);
    return result.code;
  };
  /** A first owner, paired on `pigeon` as `boss`. */
  const owner = async () => {
    const result = await pairing.approve(await ask(who('boss')), { platform: 'pigeon', by: 'cli' });
    if (!result.ok) throw new Error(result.reason);
    return result.person;
  };
  return { ...data, pairing, log, lines, ask, owner };
}

async function rememberMilk(db: ProcessDb, person: PersonId): Promise<void> {
  const batch = { author: 'agent', origin: 'agent', title: 'milk' } as const;
  await changeMemory(db, personScope(person), batch, (edit) =>
    edit.add({ target: 'memory', place: 'archive', state: 'active', text: 'milk' }),
  );
}

describe('requestCode', () => {
  test('gives a code that lives one hour', async () => {
    const { pairing, clock } = await openWorld();
    const result = await pairing.requestCode(who('ann'), dmOf(who('ann')));
    expect(result).toEqual({
      ok: true,
      code: expect.stringMatching(/^[A-HJ-NP-Z2-9]{8}$/),
      expiresAt: clock.now() + HOUR,
    });
    expect(await pairing.pending()).toEqual([
      { platform: 'pigeon', user: 'ann', userName: 'ANN', createdAt: clock.now(), expiresAt: clock.now() + HOUR },
    ]);
    await clock.advance(HOUR);
    expect(await pairing.pending()).toEqual([]);
  });

  test('one per user in ten minutes, whatever became of the last one', async () => {
    const { pairing, clock, ask } = await openWorld();
    await ask(who('ann'));
    await pairing.clearPending();
    await clock.advance(10 * MINUTE - 1);
    expect(await pairing.requestCode(who('ann'), dmOf(who('ann')))).toEqual({ ok: false, reason: 'rate_limited' });
    await clock.advance(1);
    expect(await pairing.requestCode(who('ann'), dmOf(who('ann')))).toMatchObject({ ok: true });
  });

  test('at most three pending per platform account, and more once they ran out', async () => {
    const { pairing, clock, ask } = await openWorld();
    for (const user of ['a', 'b', 'c']) await ask(who(user));
    expect(await pairing.requestCode(who('d'), dmOf(who('d')))).toEqual({ ok: false, reason: 'too_many_pending' });
    for (const other of [who('d', 'pigeon', 'bot2'), who('d', 'raven')]) await ask(other);
    await clock.advance(HOUR);
    await ask(who('d'));
  });

  test('twenty users at the same time get three codes', async () => {
    const { pairing } = await openWorld();
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, i) => pairing.requestCode(who(`u${i}`), dmOf(who(`u${i}`)))),
    );
    expect(results.filter((result) => result.ok)).toHaveLength(3);
    expect(await pairing.pending()).toHaveLength(3);
  });

  test('never in a group', async () => {
    const { pairing } = await openWorld();
    await expect(pairing.requestCode(who('ann'), { ...dmOf(who('ann')), kind: 'group' })).rejects.toMatchObject({
      code: 'not_allowed',
    });
    expect(await pairing.pending()).toEqual([]);
  });
});

describe('approve', () => {
  test('the first approved person is owner, the next ones are members', async () => {
    const { pairing, ask, db } = await openWorld();
    const first = await pairing.approve(await ask(who('boss')), { platform: 'pigeon', by: 'cli' });
    expect(first).toMatchObject({
      ok: true,
      firstOwner: true,
      name: 'BOSS',
      person: { role: 'owner', name: 'BOSS' },
      identity: { platform: 'pigeon', account: 'bot', user: 'boss' },
      address: dmOf(who('boss')),
    });
    const second = await pairing.approve(await ask(who('ann')), { platform: 'pigeon', by: 'cli' });
    expect(second).toMatchObject({ ok: true, firstOwner: false, person: { role: 'member' } });
    expect(await findPerson(db, who('ann'))).toMatchObject({ name: 'ANN', role: 'member' });
    expect((await listAudit(db, 9)).filter((entry) => entry.action === 'pairing.approve')).toHaveLength(2);
  });

  test('a used code is dead, and typing it again is no failed attempt', async () => {
    const { pairing, ask, clock } = await openWorld();
    const code = await ask(who('boss'));
    await pairing.approve(code, { platform: 'pigeon', by: 'cli' });
    for (let i = 0; i < 8; i++)
      expect(await pairing.approve(code, { platform: 'pigeon', by: 'cli' })).toEqual({
        ok: false,
        reason: 'unknown_code',
      });
    await clock.advance(10 * MINUTE);
    expect(await pairing.approve(await ask(who('ann')), { platform: 'pigeon', by: 'cli' })).toMatchObject({ ok: true });
  });

  test('two approvals of one code at the same time: exactly one succeeds', async () => {
    const { pairing, ask, db, log, clock } = await openWorld();
    // A second instance on the same database stands for a second process.
    const other = openPairing({ db, clock, log });
    const code = await ask(who('ann'));
    const results = await Promise.all(
      Array.from({ length: 6 }, (_, i) => (i % 2 ? pairing : other).approve(code, { platform: 'pigeon', by: 'cli' })),
    );
    expect(results.filter((result) => result.ok)).toHaveLength(1);
    expect(await listPersons(db)).toHaveLength(1);
    expect(await listIdentities(db)).toHaveLength(1);
  });

  test('of two first approvals at the same time one becomes owner', async () => {
    const { pairing, ask, db, log, clock } = await openWorld();
    const other = openPairing({ db, clock, log });
    const [a, b] = [await ask(who('a')), await ask(who('b'))];
    await Promise.all([pairing.approve(a, { by: 'cli' }), other.approve(b, { by: 'cli' })]);
    expect((await listPersons(db)).map((person) => person.role).toSorted()).toEqual(['member', 'owner']);
  });

  test('a code does not work after its hour, on another platform, or as a link code', async () => {
    const { pairing, ask, clock } = await openWorld();
    const code = await ask(who('ann'));
    expect(await pairing.approve(code, { platform: 'raven', by: 'cli' })).toEqual({
      ok: false,
      reason: 'unknown_code',
    });
    expect(await pairing.redeem(code, who('ann'))).toEqual({ ok: false, reason: 'unknown_code' });
    await clock.advance(HOUR);
    expect(await pairing.approve(code, { platform: 'pigeon', by: 'cli' })).toEqual({
      ok: false,
      reason: 'unknown_code',
    });
  });

  test('needs the right to approve: cli, owner or admin', async () => {
    const { pairing, ask, db, owner } = await openWorld();
    const boss = await owner();
    const code = await ask(who('ann'));
    for (const role of ['member', 'guest'] as const) {
      const nobody = await createPerson(db, { name: 'x', role });
      await expect(pairing.approve(code, { platform: 'pigeon', by: nobody.id })).rejects.toMatchObject({
        code: 'not_allowed',
      });
    }
    expect(await findPerson(db, who('ann'))).toBeUndefined();
    expect(await pairing.approve(code, { by: boss.id })).toMatchObject({ ok: true });
  });

  test('a sender whom the configuration admitted meanwhile stays the person that they are', async () => {
    const { pairing, ask, db, owner } = await openWorld();
    await owner();
    const code = await ask(who('ann'));
    const admitted = await admitPerson(db, who('ann'));
    expect(await pairing.approve(code, { platform: 'pigeon', by: 'cli' })).toMatchObject({
      ok: true,
      person: { id: admitted.id, role: 'member' },
    });
    expect(await listIdentities(db, { person: admitted.id })).toHaveLength(1);
  });
});

describe('approve for oneself', () => {
  test('joins the sender to who approves, and to nobody else', async () => {
    const { pairing, owner, db, ask } = await openWorld();
    const boss = await owner();
    const phone = await ask(who('boss-phone', 'raven'));
    const other = await createPerson(db, { name: 'eve', role: 'admin' });
    await expect(pairing.approve(phone, { by: other.id, join: boss.id })).rejects.toMatchObject({
      code: 'not_allowed',
    });
    expect(await findPerson(db, who('boss-phone', 'raven'))).toBeUndefined();
    const result = await pairing.approve(phone, { by: boss.id, join: boss.id });
    expect(result).toMatchObject({ ok: true, person: { id: boss.id, role: 'owner' }, firstOwner: false });
    expect((await findPerson(db, who('boss-phone', 'raven')))?.id).toBe(boss.id);
  });

  test('never moves an account that belongs to somebody by now', async () => {
    const { pairing, owner, db, ask } = await openWorld();
    const boss = await owner();
    const code = await ask(who('ann', 'raven'));
    const ann = await admitPerson(db, who('ann', 'raven'));
    await pairing.approve(code, { by: boss.id, join: boss.id });
    expect((await findPerson(db, who('ann', 'raven')))?.id).toBe(ann.id);
  });
});

describe('the lock', () => {
  test('five wrong codes lock the platform for one hour, for the right code too', async () => {
    const { pairing, ask, clock, db } = await openWorld();
    await clock.advance(5 * MINUTE);
    const code = await ask(who('ann'));
    for (let i = 0; i < 5; i++)
      expect(await pairing.approve('WRNGCDE2', { platform: 'pigeon', by: 'cli' })).toEqual({
        ok: false,
        reason: 'unknown_code',
      });
    expect(await pairing.approve(code, { platform: 'pigeon', by: 'cli' })).toEqual({
      ok: false,
      reason: 'locked',
      retryAfterMs: HOUR,
    });
    expect(await pairing.approve(code, { by: 'cli' })).toMatchObject({ ok: false, reason: 'locked' });
    expect(await pairing.requestCode(who('bob'), dmOf(who('bob')))).toEqual({ ok: false, reason: 'locked' });
    expect(await pairing.redeem('WRNGCDE2', who('bob'))).toMatchObject({ ok: false, reason: 'locked' });
    expect(await findPerson(db, who('ann'))).toBeUndefined();
    // Another platform is open.
    expect(await pairing.approve(await ask(who('eve', 'raven')), { platform: 'raven', by: 'cli' })).toMatchObject({
      ok: true,
    });
    await clock.advance(HOUR - 1);
    expect(await pairing.approve(code, { platform: 'pigeon', by: 'cli' })).toMatchObject({
      reason: 'locked',
      retryAfterMs: 1,
    });
    await clock.advance(1);
    expect(await pairing.approve(await ask(who('ann')), { platform: 'pigeon', by: 'cli' })).toMatchObject({ ok: true });
  });

  test('after the lock it takes five more', async () => {
    const { pairing, clock } = await openWorld();
    for (let i = 0; i < 5; i++) await pairing.approve('WRNGCDE2', { platform: 'pigeon', by: 'cli' });
    await clock.advance(HOUR);
    for (let i = 0; i < 5; i++)
      expect(await pairing.approve('WRNGCDE2', { platform: 'pigeon', by: 'cli' })).toMatchObject({
        reason: 'unknown_code',
      });
    expect(await pairing.approve('WRNGCDE2', { platform: 'pigeon', by: 'cli' })).toMatchObject({ reason: 'locked' });
  });

  test('a successful approval starts the count anew', async () => {
    const { pairing, ask } = await openWorld();
    for (let i = 0; i < 4; i++) await pairing.approve('WRNGCDE2', { platform: 'pigeon', by: 'cli' });
    await pairing.approve(await ask(who('ann')), { platform: 'pigeon', by: 'cli' });
    for (let i = 0; i < 4; i++) await pairing.approve('WRNGCDE2', { platform: 'pigeon', by: 'cli' });
    expect(await pairing.approve(await ask(who('bob')), { platform: 'pigeon', by: 'cli' })).toMatchObject({ ok: true });
  });

  test('a thousand guesses at once: none but the first five is answered, and the right one among the rest is refused', async () => {
    const { pairing, ask, db } = await openWorld();
    const code = await ask(who('ann'));
    const guesses = Array.from({ length: 1_000 }, (_, i) => (i < 5 || i % 7 ? 'WRNGCDE2' : code));
    const results = await Promise.all(
      guesses.map((guess) => pairing.approve(guess, { platform: 'pigeon', by: 'cli' })),
    );
    expect(results.filter((result) => !result.ok && result.reason === 'unknown_code')).toHaveLength(5);
    expect(results.filter((result) => !result.ok && result.reason === 'locked')).toHaveLength(995);
    expect(await listPersons(db)).toEqual([]);
  });

  test('guessing over several processes at once does not get more tries', async () => {
    const { ask, db, log, clock } = await openWorld();
    const code = await ask(who('ann'));
    const processes = Array.from({ length: 12 }, () => openPairing({ db, clock, log }));
    const wrong = await Promise.all(processes.map((one) => one.approve('WRNGCDE2', { platform: 'pigeon', by: 'cli' })));
    expect(wrong.filter((result) => !result.ok && result.reason === 'unknown_code')).toHaveLength(5);
    for (const one of processes)
      expect(await one.approve(code, { platform: 'pigeon', by: 'cli' })).toMatchObject({ ok: false, reason: 'locked' });
  });

  test('approvals without a platform have a count of their own', async () => {
    const { pairing, ask } = await openWorld();
    const code = await ask(who('ann'));
    for (let i = 0; i < 5; i++) await pairing.approve('WRNGCDE2', { by: 'cli' });
    expect(await pairing.approve(code, { by: 'cli' })).toMatchObject({ reason: 'locked' });
    expect(await pairing.approve(code, { platform: 'pigeon', by: 'cli' })).toMatchObject({ ok: true });
  });

  test('five wrong link codes lock redeeming from that platform, not the approvals of the owner', async () => {
    const { pairing, ask, owner } = await openWorld();
    const boss = await owner();
    const { code } = await pairing.createLinkCode(boss.id, who('boss'));
    for (let i = 0; i < 5; i++)
      expect(await pairing.redeem(i % 2 ? 'WRNGCDE2' : 'nonsense!', who(`s${i}`, 'raven'))).toEqual({
        ok: false,
        reason: 'unknown_code',
      });
    expect(await pairing.redeem(code, who('boss2', 'raven'))).toEqual({
      ok: false,
      reason: 'locked',
      retryAfterMs: HOUR,
    });
    expect(await pairing.approve(await ask(who('ann', 'raven')), { platform: 'raven', by: boss.id })).toMatchObject({
      ok: true,
    });
    expect(await pairing.redeem(code, who('boss3'))).toMatchObject({ ok: true });
  });

  test('own successes do not reset the count of wrong link codes; an hour without one does', async () => {
    const { pairing, owner, clock } = await openWorld();
    const boss = await owner();
    const link = async (user: string) => {
      const { code } = await pairing.createLinkCode(boss.id, who('boss'));
      return pairing.redeem(code, who(user));
    };
    for (let i = 0; i < 4; i++) await pairing.redeem('WRNGCDE2', who('eve'));
    expect(await link('boss2')).toMatchObject({ ok: true });
    await pairing.redeem('WRNGCDE2', who('eve'));
    expect(await link('boss3')).toMatchObject({ ok: false, reason: 'locked' });
    await clock.advance(HOUR);
    for (let i = 0; i < 4; i++) await pairing.redeem('WRNGCDE2', who('eve'));
    await clock.advance(HOUR);
    await pairing.redeem('WRNGCDE2', who('eve'));
    expect(await link('boss3')).toMatchObject({ ok: true });
  });

  test('clear-pending ends the codes and lifts the lock of approvals', async () => {
    const { pairing, ask, clock } = await openWorld();
    const code = await ask(who('ann'));
    await ask(who('bob', 'raven'));
    for (let i = 0; i < 5; i++) await pairing.approve('WRNGCDE2', { platform: 'pigeon', by: 'cli' });
    expect(await pairing.clearPending('pigeon')).toBe(1);
    expect(await pairing.pending()).toHaveLength(1);
    expect(await pairing.approve(code, { platform: 'pigeon', by: 'cli' })).toEqual({
      ok: false,
      reason: 'unknown_code',
    });
    await clock.advance(10 * MINUTE);
    expect(await pairing.approve(await ask(who('ann')), { platform: 'pigeon', by: 'cli' })).toMatchObject({ ok: true });
    await clock.advance(2 * HOUR);
    expect(await pairing.clearPending()).toBe(0);
  });
});

describe('linking', () => {
  test('a link code joins another account to the person, once', async () => {
    const { pairing, owner, db } = await openWorld();
    const boss = await owner();
    const { code, expiresAt } = await pairing.createLinkCode(boss.id, who('boss'));
    expect(expiresAt).toBeGreaterThan(0);
    expect(await pairing.redeem(code.toLowerCase(), who('boss', 'raven'))).toEqual({
      ok: true,
      person: boss,
      how: 'linked',
    });
    expect(await findPerson(db, who('boss', 'raven'))).toEqual(boss);
    expect(await pairing.redeem(code, who('eve', 'raven'))).toEqual({ ok: false, reason: 'unknown_code' });
    expect(await findPerson(db, who('eve', 'raven'))).toBeUndefined();
  });

  test('two accounts that send one code at the same time: one is joined', async () => {
    const { pairing, owner, db, log, clock } = await openWorld();
    const other = openPairing({ db, clock, log });
    const { code } = await pairing.createLinkCode((await owner()).id, who('boss'));
    const results = await Promise.all([pairing.redeem(code, who('x', 'raven')), other.redeem(code, who('y', 'raven'))]);
    expect(results.filter((result) => result.ok)).toHaveLength(1);
    expect(await listIdentities(db)).toHaveLength(2);
  });

  test('a newer code ends the one before it; a code ends after an hour', async () => {
    const { pairing, owner, clock } = await openWorld();
    const boss = await owner();
    const older = await pairing.createLinkCode(boss.id, who('boss'));
    const newer = await pairing.createLinkCode(boss.id, who('boss'));
    expect(await pairing.redeem(older.code, who('x', 'raven'))).toEqual({ ok: false, reason: 'unknown_code' });
    await clock.advance(HOUR);
    expect(await pairing.redeem(newer.code, who('x', 'raven'))).toEqual({ ok: false, reason: 'unknown_code' });
  });

  test('sent from an account of the same person it says so and stays good', async () => {
    const { pairing, owner } = await openWorld();
    const { code } = await pairing.createLinkCode((await owner()).id, who('boss'));
    for (let i = 0; i < 7; i++)
      expect(await pairing.redeem(code, who('boss'))).toEqual({ ok: false, reason: 'already' });
    expect(await pairing.redeem(code, who('boss', 'raven'))).toMatchObject({ ok: true });
  });

  test("an owner's or admin's account is never moved", async () => {
    const { pairing, owner, db } = await openWorld();
    const boss = await owner();
    const member = await admitPerson(db, who('eve'));
    const { code } = await pairing.createLinkCode(member.id, who('eve'));
    expect(await pairing.redeem(code, who('boss'))).toEqual({ ok: false, reason: 'already' });
    const admin = await createPerson(db, { name: 'admin', role: 'admin' });
    await addIdentity(db, { ...who('ada'), person: admin.id });
    expect(await pairing.redeem(code, who('ada'))).toEqual({ ok: false, reason: 'already' });
    expect(await findPerson(db, who('boss'))).toEqual(boss);
    expect(await findPerson(db, who('ada'))).toEqual(admin);
  });

  test('a member whom an allowlist made and who has nothing yet is joined and dissolved', async () => {
    const { pairing, owner, db } = await openWorld();
    const boss = await owner();
    const member = await admitPerson(db, who('boss', 'raven'));
    await createSession(db, personScope(member.id));
    const { code } = await pairing.createLinkCode(boss.id, who('boss'));
    expect(await pairing.redeem(code, who('boss', 'raven'))).toMatchObject({
      ok: true,
      how: 'linked',
      person: { id: boss.id },
    });
    expect(await getPerson(db, member.id)).toBeUndefined();
    expect(await listIdentities(db, { person: boss.id })).toHaveLength(2);
  });

  test('a member who has nothing but a job or a claim, as commands make them, is not dissolved', async () => {
    const { pairing, owner, db } = await openWorld();
    const boss = await owner();
    const [busy, known] = [await admitPerson(db, who('j', 'raven')), await admitPerson(db, who('c', 'raven'))];
    await addOwnClaim(db, personScope(known.id), { kind: 'fact', text: 'Likes tea' });
    const texts = { name: 'r', schedule: '', work: '', condition: null, delivery: '', permissions: '', policy: '' };
    await addJob(db, personScope(busy.id), {
      ...texts,
      id: 'j1',
      origin: '',
      created_by: 'person',
      state: 'paused',
      first: undefined,
    });
    const { code } = await pairing.createLinkCode(boss.id, who('boss'));
    for (const [user, person] of [
      ['j', busy],
      ['c', known],
    ] as const) {
      expect(await pairing.redeem(code, who(user, 'raven')), user).toEqual({ ok: false, reason: 'already' });
      expect(await findPerson(db, who(user, 'raven'))).toEqual(person);
    }
  });

  test('a member with a memory, a waiting message or a second account is not dissolved', async () => {
    const { pairing, owner, db } = await openWorld();
    const boss = await owner();
    const [noted, waiting, double] = [
      await admitPerson(db, who('n', 'raven')),
      await admitPerson(db, who('w', 'raven')),
      await admitPerson(db, who('d', 'raven')),
    ];
    await rememberMilk(db, noted.id);
    await addIdentity(db, { ...who('d2', 'raven'), person: double.id });
    const session = await createSession(db, personScope(waiting.id));
    const row = await insertInbox(db, {
      address: dmOf(who('w', 'raven')),
      kind: 'message',
      message: messageId('1'),
      revision: '',
      user: userId('w'),
      payload: { text: 'hi', attachments: [], senderName: 'W', sentAt: 1, addressed: true, bot: false },
    });
    if (row) await queueInbox(db, row.id, { person: waiting.id, session: session.id, dueAt: 0 });
    const { code } = await pairing.createLinkCode(boss.id, who('boss'));
    for (const [user, person] of [
      ['n', noted],
      ['w', waiting],
      ['d', double],
    ] as const) {
      expect(await pairing.redeem(code, who(user, 'raven')), user).toEqual({ ok: false, reason: 'already' });
      expect(await findPerson(db, who(user, 'raven'))).toEqual(person);
    }
  });

  test('only somebody who is paired gets a link code', async () => {
    const { pairing, db, owner } = await openWorld();
    await owner();
    const gone = await admitPerson(db, who('eve'));
    const { code } = await pairing.createLinkCode(gone.id, who('eve'));
    await pairing.revoke('pigeon', userId('eve'), 'cli');
    expect(await pairing.redeem(code, who('eve'))).toEqual({ ok: false, reason: 'unknown_code' });
    expect(await findPerson(db, who('eve'))).toBeUndefined();
  });
});

describe('owner code', () => {
  test('makes the first owner', async () => {
    const { pairing, db, ask } = await openWorld();
    const { code } = await pairing.createOwnerCode();
    expect(await pairing.redeem(code, who('me', 'web'))).toMatchObject({
      ok: true,
      how: 'owner',
      person: { role: 'owner', name: 'ME' },
    });
    expect(await findOwner(db)).toMatchObject({ name: 'ME' });
    expect(await pairing.approve(await ask(who('ann')), { by: 'cli' })).toMatchObject({ ok: true, firstOwner: false });
  });

  test('joins whoever redeems it to the owner that there is', async () => {
    const { pairing, owner, db } = await openWorld();
    const boss = await owner();
    const { code } = await pairing.createOwnerCode();
    expect(await pairing.redeem(code, who('me', 'web'))).toEqual({ ok: true, how: 'owner', person: boss });
    expect(await listPersons(db)).toHaveLength(1);
    expect(await pairing.redeem(code, who('eve', 'web'))).toEqual({ ok: false, reason: 'unknown_code' });
  });

  test('makes a member owner when there is none, and keeps their history', async () => {
    const { pairing, db } = await openWorld();
    const member = await admitPerson(db, who('me'));
    await rememberMilk(db, member.id);
    const { code } = await pairing.createOwnerCode();
    expect(await pairing.redeem(code, who('me'))).toEqual({
      ok: true,
      how: 'owner',
      person: { ...member, role: 'owner' },
    });
    expect(await getPerson(db, member.id)).toMatchObject({ role: 'owner' });
  });

  test('only the newest one counts, and two at the same time make one owner', async () => {
    const { pairing, db, log, clock } = await openWorld();
    const older = await pairing.createOwnerCode();
    const { code } = await pairing.createOwnerCode();
    const other = openPairing({ db, clock, log });
    expect(await pairing.redeem(older.code, who('me', 'web'))).toEqual({ ok: false, reason: 'unknown_code' });
    await Promise.all([pairing.redeem(code, who('a', 'web')), other.redeem(code, who('b', 'web'))]);
    expect(await listPersons(db)).toHaveLength(1);
    expect(await listIdentities(db)).toHaveLength(1);
  });

  test('a browser that opens the used link again and again locks nobody out', async () => {
    const { pairing } = await openWorld();
    const { code } = await pairing.createOwnerCode();
    await pairing.redeem(code, who('me', 'web'));
    for (let i = 0; i < 10; i++)
      expect(await pairing.redeem(code, who(`b${i}`, 'web'))).toEqual({ ok: false, reason: 'unknown_code' });
  });
});

describe('revoke', () => {
  test('takes the account away on all logins of the platform, and its codes', async () => {
    const { pairing, owner, db, ask } = await openWorld();
    await owner();
    const ann = await admitPerson(db, who('ann'));
    await addIdentity(db, { ...who('ann', 'pigeon', 'bot2'), person: ann.id });
    await addIdentity(db, { ...who('ann', 'raven'), person: ann.id });
    const pending = await ask(who('ann', 'pigeon', 'bot3'));
    const link = await pairing.createLinkCode(ann.id, who('ann', 'raven'));
    expect(await pairing.revoke('pigeon', userId('ann'), 'cli')).toBe(2);
    expect(await listIdentities(db, { person: ann.id })).toMatchObject([{ platform: 'raven' }]);
    expect(await pairing.approve(pending, { by: 'cli' })).toEqual({ ok: false, reason: 'unknown_code' });
    expect(await pairing.redeem(link.code, who('ann'))).toEqual({ ok: false, reason: 'unknown_code' });
    expect(await pairing.revoke('pigeon', userId('ann'), 'cli')).toBe(0);
  });

  test('keeps what the person said for when they come back', async () => {
    const { pairing, owner, db } = await openWorld();
    await owner();
    const ann = await admitPerson(db, who('ann'));
    await pairing.revoke('pigeon', userId('ann'), 'cli');
    expect(await getPerson(db, ann.id)).toEqual(ann);
  });

  test('members may not, admins not over an owner, and an owner not their last account', async () => {
    const { pairing, owner, db } = await openWorld();
    const boss = await owner();
    const admin = await createPerson(db, { name: 'admin', role: 'admin' });
    const member = await admitPerson(db, who('ann'));
    for (const by of [member.id, admin.id, boss.id])
      await expect(pairing.revoke('pigeon', userId('boss'), by)).rejects.toMatchObject({ code: 'not_allowed' });
    expect(await findPerson(db, who('boss'))).toEqual(boss);
    expect(await pairing.revoke('pigeon', userId('ann'), admin.id)).toBe(1);
    await addIdentity(db, { ...who('boss', 'raven'), person: boss.id });
    expect(await pairing.revoke('raven', userId('boss'), boss.id)).toBe(1);
    expect(await pairing.revoke('pigeon', userId('boss'), 'cli')).toBe(1);
  });
});

test('a code is nowhere but in the answer: not in the log, the audit or the database file', async () => {
  const { pairing, owner, ask, lines, db, backup, home } = await openWorld();
  const boss = await owner();
  const codes = [
    await ask(who('ann')),
    (await pairing.createLinkCode(boss.id, who('boss'))).code,
    (await pairing.createOwnerCode()).code,
  ];
  await pairing.approve('WRNGCDE2', { platform: 'pigeon', by: boss.id });
  for (const [i, code] of codes.entries()) {
    await pairing.approve(code, { by: boss.id });
    await pairing.redeem(code, who(`x${i}`, 'raven'));
  }
  await backup(`${home}/copy.db`);
  const file = fs.readFileSync(`${home}/copy.db`);
  const audit = JSON.stringify(await listAudit(db, 100));
  expect(lines.length).toBeGreaterThan(5);
  for (const code of [...codes, 'WRNGCDE2']) {
    expect(file.includes(code)).toBe(false);
    expect(audit).not.toContain(code);
    expect(lines.join('\n')).not.toContain(code);
  }
});
