// `herald approvals` while no gateway runs: what it lists, proves, takes back and suggests, over all persons.
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withData } from '../../cli/client.ts';
import { decideApproval, requestApproval, takeApproval } from '../../data/policy/approvals.ts';
import { addGrant, listGrants } from '../../data/policy/grants.ts';
import { appendLedger } from '../../data/policy/ledger.ts';
import { createPerson } from '../../data/process/people.ts';
import { personScope, type Scope } from '../../data/scope.ts';
import { openData, type ProcessDb } from '../../data/db.ts';
import { openSigner } from '../../gateway/compose/signer.ts';
import { turnId } from '../../shared/ids.ts';
import { makeTempHome, removeHome, runCli } from './run-cli.ts';
import { openCommandRunner } from './run-command.ts';

const commands = openCommandRunner();
afterAll(() => commands.close());
let home: string;
let ann: Scope;
let bob: Scope;
beforeEach(async () => {
  home = makeTempHome();
  const data = await openData({ home });
  ann = personScope((await createPerson(data.db, { name: 'Ann', role: 'owner' })).id);
  bob = personScope((await createPerson(data.db, { name: 'Bob', role: 'member' })).id);
  await data.close();
});
afterEach(() => removeHome(home));
const run = (...args: string[]) => commands.run(['approvals', ...args], { home });

let calls = 0;
const push = { key: 'push', title: 'git push in ~/shop', wide: false };

async function ask(db: ProcessDb, scope: Scope, command = 'git push', how: { grant?: typeof push | undefined } = {}) {
  return requestApproval(db, scope, {
    turn: turnId(`t${++calls}`),
    callId: 'c',
    chatKey: 'chat',
    tool: 'terminal',
    arguments: JSON.stringify({ command }),
    digest: `digest of ${command}`,
    why: 'why',
    grant: 'grant' in how ? how.grant : push,
    ttlMs: 60_000,
  });
}

async function answer(
  db: ProcessDb,
  scope: Scope,
  how: { command?: string; allow?: boolean; grant?: typeof push | undefined } = {},
) {
  const { id, digest } = await ask(db, scope, how.command, how);
  const allow = how.allow ?? true;
  await decideApproval(db, scope, id, { allow });
  if (allow) await takeApproval(db, scope, id, digest);
}

const allowFor = (db: ProcessDb, scope: Scope) =>
  addGrant(db, scope, { ...push, tool: 'terminal', session: undefined, approval: `a${++calls}` });

async function record(db: ProcessDb, entries: number): Promise<void> {
  const { sign } = openSigner(home);
  for (let i = 0; i < entries; i++)
    await appendLedger(db, ann, [{ kind: 'request', subject: `s${i}`, body: { tool: 'terminal' } }], sign);
}

describe('list', () => {
  it('is empty at first', async () => {
    const { code, stdout } = await run('list');
    expect([code, stdout]).toEqual([0, expect.stringContaining('Allowed: nothing.')]);
  });

  it('shows requests, permissions and the record of everybody', async () => {
    await withData(home, async ({ db }) => {
      await ask(db, ann, 'rm -r \u001b[2Jbuild');
      await allowFor(db, bob);
      await record(db, 3);
    });
    const { stdout } = await run('list', '--limit', '2');
    expect(stdout).toMatch(/Waiting for an answer:\n\S+ +Ann +terminal .*build/);
    expect(stdout).toMatch(/Allowed:\n\S+ +Bob +terminal +git push in ~\/shop +always +used 0 times/);
    expect(stdout.match(/request/g)).toHaveLength(2);
    expect(stdout).not.toContain('\u001b');
    const json = JSON.parse((await run('list', '--json')).stdout) as { requests: unknown[]; entries: unknown[] };
    expect([json.requests.length, json.entries.length]).toEqual([1, 3]);
  });
});

describe('verify', () => {
  it('proves a whole record and finds a changed one', async () => {
    await withData(home, ({ db }) => record(db, 3));
    const whole = await run('verify');
    expect([whole.code, whole.stdout]).toEqual([0, expect.stringMatching(/whole: 3 entries.*Head: [0-9a-f]{64}/)]);
    await withData(home, async ({ db }) => {
      await db.query.updateTable('ledger').set({ body: '{"tool":"other"}' }).where('seq', '=', 2).execute();
    });
    const broken = await runCli(['approvals', 'verify'], { home });
    expect([broken.code, broken.stdout]).toEqual([1, expect.stringContaining('BROKEN at entry 2: it was changed')]);
    const json = await run('verify', '--json');
    expect([json.code, JSON.parse(json.stdout)]).toEqual([1, expect.objectContaining({ ok: false, seq: 2 })]);
  });
});

describe('revoke', () => {
  it('takes one permission back, whoever gave it', async () => {
    const id = await withData(home, async ({ db }) => {
      await allowFor(db, bob);
      return (await listGrants(db, bob))[0]?.id ?? '';
    });
    const { code, stdout } = await run('revoke', id.toLowerCase());
    expect([code, stdout]).toEqual([0, expect.stringContaining('git push in ~/shop')]);
    expect(await withData(home, ({ db }) => listGrants(db, bob))).toEqual([]);
    expect((await run('revoke', id)).code).toBe(5);
  });

  it('does not guess', async () => {
    await withData(home, async ({ db }) => {
      await allowFor(db, ann);
      await allowFor(db, bob);
    });
    const { code, stderr } = await run('revoke', '01M');
    expect([code, stderr]).not.toEqual([0, '']);
    expect(await withData(home, ({ db }) => listGrants(db, bob))).toHaveLength(1);
  });
});

describe('suggest', () => {
  it('names what was allowed three times exactly alike, and changes nothing', async () => {
    await withData(home, async ({ db }) => {
      for (let i = 0; i < 3; i++) await answer(db, ann);
      for (let i = 0; i < 2; i++) await answer(db, ann, { command: 'git pull' });
      for (let i = 0; i < 3; i++) await answer(db, ann, { command: 'once only', grant: undefined });
    });
    const { stdout } = await run('suggest');
    expect(stdout).toMatch(/Ann +terminal +git push in ~\/shop +allowed 3 times/);
    expect(stdout.split('\n').filter((line) => line.includes('terminal'))).toHaveLength(1);
    expect(await withData(home, ({ db }) => listGrants(db, ann))).toEqual([]);
  });

  it.each([
    ['denied once', (db: ProcessDb) => answer(db, ann, { allow: false })],
    ['allowed for good already', (db: ProcessDb) => allowFor(db, ann)],
    ['allowed long ago', (db: ProcessDb) => db.query.updateTable('approvals').set({ created_at: 1 }).execute()],
  ])('does not name what was %s', async (_, before) => {
    await withData(home, async ({ db }) => {
      for (let i = 0; i < 3; i++) await answer(db, ann);
      await before(db);
    });
    expect((await run('suggest')).stdout).toContain('Nothing: ');
  });

  it("does not count one person's answers for another", async () => {
    await withData(home, async ({ db }) => {
      for (const scope of [ann, ann, bob, bob]) await answer(db, scope);
    });
    expect((await run('suggest')).stdout).toContain('Nothing: ');
  });
});
