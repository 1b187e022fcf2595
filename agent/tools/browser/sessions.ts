// Which browser session belongs to whom: one per space, one call at a time in each, closed when nobody uses it. The browser itself lives
// from the first session to the last.
import type { Scope } from '../../../data/scope.ts';
import type { Clock } from '../../../shared/clock.ts';
import { AppError } from '../../../shared/errors.ts';
import { untilAborted } from '../../abort.ts';
import type { BrowserEngine } from './launch.ts';
import { makeSession, type BrowserSession } from './session.ts';

/** Longer than all limits of single steps together. */
const WORK_MS = 90_000;

export interface Seat {
  session: BrowserSession;
  engine: BrowserEngine;
}

export interface BrowserSessions {
  /**
   * Runs `work` in the session of the scope's space, after what runs there already. Rejects when `signal` aborts; the work then ends by its
   * own time limits, and the next one waits for it. AppError `tool_unavailable` when there is no browser or no free seat.
   */
  use<Value>(scope: Scope, signal: AbortSignal, work: (seat: Seat) => Promise<Value>): Promise<Value>;
  /** Ends the session of a space. Resolves to whether there was one. */
  leave(scope: Scope): Promise<boolean>;
  /** Ends all sessions and the browser. */
  close(): Promise<void>;
}

interface Place {
  seat: Promise<Seat>;
  /** End of the last call that was let in. */
  last: Promise<unknown>;
  calls: number;
  cancelIdle: () => void;
}

export interface SessionDeps {
  clock: Clock;
  idleMs: number;
  maxSessions: number;
  openEngine(): Promise<BrowserEngine>;
}

export function makeBrowserSessions(deps: SessionDeps): BrowserSessions {
  const places = new Map<string, Place>();
  let engine: Promise<BrowserEngine> | undefined;

  function theEngine(): Promise<BrowserEngine> {
    if (engine) return engine;
    const mine = deps.openEngine();
    engine = mine;
    void quietly(mine.then((started) => started.onGone(() => lose(mine))));
    return mine;
  }

  /** Only what is in use can be lost: an engine that was stopped says so too, when its successor may already run. */
  function lose(gone: Promise<BrowserEngine>): void {
    if (engine !== gone) return;
    for (const place of places.values()) place.cancelIdle();
    places.clear();
    void stopEngine();
  }

  async function openSeat(): Promise<Seat> {
    const running = await theEngine();
    return { engine: running, session: makeSession(await running.openContext(), deps.clock) };
  }

  /** At once, without waiting in between: two calls must not take the same last place. */
  function placeFor(key: string): Place {
    const known = places.get(key);
    if (known) return known;
    const room = places.size >= deps.maxSessions ? freeOne() : Promise.resolve();
    const place: Place = { seat: room.then(openSeat), last: Promise.resolve(), calls: 0, cancelIdle: () => {} };
    places.set(key, place);
    place.seat.catch(() => forget(key, place));
    return place;
  }

  /** The next call tries anew: the reason may be gone by then. */
  function forget(key: string, place: Place): void {
    if (places.get(key) === place) places.delete(key);
    if (places.size === 0) void stopEngine();
  }

  /** The one that was not used for longest goes: the map is in order of use. */
  function freeOne(): Promise<unknown> {
    const idle = [...places].find(([, place]) => place.calls === 0);
    if (!idle)
      throw new AppError('tool_unavailable', 'All browser sessions are in use just now. Try again in a minute.', {
        retryable: true,
      });
    return drop(idle[0]);
  }

  async function drop(key: string): Promise<boolean> {
    const place = places.get(key);
    if (!place) return false;
    places.delete(key);
    place.cancelIdle();
    await quietly(place.seat.then(({ session }) => session.close()));
    if (places.size === 0) await stopEngine();
    return true;
  }

  async function stopEngine(): Promise<void> {
    const running = engine;
    engine = undefined;
    if (running) await quietly(running.then((started) => started.close()));
  }

  /** A page whose scripts hang can keep every question to it waiting for ever: its session ends, so that the next call works again. */
  async function inTime<Value>(key: string, work: Promise<Value>): Promise<Value> {
    const late = Promise.withResolvers<never>();
    const cancel = deps.clock.after(WORK_MS, () => {
      void drop(key);
      late.reject(
        new AppError(
          'timeout',
          'The page did not answer any more, so the browser was closed. Open it again if it is needed.',
        ),
      );
    });
    try {
      return await Promise.race([work, late.promise]);
    } finally {
      cancel();
    }
  }

  function release(key: string, place: Place): void {
    place.calls--;
    if (place.calls > 0 || places.get(key) !== place) return;
    places.delete(key);
    places.set(key, place);
    place.cancelIdle = deps.clock.after(deps.idleMs, () => void drop(key));
  }

  return {
    async use(scope, signal, work) {
      signal.throwIfAborted();
      const key: string = scope.space;
      const place = placeFor(key);
      place.cancelIdle();
      place.calls++;
      const turn = place.last.then(async () => {
        try {
          signal.throwIfAborted();
          return await inTime(key, work(await place.seat));
        } finally {
          release(key, place);
        }
      });
      place.last = quietly(turn);
      return untilAborted(turn, signal);
    },
    leave: (scope) => drop(scope.space),
    async close() {
      for (const key of places.keys()) void drop(key);
      await stopEngine();
    },
  };
}

async function quietly(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch {
    // Told to whoever started it.
  }
}
