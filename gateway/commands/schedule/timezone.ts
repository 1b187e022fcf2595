// /timezone: the time zone of a person, for jobs, dates and quiet hours.
import { getPersonSettings, setPersonSettings } from '../../../data/process/person-settings.ts';
import { AppError } from '../../../shared/errors.ts';
import { plain } from '../format.ts';
import type { Command, CommandReply } from '../types.ts';

export const timezone: Command = {
  name: 'timezone',
  aliases: ['tz'],
  description: 'Your time zone, for schedules and dates',
  usage: '[Europe/Vienna | default]',
  role: 'guest',
  duringTurn: true,
  async run({ db, person, scope, args, clock, jobs }): Promise<CommandReply> {
    const { timezone: known, ...others } = await getPersonSettings(db, person.id);
    const wanted = args.trim();
    if (wanted === '') {
      const shared = await jobs?.timezone(scope);
      const of = shared === undefined ? '' : ` (${plain(shared)})`;
      if (known === undefined)
        return {
          text: `You have no time zone of your own, so that of this Herald${of} counts. Set one: \`/timezone Europe/Vienna\`.`,
        };
      return { text: `Your time zone is ${plain(known)}: it is ${timeIn(known, clock.now())} there.` };
    }
    if (wanted.toLowerCase() === 'default') {
      await setPersonSettings(db, person.id, others);
      return { text: 'The time zone of this Herald counts for you now.' };
    }
    const zone = zoneNamed(wanted);
    await setPersonSettings(db, person.id, { ...others, timezone: zone });
    return {
      text: `Your time zone is ${plain(zone)} now: it is ${timeIn(zone, clock.now())} there. Jobs that you have keep the zone that they were made with.`,
    };
  },
};

/** As the platform writes it: "europe/vienna" is Europe/Vienna. */
function zoneNamed(words: string): string {
  try {
    const { timeZone } = new Intl.DateTimeFormat('en', { timeZone: words.replace(/\s+/g, '_') }).resolvedOptions();
    // An offset is no place: it knows no summer time.
    if (/^[A-Za-z]/.test(timeZone)) return timeZone;
  } catch {
    // Said below.
  }
  throw new AppError(
    'bad_input',
    `There is no time zone "${plain(words)}". Zones are named as in Europe/Vienna or America/New\\_York. Nothing was changed.`,
  );
}

function timeIn(timeZone: string, now: number): string {
  return new Intl.DateTimeFormat('en-GB', { timeZone, weekday: 'long', hour: '2-digit', minute: '2-digit' }).format(
    now,
  );
}
