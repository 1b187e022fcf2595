// Invitations (iCalendar, RFC 5545) as a few lines of text; the file itself stays an attachment.

const MAX_CHARS = 200_000;
const MAX_EVENTS = 5;
const MAX_VALUE_CHARS = 500;

const METHODS: Readonly<Record<string, string>> = {
  REQUEST: 'Invitation',
  CANCEL: 'Cancelled',
  REPLY: 'Answer to an invitation',
  COUNTER: 'Counter-proposal',
  PUBLISH: 'Calendar entry',
};

interface Property {
  value: string;
  parameters: ReadonlyMap<string, string>;
}

/** '' when there is no event in it. Never throws. */
export function describeCalendar(ics: string): string {
  const lines = ics
    .slice(0, MAX_CHARS)
    .replace(/\r?\n[ \t]/g, '')
    .split(/\r?\n/);
  let method = 'REQUEST';
  let event: Map<string, Property> | undefined;
  let depth = 0;
  const events: Map<string, Property>[] = [];
  for (const line of lines) {
    const property = readLine(line);
    if (!property) continue;
    const { name, value } = property;
    if (name === 'METHOD' && !event) method = value.toUpperCase();
    else if (name === 'BEGIN') {
      if (event) depth++;
      else if (value.toUpperCase() === 'VEVENT') event = new Map();
    } else if (name === 'END') {
      if (depth > 0) depth--;
      else if (event) {
        events.push(event);
        event = undefined;
      }
    } else if (event && depth === 0 && !event.has(name)) event.set(name, property);
  }
  const title = METHODS[method] ?? 'Calendar entry';
  return events
    .slice(0, MAX_EVENTS)
    .map((one) => describeEvent(title, one))
    .join('\n\n');
}

function describeEvent(title: string, event: ReadonlyMap<string, Property>): string {
  const text = (name: string) => {
    const value = event.get(name)?.value;
    return value === undefined ? '' : unescape(value).replace(/\s+/g, ' ').trim().slice(0, MAX_VALUE_CHARS);
  };
  const organizer = event.get('ORGANIZER');
  const rows: readonly (readonly [string, string])[] = [
    [title, text('SUMMARY') || 'without a title'],
    ['When', describeTimes(event.get('DTSTART'), event.get('DTEND'))],
    ['Repeats', text('RRULE')],
    ['Where', text('LOCATION')],
    ['Organizer', organizer ? (organizer.parameters.get('CN') ?? organizer.value.replace(/^mailto:/i, '')) : ''],
    ['Notes', text('DESCRIPTION')],
  ];
  return rows.flatMap(([label, value]) => (value === '' ? [] : [`${label}: ${value}`])).join('\n');
}

function describeTimes(start: Property | undefined, end: Property | undefined): string {
  const times = [start, end].flatMap((property) => (property ? [describeTime(property)] : []));
  return times.join(' to ');
}

/** 20261121T140000Z → 2026-11-21 14:00 UTC; local times carry their zone's name. */
function describeTime({ value, parameters }: Property): string {
  const match = /^(\d{4})(\d{2})(\d{2})(?:T(\d{2})(\d{2})\d{2}(Z?))?$/.exec(value.trim());
  if (!match) return value.slice(0, 40);
  const [, year, month, day, hour, minute, utc] = match;
  const date = `${year}-${month}-${day}`;
  if (hour === undefined) return date;
  const zone = utc === 'Z' ? 'UTC' : (parameters.get('TZID') ?? '');
  return `${date} ${hour}:${minute} ${zone}`.trim();
}

function readLine(line: string): ({ name: string } & Property) | undefined {
  const colon = valueStart(line);
  if (colon === undefined) return undefined;
  const [name = '', ...rest] = line.slice(0, colon).split(';');
  const parameters = new Map<string, string>();
  for (const part of rest) {
    const equals = part.indexOf('=');
    if (equals > 0)
      parameters.set(
        part.slice(0, equals).toUpperCase(),
        part
          .slice(equals + 1)
          .replaceAll('"', '')
          .slice(0, 200),
      );
  }
  return { name: name.toUpperCase(), parameters, value: line.slice(colon + 1).slice(0, 10_000) };
}

/** The first colon outside of quotes. */
function valueStart(line: string): number | undefined {
  let isQuoted = false;
  for (let at = 0; at < Math.min(line.length, 5_000); at++) {
    const char = line.charAt(at);
    if (char === '"') isQuoted = !isQuoted;
    else if (char === ':' && !isQuoted) return at;
  }
  return undefined;
}

function unescape(value: string): string {
  return value.replace(/\\([nN,;\\])/g, (_, char: string) => (/n/i.test(char) ? '\n' : char));
}
