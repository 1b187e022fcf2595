// What a person chose for all of their chats.
import { z } from 'zod';
import { storedAddress } from './chats.ts';
import type { PersonId } from '../../shared/ids.ts';
import type { Address } from '../../shared/messages.ts';
import type { ProcessDb } from '../db.ts';
import { makeKeeper } from '../query/keep.ts';

const settingsSchema = z.object({
  /** person: one conversation over all direct chats · chat: each has its own. Default: as the configuration says. */
  dmScope: z.enum(['person', 'chat']).optional(),
  /** Where news go that no message asked for just now. Default: where the person wrote last. */
  home: storedAddress.optional(),
  /** IANA name. Default: as the configuration says. */
  timezone: z.string().optional(),
  /** Jobs that were suggested and are not wanted, by their keys; the latest last. */
  declined: z.array(z.string()).optional(),
});
export type PersonSettings = z.output<typeof settingsSchema>;

const keepSettings = makeKeeper<PersonSettings>('person_settings');

export async function getPersonSettings(db: ProcessDb, person: PersonId): Promise<PersonSettings> {
  return keepSettings(db, person, async () => {
    const row = await db.query
      .selectFrom('person_settings')
      .select('settings')
      .where('person_id', '=', person)
      .executeTakeFirst();
    return row ? settingsSchema.parse(JSON.parse(row.settings)) : {};
  });
}

/** Replaces all of them. */
export async function setPersonSettings(db: ProcessDb, person: PersonId, settings: PersonSettings): Promise<void> {
  const text = JSON.stringify(settings satisfies { home?: Address | undefined });
  await db.query
    .insertInto('person_settings')
    .values({ person_id: person, settings: text })
    .onConflict((conflict) => conflict.column('person_id').doUpdateSet({ settings: text }))
    .execute();
}
