// /whoami, /link, /pair: accounts and access, through the real pairing.
import { beforeEach, describe, expect, test } from 'vitest';
import { findPerson, type Person } from '../../../data/process/people.ts';
import { redeemReply } from '../../../gateway/commands/link.ts';
import { approvedNotice } from '../../../gateway/commands/pair.ts';
import { AppError } from '../../../shared/errors.ts';
import { accountId, userId } from '../../../shared/ids.ts';
import { listAudit } from '../../../data/process/audit.ts';
import { dm, group, openBench, type Bench } from './command-bench.ts';

let bench: Bench;
let ada: Person;
let bob: Person;
let eve: Person;

beforeEach(async () => {
  bench = await openBench();
  ada = await bench.person('ada', 'owner');
  bob = await bench.person('bob', 'member');
  eve = await bench.person('eve', 'admin');
});

const bot = accountId('bot');
const identity = (user: string, platform = 'pigeon') => ({ platform, account: bot, user: userId(user) });
const codeIn = (text: string) => /\b[A-Z2-9]{8}\b/.exec(text)?.[0] ?? '';

describe('/whoami', () => {
  test('says person, role, accounts, chat and conversation', async () => {
    await bench.run(ada, dm(ada), '/title Trip');
    const { session } = await bench.route(ada, dm(ada));
    const { text } = await bench.run(ada, dm(ada), '/whoami');
    expect(text).toContain('**You**: ada, owner');
    expect(text).toContain('pigeon: ada `ada` (here)');
    expect(text).toContain('direct message `dm-ada`');
    expect(text).toContain(`**Trip** (\`${session.id.slice(0, 10)}\`)`);
  });

  test('keeps accounts on other platforms out of a group', async () => {
    const { code } = await bench.pairing.createLinkCode(ada.id, identity('ada'));
    await bench.pairing.redeem(code, { ...identity('ada-at-raven', 'raven'), name: 'ada' });
    expect((await bench.run(ada, dm(ada), '/whoami')).text).toContain('ada-at-raven');
    const { text } = await bench.run(ada, group(), '/whoami');
    expect(text).not.toContain('raven');
    expect(text).toContain('group `kitchen`');
  });
});

describe('/link', () => {
  test('gives a code that joins another account to the same person', async () => {
    const { text } = await bench.run(ada, dm(ada), '/link');
    const code = codeIn(text);
    expect(text).toContain(`/link ${code}`);
    expect(text).toContain('1 h');
    const who = { ...identity('ada2', 'raven'), name: 'ada' };
    const result = await bench.pairing.redeem(code, who);
    expect(result.ok).toBe(true);
    expect(redeemReply(result)).toContain('belongs to ada now');
    expect((await findPerson(bench.db, who))?.id).toBe(ada.id);
  });

  test('a wrong code from a paired person changes nothing and says what to do', async () => {
    const { text } = await bench.run(bob, dm(bob), '/link ABCD2345');
    expect(text).toContain('not valid');
    expect((await findPerson(bench.db, identity('bob')))?.id).toBe(bob.id);
  });

  test('the own code from the own account says that it belongs to somebody already', async () => {
    const code = codeIn((await bench.run(ada, dm(ada), '/link')).text);
    expect((await bench.run(ada, dm(ada), `/link ${code}`)).text).toContain('already');
  });

  test('neither gives nor takes codes in a group', async () => {
    await expect(bench.run(ada, group(), '/link')).rejects.toMatchObject({ code: 'not_allowed' });
    await expect(bench.run(ada, group(), '/link ABCD2345')).rejects.toMatchObject({ code: 'not_allowed' });
  });

  test('replies to every result, with the name escaped', () => {
    const person = { ...ada, name: '[ada](x)' };
    expect(redeemReply({ ok: true, how: 'owner', person })).toContain('\\[ada\\](x): you are the owner');
    expect(redeemReply({ ok: false, reason: 'locked', retryAfterMs: 1_800_000 })).toContain('again in 30 min');
    expect(redeemReply({ ok: false, reason: 'locked' })).toContain('later');
  });
});

