// Keys of the API and the ids that stand for them.
import { expect, it } from 'vitest';
import { makeKey, readUser } from '../../../adapters/http-api/keys.ts';

it('an id can be typed after a command: none begins like an option; and a key speaks for it', () => {
  for (let n = 0; n < 500; n++) {
    const { key, user } = makeKey();
    expect(user).toMatch(/^[A-Za-z0-9_]/);
    expect(readUser(new Request('http://h/', { headers: { authorization: `Bearer ${key}` } }))).toBe(user);
  }
});
