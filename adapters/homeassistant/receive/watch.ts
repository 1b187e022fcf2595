// Watches states. Of each rule and entity it keeps on disk what was told last; a change is what differs from that. So a change during
// a cooldown, a broken connection or a restart is told afterwards if it still holds, and one that went back is not.
import { z } from 'zod';
import type { Clock } from '../../../shared/clock.ts';
import type { AccountId } from '../../../shared/ids.ts';
import type { AdapterHost } from '../../contract.ts';
import type { Calls } from '../connection/calls.ts';
import { parseJson } from '../../transport/bodies.ts';
import type { ReceiveQueue } from '../../transport/receive-queue.ts';
import { classOf, isTold, valueOf, watchesEntity, type Rule } from './rules.ts';
import { makeStates, type HomeState } from './states.ts';
import { makeChangeMessage } from './triggers.ts';

const PREFIX = 'watch/';
/** A pattern that fits more entities than this was not meant so. */
const MAX_WATCHED = 5_000;

/** What is known of one entity by one rule. */
interface Mark {
  /** Class of the value (rules.ts) that was told or that nothing was to be told of. */
  class: string;
  value: string;
  /** When the rule told of the entity last, ms since the epoch; 0: never. */
  toldAt: number;
}

const markSchema = z.object({ class: z.string(), value: z.string(), toldAt: z.number() });

export interface WatchDeps {
  rules: readonly Rule[];
  account: AccountId;
  host: Pick<AdapterHost, 'receive' | 'cursor' | 'log'>;
  queue: Pick<ReceiveQueue, 'push'>;
  calls: Pick<Calls, 'isOurs'>;
  clock: Clock;
}

export interface Watch {
  /** Reads what an earlier run knew; before the first event. */
  load(): Promise<void>;
  /** Takes an event of `subscribe_entities`. */
  take(event: unknown): void;
  stop(): void;
}

export function makeWatch(deps: WatchDeps): Watch {
  const { rules, host, clock } = deps;
  const states = makeStates((entity) => rules.some((rule) => watchesEntity(rule, entity)));
  const marks = new Map<string, Mark>();
  const timers = new Map<string, () => void>();

  async function look(rule: Rule, state: HomeState, writes: Map<string, Mark>): Promise<void> {
    const key = `${PREFIX}${rule.key}/${state.entity}`;
    const value = valueOf(rule, state);
    if (value === undefined) return;
    const mark = marks.get(key);
    const after = classOf(rule, value);
    if (mark?.class === after) {
      mark.value = value;
      wakeLater(key, undefined);
      return;
    }
    const settle = (toldAt: number) => {
      const next = { class: after, value, toldAt };
      marks.set(key, next);
      writes.set(key, next);
      wakeLater(key, undefined);
    };
    if (!mark) {
      if (marks.size < MAX_WATCHED) settle(0);
      return;
    }
    if (!isTold(rule, mark.class, after) || (await deps.calls.isOurs(state.context))) return settle(mark.toldAt);
    const waitMs = mark.toldAt + rule.cooldownMs - clock.now();
    if (waitMs > 0) {
      wakeLater(key, { ms: waitMs, wake: () => deps.queue.push(() => lookAgain(rule, state.entity)) });
      return;
    }
    await host.receive(makeChangeMessage({ rule, state, before: mark.value, after: value }, deps.account));
    settle(clock.now());
  }

  async function lookAgain(rule: Rule, entity: string): Promise<void> {
    const state = states.get(entity);
    if (!state) return;
    const writes = new Map<string, Mark>();
    await look(rule, state, writes);
    await write(writes);
  }

  function wakeLater(key: string, later: { ms: number; wake: () => void } | undefined): void {
    timers.get(key)?.();
    timers.delete(key);
    if (later) timers.set(key, clock.after(later.ms, later.wake));
  }

  /** A task for the queue: goes on where it stopped when it has to be repeated. */
  function makeTask(told: readonly HomeState[]): () => Promise<void> {
    const pairs = told.flatMap((state) =>
      rules.filter((rule) => watchesEntity(rule, state.entity)).map((rule) => ({ rule, state })),
    );
    const writes = new Map<string, Mark>();
    let next = 0;
    return async () => {
      for (let pair = pairs[next]; pair; pair = pairs[next]) {
        await look(pair.rule, pair.state, writes);
        next++;
      }
      await write(writes);
    };
  }

  async function write(writes: ReadonlyMap<string, Mark>): Promise<void> {
    if (writes.size === 0) return;
    await host.cursor.update(Object.fromEntries([...writes].map(([key, mark]) => [key, JSON.stringify(mark)])));
  }

  return {
    async load() {
      const kept = await host.cursor.list(PREFIX);
      const gone: Record<string, undefined> = {};
      for (const [key, text] of kept) {
        const mark = markSchema.safeParse(parseJson(text));
        const isRuled = rules.some((rule) => key.startsWith(`${PREFIX}${rule.key}/`));
        if (mark.success && isRuled) marks.set(key, mark.data);
        else gone[key] = undefined;
      }
      if (Object.keys(gone).length > 0) await host.cursor.update(gone);
    },
    take(event) {
      const told = states.apply(event);
      if (told.length > 0) deps.queue.push(makeTask(told));
    },
    stop() {
      for (const cancel of timers.values()) cancel();
      timers.clear();
    },
  };
}
