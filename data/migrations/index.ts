// Append-only: the position is the schema version.
import type { Kysely } from 'kysely';
import type { Tables } from '../schema.ts';
import { up as start } from './0001-start.ts';
import { up as personSettings } from './0002-person-settings.ts';
import { up as timelineOfPerson } from './0003-timeline-of-person.ts';
import { up as indexMessagesLater } from './0004-index-messages-later.ts';
import { up as hands } from './0005-hands.ts';
import { up as memory } from './0006-memory.ts';
import { up as skills } from './0007-skills.ts';
import { up as schedule } from './0008-schedule.ts';
import { up as profile } from './0009-profile.ts';
import { up as review } from './0010-review.ts';
import { up as vectors } from './0011-vectors.ts';
import { up as evidence } from './0012-evidence.ts';
import { up as triggers } from './0013-triggers.ts';
import { up as forgettings } from './0014-forgettings.ts';

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
  { name: '0006-memory', up: memory },
  { name: '0007-skills', up: skills },
  { name: '0008-schedule', up: schedule },
  { name: '0009-profile', up: profile },
  { name: '0010-review', up: review },
  { name: '0011-vectors', up: vectors },
  { name: '0012-evidence', up: evidence },
  { name: '0013-triggers', up: triggers },
  { name: '0014-forgettings', up: forgettings },
];
