// Append-only: the position is the schema version.
import type { Kysely } from 'kysely';
import type { Tables } from '../schema.ts';
import { up as start } from './0001-start.ts';
import { up as personSettings } from './0002-person-settings.ts';
import { up as timelineOfPerson } from './0003-timeline-of-person.ts';
import { up as indexMessagesLater } from './0004-index-messages-later.ts';
import { up as hands } from './0005-hands.ts';

export interface Migration {
  name: string;
  up(db: Kysely<Tables>): Promise<void>;
}

export const migrations: readonly Migration[] = [
  { name: '0001-start', up: start },
  { name: '0002-person-settings', up: personSettings },
  { name: '0003-timeline-of-person', up: timelineOfPerson },
  { name: '0004-index-messages-later', up: indexMessagesLater },
  { name: '0005-hands', up: hands },
];
