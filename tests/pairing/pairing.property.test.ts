// Random people ask, approve, link, guess and wait; whatever they do, the rules hold.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { findPerson, listPersons } from '../../data/process/people.ts';
import { CODE_ALPHABET, CODE_LENGTH } from '../../pairing/codes.ts';
import { openPairing } from '../../pairing/pairing.ts';
import { accountId, chatId, userId } from '../../shared/ids.ts';
import { silentLog } from '../../shared/log.ts';
import { openTemporaryData } from '../data/temporary-data.ts';

const HOUR = 60 * 60_000;
const WRONG = 'WRNGCDE2';
const PLATFORMS = ['pigeon', 'raven'] as const;

const sender = fc.record({ user: fc.constantFrom('a', 'b', 'c', 'd', 'e'), platform: fc.constantFrom(...PLATFORMS) });
/** Which of the codes given so far is typed; undefined = a wrong one. */
const pick = fc.option(fc.nat(20), { nil: undefined, freq: 2 });
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('request' as const), sender }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('approve' as const),
      platform: fc.option(fc.constantFrom(...PLATFORMS), { nil: undefined }),
      pick,
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('link' as const), sender }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('redeem' as const), sender, pick }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('owner code' as const) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('wait' as const), minutes: fc.constantFrom(1, 10, 30, 60) }) },
);

test('one owner at most, no code twice, three pending, five wrong codes an hour', { timeout: 60_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30 }), async (steps) => {
      const { db, clock, close } = await openTemporaryData();
      let made = 0;
      // Distinct codes, so that it is known which one was used.
      const randomCode = () => codeOf(made++);
      const pairing = openPairing({ db, clock, log: silentLog, randomCode });
      const given: { code: string; expiresAt: number }[] = [];
      const used = new Set<string>();
      const wrong = new Map<string, number[]>();
      const succeed = (code: string) => {
        expect(used.has(code)).toBe(false);
        expect(given.find((one) => one.code === code)?.expiresAt).toBeGreaterThan(clock.now());
        used.add(code);
      };
      const fail = (counter: string, code: string) => {
        if (code !== WRONG) return;
        const recent = [...(wrong.get(counter) ?? []), clock.now()].filter((at) => at > clock.now() - HOUR);
        wrong.set(counter, recent);
        expect(recent.length).toBeLessThanOrEqual(5);
      };
      const typed = (index: number | undefined) => given[index ?? -1]?.code ?? WRONG;

      for (const one of steps) {
        const key = 'sender' in one && {
          platform: one.sender.platform,
          account: accountId('bot'),
          user: userId(one.sender.user),
        };
        if (one.do === 'request' && key) {
          const at = { platform: key.platform, account: key.account, chat: chatId(key.user), kind: 'dm' } as const;
          const result = await pairing.requestCode({ ...key, name: key.user }, at);
          if (result.ok) given.push(result);
        } else if (one.do === 'link' && key) {
          const person = await findPerson(db, key);
          if (person) given.push(await pairing.createLinkCode(person.id, key));
        } else if (one.do === 'owner code') {
          given.push(await pairing.createOwnerCode());
        } else if (one.do === 'approve') {
          const code = typed(one.pick);
          const result = await pairing.approve(code, { platform: one.platform, by: 'cli' });
          if (result.ok) {
            succeed(code);
            expect(one.platform ?? result.identity.platform).toBe(result.identity.platform);
            for (const counter of [one.platform ?? '*', result.identity.platform]) wrong.delete(`approve ${counter}`);
          } else if (result.reason === 'unknown_code') fail(`approve ${one.platform ?? '*'}`, code);
        } else if (one.do === 'redeem' && key) {
          const code = typed(one.pick);
          const before = await findPerson(db, key);
          const result = await pairing.redeem(code, { ...key, name: key.user });
          if (result.ok) {
            succeed(code);
            expect(await findPerson(db, key)).toEqual(result.person);
          } else {
            expect(await findPerson(db, key)).toEqual(before);
            if (result.reason === 'unknown_code') fail(`redeem ${key.platform}`, code);
          }
          if (before?.role === 'owner') expect((await findPerson(db, key))?.id).toBe(before.id);
        } else if (one.do === 'wait') await clock.advance(one.minutes * 60_000);

        const pending = await pairing.pending();
        for (const platform of PLATFORMS)
          expect(pending.filter((p) => p.platform === platform).length).toBeLessThanOrEqual(3);
        const persons = await listPersons(db);
        expect(persons.filter((person) => person.role === 'owner')).toHaveLength(persons.length > 0 ? 1 : 0);
      }
      await close();
    }),
    { numRuns: 12 },
  );
});

/** The code number `n`: distinct, and never the wrong one. */
function codeOf(n: number): string {
  let code = '';
  for (let rest = n; code.length < CODE_LENGTH; rest = Math.floor(rest / CODE_ALPHABET.length))
    code = CODE_ALPHABET.charAt(rest % CODE_ALPHABET.length) + code;
  return code;
}
