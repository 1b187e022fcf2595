import { describe, expect, it } from 'vitest';
import { openIdentities, type PersonAddress } from '../../../adapters/whatsapp/identity.ts';
import { makeRecordingHost } from '../../contracts/adapter-host.ts';

const PHONE = '15550002222';
const LID = '222000222@lid';

function open(cursors = new Map<string, string>()) {
  const { host } = makeRecordingHost({ cursors });
  const identities = openIdentities(host.cursor);
  return { cursors, resolve: (person: PersonAddress, isDm = true) => identities.resolve(person, isDm) };
}

describe('one person, one id', () => {
  it.each<[string, PersonAddress[]]>([
    ['the number first, the hidden address later', [{ phone: PHONE }, { phone: PHONE, alias: LID }, { alias: LID }]],
    ['both at once', [{ phone: PHONE, alias: LID }, { alias: LID }, { phone: PHONE }]],
    ['both, then either', [{ phone: PHONE, alias: LID }, { phone: PHONE }, { alias: LID }]],
  ])('%s: the number is the id', async (_name, seen) => {
    const { resolve } = open();
    for (const person of seen) expect(await resolve(person)).toBe(PHONE);
  });

  it('the hidden address first, the number later: the id does not change', async () => {
    const { resolve } = open();
    expect(await resolve({ alias: LID })).toBe(LID);
    expect(await resolve({ phone: PHONE, alias: LID })).toBe(LID);
    expect(await resolve({ phone: PHONE })).toBe(LID);
  });

  it('is the same after a restart', async () => {
    const first = open();
    await first.resolve({ alias: LID });
    await first.resolve({ phone: PHONE, alias: LID });
    const second = open(first.cursors);
    expect(await second.resolve({ phone: PHONE })).toBe(LID);
  });

  it('two ids that turn out to be one person: the one of the direct messages stays, whichever came first', async () => {
    const inGroupByAlias = open();
    await inGroupByAlias.resolve({ alias: LID }, false);
    await inGroupByAlias.resolve({ phone: PHONE }, true);
    expect(await inGroupByAlias.resolve({ phone: PHONE, alias: LID }, false)).toBe(PHONE);
    expect(await inGroupByAlias.resolve({ alias: LID }, false)).toBe(PHONE);

    const inGroupByPhone = open();
    await inGroupByPhone.resolve({ phone: PHONE }, false);
    await inGroupByPhone.resolve({ alias: LID }, true);
    expect(await inGroupByPhone.resolve({ phone: PHONE, alias: LID }, true)).toBe(LID);
    expect(await inGroupByPhone.resolve({ phone: PHONE }, false)).toBe(LID);
  });

  it('two ids, both or none of direct messages: that of the number', async () => {
    for (const isDm of [true, false]) {
      const { resolve } = open();
      await resolve({ alias: LID }, isDm);
      await resolve({ phone: PHONE }, isDm);
      expect(await resolve({ phone: PHONE, alias: LID }, isDm)).toBe(PHONE);
    }
  });

  it('people do not become one', async () => {
    const { resolve } = open();
    expect(await resolve({ phone: PHONE, alias: LID })).not.toBe(
      await resolve({ phone: '15550003333', alias: '3@lid' }),
    );
  });

  it('two first messages at once give one id', async () => {
    const { resolve } = open();
    const ids = await Promise.all([
      resolve({ alias: LID }),
      resolve({ phone: PHONE, alias: LID }),
      resolve({ phone: PHONE }),
    ]);
    expect(new Set(ids)).toEqual(new Set([LID]));
  });

  it('rejects when it cannot be stored, and gives the same later', async () => {
    const { host, cursors } = makeRecordingHost();
    let isBroken = true;
    const identities = openIdentities({
      ...host.cursor,
      update: (values) => (isBroken ? Promise.reject(new Error('disk full')) : host.cursor.update(values)),
    });
    await expect(identities.resolve({ alias: LID }, true)).rejects.toThrow('disk full');
    isBroken = false;
    expect(await identities.resolve({ phone: PHONE, alias: LID }, true)).toBe(PHONE);
    expect(cursors.size).toBe(2);
  });
});
