// What is listened to on each connection, and what becomes of it: stored first, in order. Home Assistant has no queue and no history of
// events, so the time without a connection is told as a gap; states are compared instead (watch.ts).
import { z } from 'zod';
import type { Clock } from '../../../shared/clock.ts';
import type { AccountId } from '../../../shared/ids.ts';
import type { AdapterHost } from '../../contract.ts';
import { CommandError } from '../errors.ts';
import { currentUserSchema } from '../connection/answers.ts';
import type { Calls } from '../connection/calls.ts';
import type { Session } from '../connection/link.ts';
import type { HomeAssistantSettings } from '../settings.ts';
import { ACTION_EVENT, MESSAGE_EVENT, readActionEvent, readMessageEvent, type Reading } from './conversation.ts';
import { contextOf, eventSchema, type HomeEvent } from './event-schema.ts';
import type { Exchanges } from './exchanges.ts';
import type { Names } from './names.ts';
import type { ReceiveQueue } from '../../transport/receive-queue.ts';
import { exactEntities, isAboutStates, makeRule } from './rules.ts';
import { makeEventWatch } from './watch-events.ts';
import { makeWatch } from './watch.ts';

/** Until when nothing was missed, ms since the epoch. */
const ALIVE_KEY = 'alive';
/** How often that is written while all is well. */
const ALIVE_EVERY_MS = 60_000;

export interface ReceiverDeps {
  settings: HomeAssistantSettings;
  account: AccountId;
  host: AdapterHost;
  queue: ReceiveQueue;
  calls: Calls;
  names: Names;
  exchanges: Exchanges;
  clock: Clock;
}

export interface Receiver {
  /** Reads what an earlier run knew. */
  load(): Promise<void>;
  /** Listens on a new connection; tells what is amiss, for people. */
  listen(session: Session): Promise<string | undefined>;
  /** Writes down that nothing was missed until now, at most once a minute unless it is the `last` time. */
  alive(isLast: boolean): Promise<void>;
  stop(): void;
}

export function makeReceiver(deps: ReceiverDeps): Receiver {
  const { settings, host, queue, calls, names, clock } = deps;
  const rules = settings.watched.map(makeRule);
  const stateRules = rules.filter(isAboutStates);
  const watch = makeWatch({ ...deps, rules: stateRules });
  const eventWatch = makeEventWatch({ ...deps, rules: rules.filter((rule) => !isAboutStates(rule)) });
  /** Events are what can be missed. */
  const canMiss = settings.conversation || eventWatch.types.length > 0;
  let aliveAt = -Infinity;
  let isListening = false;

  function takeEvent(raw: unknown, take: (event: HomeEvent) => Promise<void>): void {
    const parsed = eventSchema.safeParse(raw);
    if (parsed.success) queue.push(() => take(parsed.data));
    else host.log.warn({}, 'event could not be read');
  }

  async function takeMessage(
    session: Session,
    event: HomeEvent,
    read: typeof readMessageEvent | typeof readActionEvent,
  ): Promise<void> {
    if (await calls.isOurs(contextOf(event.context))) return;
    const readIt = (): Reading =>
      read(event, { account: deps.account, now: clock.now(), nameOf: (user) => names.of(user) });
    const first = readIt();
    if (first.kind === 'message') await names.learn(session, first.message.sender.id);
    const reading = readIt();
    if (reading.kind === 'ignored') {
      host.log.debug({ reason: reading.reason, event: event.event_type }, 'event ignored');
      return;
    }
    if (reading.exchange) await deps.exchanges.set(reading.message.chat, reading.exchange);
    await host.receive(reading.message);
  }

  async function subscribe(session: Session): Promise<readonly string[]> {
    const refused: string[] = [];
    const listenTo = async (type: string, onEvent: (event: unknown) => void) => {
      try {
        await session.subscribe({ type: 'subscribe_events', event_type: type }, onEvent);
      } catch (error) {
        if (!(error instanceof CommandError)) throw error;
        host.log.warn({ event: type, code: error.code }, 'Home Assistant refuses to tell of an event');
        refused.push(type);
      }
    };
    if (settings.conversation) {
      await listenTo(MESSAGE_EVENT, (raw) => takeEvent(raw, (event) => takeMessage(session, event, readMessageEvent)));
      await listenTo(ACTION_EVENT, (raw) => takeEvent(raw, (event) => takeMessage(session, event, readActionEvent)));
    }
    for (const type of eventWatch.types)
      await listenTo(type, (raw) => takeEvent(raw, (event) => eventWatch.take(event)));
    if (stateRules.length > 0) {
      const entities = exactEntities(stateRules);
      const command = { type: 'subscribe_entities', ...(entities && { entity_ids: entities }) };
      await session.subscribe(command, (event) => watch.take(event));
    }
    return refused;
  }

  /** While Home Assistant itself was down, nothing could be missed. */
  async function tellGap(session: Session): Promise<void> {
    const since = Number(await host.cursor.get(ALIVE_KEY));
    const config = await session.call({ type: 'get_config' }, z.looseObject({ state: z.string().optional() }));
    const wasDown = config.state !== undefined && config.state !== 'RUNNING';
    if (canMiss && since > 0 && !wasDown) await host.gap({ since, until: clock.now(), reason: 'no-replay' });
  }

  return {
    load: () => watch.load(),
    async listen(session) {
      isListening = false;
      const me = await session.call({ type: 'auth/current_user' }, currentUserSchema);
      calls.become(me.id);
      if (me.name) names.add(me.id, me.name);
      const refused = await subscribe(session);
      await tellGap(session);
      isListening = true;
      aliveAt = -Infinity;
      if (refused.length === 0) return undefined;
      return `The user of the token is no administrator, so Home Assistant does not tell of these events: ${refused.join(', ')}. Make the user an administrator there, or set conversation: false.`;
    },
    async alive(isLast) {
      if (!isListening) return;
      if (isLast) isListening = false;
      if (!isLast && clock.now() - aliveAt < ALIVE_EVERY_MS) return;
      aliveAt = clock.now();
      await host.cursor.set(ALIVE_KEY, String(queue.storedUntil()));
    },
    stop: () => watch.stop(),
  };
}
