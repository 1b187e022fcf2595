// Watches events of the bus. What is fired while nobody listens is gone: Home Assistant keeps no events.
import type { Clock } from '../../../shared/clock.ts';
import type { AccountId } from '../../../shared/ids.ts';
import type { AdapterHost } from '../../contract.ts';
import type { Calls } from '../connection/calls.ts';
import { contextOf, type HomeEvent } from './event-schema.ts';
import type { Rule } from './rules.ts';
import { makeEventMessage } from './triggers.ts';

export interface EventWatch {
  /** Types to subscribe to. */
  types: readonly string[];
  /** Stores what a rule asks for, once per event. Rejects when it could not be stored; may be repeated then. */
  take(event: HomeEvent): Promise<void>;
}

export function makeEventWatch(deps: {
  rules: readonly Rule[];
  account: AccountId;
  host: Pick<AdapterHost, 'receive'>;
  calls: Pick<Calls, 'isOurs'>;
  clock: Clock;
}): EventWatch {
  const { rules, clock } = deps;
  /** When each rule told last. In memory only: a restart ends the cooldown of events. */
  const toldAt = new Map<string, number>();

  function isDue(rule: Rule, event: HomeEvent, now: number): boolean {
    const { events, data = {} } = rule.watched;
    if (!events.includes(event.event_type)) return false;
    if (Object.entries(data).some(([name, value]) => event.data[name] !== value)) return false;
    return now - (toldAt.get(rule.key) ?? -Infinity) >= rule.cooldownMs;
  }

  return {
    types: [...new Set(rules.flatMap((rule) => rule.watched.events))],
    async take(event) {
      const now = clock.now();
      const due = rules.filter((rule) => isDue(rule, event, now));
      if (due.length === 0 || (await deps.calls.isOurs(contextOf(event.context)))) return;
      await deps.host.receive(makeEventMessage(event, { account: deps.account, now }));
      for (const rule of due) toldAt.set(rule.key, now);
    },
  };
}
