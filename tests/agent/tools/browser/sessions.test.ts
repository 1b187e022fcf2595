// Who has which browser, and for how long: with an engine that only counts.
import { EventEmitter } from 'node:events';
import type { BrowserContext } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import type { BrowserEngine } from '../../../../agent/tools/browser/launch.ts';
import { makeBrowserSessions } from '../../../../agent/tools/browser/sessions.ts';
import { personScope, type Scope } from '../../../../data/scope.ts';
import { AppError } from '../../../../shared/errors.ts';
import { personId } from '../../../../shared/ids.ts';
import { makeFakeClock } from '../../../support/fake-clock.ts';

const person = (name: string): Scope => personScope(personId(name));
const [ann, bob, cid] = [person('ann'), person('bob'), person('cid')];
const never = () => new AbortController().signal;

function open(maxSessions = 2) {
  const clock = makeFakeClock();
  const count = { engines: 0, contexts: 0, open: 0, closed: 0 };
  let gone: () => void = () => {};
  let failing: Error | undefined;
  const engine = (): BrowserEngine => ({
    async openContext() {
      count.contexts++;
      count.open++;
      const context: unknown = Object.assign(new EventEmitter(), { close: async () => void count.open-- });
      return context as BrowserContext;
    },
    refusal: () => undefined,
    onGone: (listener) => (gone = listener),
    close: async () => void count.closed++,
  });
  const sessions = makeBrowserSessions({
    clock,
    idleMs: 120_000,
    maxSessions,
    async openEngine() {
      count.engines++;
      if (failing) throw failing;
      return engine();
    },
  });
  return { clock, count, sessions, crash: () => gone(), fail: (error: Error | undefined) => (failing = error) };
}

describe('browser sessions', () => {
  it('are one per space, over one browser', async () => {
    const { sessions, count } = open();
    const first = await sessions.use(ann, never(), async ({ session }) => session);
    const again = await sessions.use(ann, never(), async ({ session }) => session);
    const other = await sessions.use(bob, never(), async ({ session }) => session);
    expect(again).toBe(first);
    expect(other).not.toBe(first);
    expect(count).toEqual({ engines: 1, contexts: 2, open: 2, closed: 0 });
  });

  it('run one call at a time in each space', async () => {
    const { sessions } = open();
    const order: string[] = [];
    const release = Promise.withResolvers<void>();
    const slow = sessions.use(ann, never(), async () => {
      order.push('slow begins');
      await release.promise;
      order.push('slow ends');
    });
    const next = sessions.use(ann, never(), async () => order.push('next'));
    await sessions.use(bob, never(), async () => order.push('other space'));
    release.resolve();
    await Promise.all([slow, next]);
    expect(order).toEqual(['slow begins', 'other space', 'slow ends', 'next']);
  });

  it('go on after a call that failed', async () => {
    const { sessions } = open();
    await expect(sessions.use(ann, never(), () => Promise.reject(new Error('x')))).rejects.toThrow('x');
    expect(await sessions.use(ann, never(), async () => 'fine')).toBe('fine');
  });

  it('close when nobody uses them, and the browser with the last', async () => {
    const { sessions, clock, count } = open();
    await sessions.use(ann, never(), async () => {});
    await clock.advance(60_000);
    await sessions.use(bob, never(), async () => {});
    await sessions.use(ann, never(), async () => {});
    await clock.advance(119_000);
    expect(count).toMatchObject({ open: 2, closed: 0 });
    await clock.advance(2_000);
    expect(count).toMatchObject({ open: 0, closed: 1 });
    expect(clock.pending()).toBe(0);
    await sessions.use(ann, never(), async () => {});
    expect(count).toMatchObject({ engines: 2, open: 1 });
  });

  it('make room by closing what was not used for longest, never what is in use', async () => {
    const { sessions, count } = open(2);
    const release = Promise.withResolvers<void>();
    const busy = sessions.use(ann, never(), () => release.promise);
    const kept = await sessions.use(bob, never(), async ({ session }) => session);
    await sessions.use(cid, never(), async () => {});
    expect(count).toMatchObject({ contexts: 3, open: 2, closed: 0 });
    const alsoBusy = sessions.use(cid, never(), () => release.promise);
    await expect(sessions.use(bob, never(), async () => {})).rejects.toMatchObject({ code: 'tool_unavailable' });
    release.resolve();
    await Promise.all([busy, alsoBusy]);
    expect(await sessions.use(bob, never(), async ({ session }) => session)).not.toBe(kept);
  });

  it('say why there is no browser, and try again at the next call', async () => {
    const { sessions, fail, count } = open();
    fail(new AppError('tool_unavailable', 'no chromium'));
    await expect(sessions.use(ann, never(), async () => {})).rejects.toMatchObject({ publicMessage: 'no chromium' });
    fail(undefined);
    expect(await sessions.use(ann, never(), async () => 'works')).toBe('works');
    expect(count.engines).toBe(2);
  });

  it('begin anew after the browser crashed', async () => {
    const { sessions, crash, count, clock } = open();
    const before = await sessions.use(ann, never(), async ({ session }) => session);
    crash();
    expect(await sessions.use(ann, never(), async ({ session }) => session)).not.toBe(before);
    expect(count.engines).toBe(2);
    await sessions.close();
    expect(clock.pending()).toBe(0);
  });

  it('let a stopped call go at once, and the next one only after its work', async () => {
    const { sessions } = open();
    const controller = new AbortController();
    const release = Promise.withResolvers<void>();
    const order: string[] = [];
    const begun = Promise.withResolvers<void>();
    const stopped = sessions.use(ann, controller.signal, async () => {
      begun.resolve();
      await release.promise;
      order.push('work ended');
    });
    const next = sessions.use(ann, never(), async () => order.push('next'));
    await begun.promise;
    controller.abort();
    await expect(stopped).rejects.toMatchObject({ code: 'cancelled' });
    expect(order).toEqual([]);
    release.resolve();
    await next;
    expect(order).toEqual(['work ended', 'next']);
    await expect(sessions.use(ann, controller.signal, async () => {})).rejects.toThrow();
  });

  it('end a call whose page hangs, with its session', async () => {
    const { sessions, clock, count } = open();
    const hanging = sessions.use(ann, never(), () => new Promise<never>(() => {}));
    const next = sessions.use(ann, never(), async () => 'fine');
    const told = expect(hanging).rejects.toMatchObject({ code: 'timeout' });
    await clock.advance(91_000);
    await told;
    expect(await next).toBe('fine');
    expect(await sessions.use(ann, never(), async () => 'anew')).toBe('anew');
    expect(count.contexts).toBe(2);
  });

  it('can be left, and closed all at once', async () => {
    const { sessions, count } = open();
    expect(await sessions.leave(ann)).toBe(false);
    await sessions.use(ann, never(), async () => {});
    await sessions.use(bob, never(), async () => {});
    expect(await sessions.leave(ann)).toBe(true);
    expect(count).toMatchObject({ open: 1, closed: 0 });
    await sessions.close();
    await sessions.close();
    expect(count).toMatchObject({ open: 0, closed: 1 });
  });
});
