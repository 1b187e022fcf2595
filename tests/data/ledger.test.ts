import { generateKeyPairSync, sign, verify } from 'node:crypto';
import { sql } from 'kysely';
import { describe, expect, test } from 'vitest';
import type { ProcessDb } from '../../data/db.ts';
import { appendLedger, type LedgerEntry } from '../../data/policy/ledger.ts';
import { listLedger, proveLedger } from '../../data/process/work/ledger.ts';
import { makePerson, makeSpeaker } from './conversation.ts';
import { openTemporaryData } from './temporary-data.ts';

const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const signHash = (hash: string) => sign(null, Buffer.from(hash, 'hex'), privateKey).toString('hex');
const isOurs = (hash: string, signature: string) =>
  verify(null, Buffer.from(hash, 'hex'), publicKey, Buffer.from(signature, 'hex'));

const entry = (subject: string, kind: LedgerEntry['kind'] = 'request'): LedgerEntry => ({
  kind,
  subject,
  body: { tool: 't', digest: 'd' },
});

async function makeLedger(count: number): Promise<ProcessDb> {
  const { db } = await openTemporaryData();
  const { scope } = await makeSpeaker(db, await makePerson(db, 'Ann'));
  for (let i = 0; i < count; i++) await appendLedger(db, scope, [entry(`s${i}`), entry(`s${i}`, 'decision')], signHash);
  return db;
}

describe('the signed record', () => {
  test('is proved from its first entry to its last', async () => {
    const db = await makeLedger(3);
    const proof = await proveLedger(db, isOurs);
    expect(proof).toMatchObject({ ok: true, entries: 6 });
    expect((await listLedger(db, 2)).map(({ seq, kind }) => [seq, kind])).toEqual([
      [6, 'decision'],
      [5, 'request'],
    ]);
  });

  test('has each step of a call once, also when it is noted again after a restart', async () => {
    const { db } = await openTemporaryData();
    const { scope } = await makeSpeaker(db, await makePerson(db, 'Ann'));
    for (let i = 0; i < 3; i++) await appendLedger(db, scope, [entry('a'), entry('a', 'result')], signHash);
    expect(await proveLedger(db, isOurs)).toMatchObject({ ok: true, entries: 2 });
  });

  test.each([
    ['a changed text', `update ledger set body = '{}' where seq = 3`, 3, 'changed'],
    ['a changed person', `update ledger set person_id = 'eve' where seq = 2`, 2, 'changed'],
    ['a missing entry', `delete from ledger where seq = 4`, 4, 'missing'],
    ['a signature of somebody else', `update ledger set signature = '00' where seq = 5`, 5, 'signature'],
    ['a cut at the beginning', `delete from ledger where seq = 1`, 1, 'missing'],
    ['entries that changed places', `update ledger set prev = hash where seq = 2`, 2, 'follow'],
  ])('tells %s', async (_name, statement, seq, problem) => {
    const db = await makeLedger(3);
    await sql.raw(statement).execute(db.query);
    expect(await proveLedger(db, isOurs)).toMatchObject({ ok: false, seq, problem: expect.stringContaining(problem) });
  });

  test('tells an entry that was forged together with its hash', async () => {
    const db = await makeLedger(2);
    const { scope } = await makeSpeaker(db, await makePerson(db, 'Eve'));
    await appendLedger(db, scope, [entry('forged')], () => 'ab'.repeat(64));
    expect(await proveLedger(db, isOurs)).toMatchObject({ ok: false, seq: 5 });
  });
});
