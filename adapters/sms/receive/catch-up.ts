// Messages from Twilio's list: those of the time when we were down, and those of webhooks that did not come through.
import type { AdapterHost, Gap } from '../../contract.ts';
import type { Clock } from '../../../shared/clock.ts';
import { chatId } from '../../../shared/ids.ts';
import type { TwilioApi } from '../api.ts';
import { ApiError } from '../errors.ts';
import type { SmsSettings } from '../settings.ts';
import { readMediaList, readPage, type ListedSms, type Sms } from './inbound.ts';
import type { Intake } from './intake.ts';

const KEY = 'listed-until';
/** Clocks differ, and a message may appear in the list a little after its time. */
const OVERLAP_MS = 10 * 60_000;
const PAGE_SIZE = 200;
const MAX_PAGES = 10;

export interface CatchUpDeps {
  api: TwilioApi;
  settings: SmsSettings;
  host: AdapterHost;
  intake: Intake;
  clock: Clock;
  signal: AbortSignal;
}

/** What was sent to us since the last look, oldest first, and up to when it is complete. */
export interface Listed {
  messages: readonly ListedSms[];
  left: readonly Gap[];
  until: number;
}

/** Asks Twilio. Rejects as TwilioApi.call does, or when the cursor cannot be read. */
export async function listMissed(deps: CatchUpDeps): Promise<Listed> {
  const { settings, host, clock } = deps;
  const until = clock.now();
  const known = Number((await host.cursor.get(KEY)) ?? 'none');
  // What was sent before we were set up is not ours to answer.
  const since = Number.isSafeInteger(known) ? Math.min(known, until) - OVERLAP_MS : until;
  const query = {
    ...(settings.from !== undefined && { To: settings.from }),
    'DateSent>': new Date(since).toISOString().replace(/\.\d+Z$/, 'Z'),
    PageSize: String(PAGE_SIZE),
  };
  const found: ListedSms[] = [];
  let page = readPage(await deps.api.call({ path: '/Messages.json', query, signal: deps.signal }));
  for (let pages = 1; ; pages++) {
    found.push(...page.messages.filter((message) => message.isInbound && message.sentAt >= since));
    const isPast = page.messages.some((message) => message.sentAt < since);
    if (isPast || page.next === undefined) return { ...limit(deps, found.toReversed(), until), until };
    if (pages >= MAX_PAGES) {
      const oldest = found.at(-1)?.sentAt ?? until;
      const { messages, left } = limit(deps, found.toReversed(), until);
      return { messages, left: [{ reason: 'limit', since, until: oldest }, ...left], until };
    }
    page = readPage(await deps.api.page(page.next, deps.signal));
  }
}

/** Leaves out what is too old, and of each chat what is too much, and says so. */
function limit({ host, intake }: CatchUpDeps, found: readonly ListedSms[], now: number): Omit<Listed, 'until'> {
  const { maxAgeMs, maxMessages } = host.backfill;
  const fresh = found.filter((message) => !intake.isKnown(message.sid));
  const left: Gap[] = [];
  const taken = new Set<ListedSms>();
  for (const [chat, messages] of Map.groupBy(fresh, (message) => message.from)) {
    const young = messages.filter((message) => message.sentAt >= now - maxAgeMs);
    const kept = young.slice(Math.max(0, young.length - maxMessages));
    for (const message of kept) taken.add(message);
    const dropped = messages.filter((message) => !kept.includes(message));
    const [first] = dropped;
    if (!first) continue;
    left.push({
      reason: 'limit',
      chat: { id: chatId(chat), kind: 'dm' },
      since: first.sentAt,
      until: dropped.at(-1)?.sentAt ?? first.sentAt,
      missed: dropped.length,
    });
  }
  return { messages: fresh.filter((message) => taken.has(message)), left };
}

/** Within a turn of the intake. Only when all of it is stored does the next look begin later. Rejects as TwilioApi.call does. */
export async function takeListed(deps: CatchUpDeps, { messages, left, until }: Listed): Promise<void> {
  for (const message of messages) {
    if (deps.intake.isKnown(message.sid)) continue;
    if (!(await deps.intake.take(await withMedia(deps, message)))) return;
  }
  for (const gap of left) await deps.host.gap(gap);
  await deps.host.cursor
    .set(KEY, String(until))
    .catch(() => deps.host.log.warn({}, 'the time of the last look could not be saved'));
}

async function withMedia({ api, signal }: CatchUpDeps, message: ListedSms): Promise<Sms> {
  if (message.mediaCount === 0) return { ...message, media: [] };
  try {
    return {
      ...message,
      media: readMediaList(await api.call({ path: `/Messages/${message.sid}/Media.json`, signal })),
    };
  } catch (error) {
    // Files can be deleted at Twilio; the text is still there.
    if (error instanceof ApiError && error.status === 404) return { ...message, media: [] };
    throw error;
  }
}
