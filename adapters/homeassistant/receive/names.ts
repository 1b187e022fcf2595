// Names of users. Home Assistant tells them to administrators only through its `person` entities, which carry the id of their user.
import { z } from 'zod';
import type { Clock } from '../../../shared/clock.ts';
import type { Logger } from '../../../shared/log.ts';
import { preview } from '../../../shared/text.ts';
import { stateSchema } from '../connection/answers.ts';
import type { Session } from '../connection/link.ts';
import { USER_ID } from '../settings.ts';

/** An unknown user makes us look again, not more often than this. */
const LOOK_EVERY_MS = 60_000;

const answer = z.array(stateSchema);

export interface Names {
  of(user: string): string | undefined;
  /** Looks the user up if it is unknown. Never rejects. */
  learn(session: Session, user: string): Promise<void>;
  /** Our own name, which is always told. */
  add(user: string, name: string): void;
}

export function makeNames(deps: { clock: Clock; log: Logger }): Names {
  const names = new Map<string, string>();
  let lookedAt = -Infinity;
  return {
    of: (user) => names.get(user),
    async learn(session, user) {
      if (!USER_ID.test(user) || names.has(user) || deps.clock.now() - lookedAt < LOOK_EVERY_MS) return;
      lookedAt = deps.clock.now();
      try {
        for (const { entity_id: entity, attributes } of await session.call({ type: 'get_states' }, answer)) {
          const { user_id: id, friendly_name: name } = attributes;
          if (entity.startsWith('person.') && typeof id === 'string' && typeof name === 'string')
            names.set(id, preview(name, 100));
        }
      } catch {
        deps.log.debug({}, 'names of users could not be looked up');
      }
    },
    add(user, name) {
      names.set(user, preview(name, 100));
    },
  };
}