describe('/pair', () => {
  const ask = async (user: string) => {
    const requested = await bench.pairing.requestCode({ ...identity(user), name: user }, dm({ name: user }));
    if (!requested.ok) throw new Error(requested.reason);
    return requested.code;
  };

  test('lists who waits, without their codes', async () => {
    expect((await bench.run(ada, dm(ada), '/pair')).text).toContain('Nobody is waiting');
    const code = await ask('zoe');
    const { text } = await bench.run(ada, dm(ada), '/pair list');
    expect(text).toContain('zoe (pigeon `zoe`)');
    expect(text).not.toContain(code);
  });

  test('approves a code and tells the person in their own chat', async () => {
    const code = await ask('zoe');
    const { text } = await bench.run(ada, dm(ada), `/pair approve ${code.toLowerCase()}`);
    expect(text).toContain('is let in as member and was told');
    const zoe = await findPerson(bench.db, identity('zoe'));
    expect(zoe?.role).toBe('member');
    expect(bench.gateway.posts).toEqual([
      { to: dm({ name: 'zoe' }), text: approvedNotice(zoe ?? ada, false), key: expect.stringMatching(/^paired-\d+$/) },
    ]);
  });

  test.each([
    ['spaced', (code: string) => `${code.slice(0, 4)} ${code.slice(4)}`],
    ['with the platform', (code: string) => `pigeon ${code}`],
    ['with the platform and a dash', (code: string) => `pigeon ${code.slice(0, 4)}-${code.slice(4)}`],
  ])('takes a code %s', async (_how, write) => {
    const code = await ask('zoe');
    expect((await bench.run(eve, dm(eve), `/pair approve ${write(code)}`)).text).toContain('let in');
  });

  test('takes no code for another platform than named', async () => {
    const code = await ask('zoe');
    expect((await bench.run(ada, dm(ada), `/pair approve raven ${code}`)).text).toContain('No open request');
    expect(await findPerson(bench.db, identity('zoe'))).toBeUndefined();
  });

  test('lets in also when the chat of the person cannot be reached', async () => {
    bench.gateway.post = () => Promise.reject(new AppError('not_found', 'no such platform'));
    const code = await ask('zoe');
    expect((await bench.run(ada, dm(ada), `/pair approve ${code}`)).text).toContain('please tell them');
    expect(await findPerson(bench.db, identity('zoe'))).toBeDefined();
  });

  test('five wrong codes lock, and that is said', async () => {
    for (let attempt = 0; attempt < 5; attempt++) await bench.run(ada, dm(ada), '/pair approve ABCD2345');
    expect((await bench.run(ada, dm(ada), '/pair approve ABCD2345')).text).toMatch(
      /too many wrong codes.*Try again in/,
    );
  });

  test('takes access away', async () => {
    expect((await bench.run(ada, dm(ada), '/pair revoke pigeon bob')).text).toContain('no access any more');
    expect(await findPerson(bench.db, identity('bob'))).toBeUndefined();
    await expect(bench.run(ada, dm(ada), '/pair revoke pigeon bob')).rejects.toMatchObject({ code: 'not_found' });
  });

  test('an admin cannot revoke the owner, and nobody the account they write from', async () => {
    await expect(bench.run(eve, dm(eve), '/pair revoke pigeon ada')).rejects.toMatchObject({ code: 'not_allowed' });
    await expect(bench.run(eve, dm(eve), '/pair revoke pigeon eve')).rejects.toMatchObject({ code: 'not_allowed' });
    expect(await findPerson(bench.db, identity('ada'))).toBeDefined();
    expect(await findPerson(bench.db, identity('eve'))).toBeDefined();
  });

  test('clears open requests', async () => {
    await ask('zoe');
    expect((await bench.run(ada, dm(ada), '/pair clear')).text).toContain('1 open request');
    expect((await bench.run(ada, dm(ada), '/pair list')).text).toContain('Nobody');
  });

  test.each(['approve', 'revoke', 'revoke pigeon', 'nonsense'])('refuses /pair %s', async (args) => {
    await expect(bench.run(ada, dm(ada), `/pair ${args}`)).rejects.toMatchObject({ code: 'bad_input' });
  });

  test('is for owner and admins, whoever calls it, and the refusal is recorded', async () => {
    const code = await ask('zoe');
    for (const args of ['', 'list', `approve ${code}`, 'revoke pigeon ada', 'clear'])
      await expect(bench.run(bob, dm(bob), `/pair ${args}`)).rejects.toMatchObject({ code: 'not_allowed' });
    expect(await findPerson(bench.db, identity('zoe'))).toBeUndefined();
    expect(await listAudit(bench.db, 1)).toMatchObject([{ actor: bob.id, action: 'command.refused', subject: 'pair' }]);
  });

  test('is nothing for a group', async () => {
    const code = await ask('zoe');
    await expect(bench.run(ada, group(), `/pair approve ${code}`)).rejects.toMatchObject({ code: 'not_allowed' });
    expect(await findPerson(bench.db, identity('zoe'))).toBeUndefined();
  });
});

describe('/pair approve CODE me', () => {
  test('joins the account to who says so', async () => {
    const sender = { ...identity('ada-phone', 'raven'), name: 'ada' };
    const asked = await bench.pairing.requestCode(sender, dm(ada));
    if (!asked.ok) throw new Error(asked.reason);
    await bench.run(ada, dm(ada), `/pair approve ${asked.code} me`);
    expect((await findPerson(bench.db, sender))?.id).toBe(ada.id);
  });
});
