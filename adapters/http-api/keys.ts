// Keys of the API. A key is a secret that only its holder keeps: what we know of it is a digest, which is the user id it stands for.
import { createHash, randomBytes } from 'node:crypto';
import { userId, type UserId } from '../../shared/ids.ts';

/** 256 random bits; a front end that asks for a longer or shorter key takes these too. */
const KEY = /^hk-[A-Za-z0-9_-]{43}$/;

export function makeKey(): { key: string; user: UserId } {
  for (;;) {
    const key = `hk-${randomBytes(32).toString('base64url')}`;
    const user = userOf(key);
    // It is typed after the name of a command, where a hyphen begins an option.
    if (!user.startsWith('-')) return { key, user };
  }
}

/** Whom a request speaks for; undefined when it has no key of ours. */
export function readUser(request: Request): UserId | undefined {
  const key = /^Bearer (\S{1,512})$/i.exec(request.headers.get('authorization') ?? '')?.[1];
  return key !== undefined && KEY.test(key) ? userOf(key) : undefined;
}

/** A key has too many bits to be found from its digest, so no salt is needed. */
function userOf(key: string): UserId {
  return userId(createHash('sha256').update(key).digest('base64url').slice(0, 32));
}
