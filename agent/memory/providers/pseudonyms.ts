// Names for people, conversations and turns in services outside: always the same in one installation, and nobody can tell from them whom
// they stand for, not even two installations together.
import { createHmac } from 'node:crypto';
import type { Scope } from '../../../data/scope.ts';

export interface Pseudonyms {
  /** The person of a private space, or the group. */
  subject(scope: Scope): string;
  /** Something of the space, such as a session. */
  of(scope: Scope, kind: 'session' | 'turn' | 'memory', id: string): string;
}

/** `salt` is a secret of the installation. */
export function makePseudonyms(salt: string): Pseudonyms {
  const name = (...parts: readonly string[]) =>
    `herald-${createHmac('sha256', salt).update(JSON.stringify(parts)).digest('hex').slice(0, 32)}`;
  return {
    subject: ({ space }) => name('subject', space),
    of: ({ space }, kind, id) => name(kind, space, id),
  };
}
