// The connection: a login that is refused, a server that falls silent, and one that closes again and again.
import { describe, expect, it } from 'vitest';
import { listenOnce } from '../../../adapters/mattermost/receive/socket.ts';
import { makeFakeClock } from '../../support/fake-clock.ts';
import { startMattermost, type MattermostServer } from '../../support/mattermost/server.ts';
import { makeRecordingHost } from '../../contracts/adapter-host.ts';
import { makeAdapter, startAdapter } from './mattermost-harness.ts';

async function withServer(run: (server: MattermostServer) => Promise<void>): Promise<void> {
  const server = await startMattermost();
  try {
    await run(server);
  } finally {
    await server.close();
  }
}

/** One connection with a clock of its own. */
function listen(server: MattermostServer, token = server.token) {
  const clock = makeFakeClock();
  const hello = Promise.withResolvers<void>();
  let signs = 0;
  const waiters = new Set<() => void>();
  const stopping = new AbortController();
  const ended = listenOnce({
    url: `${server.url.replace('http', 'ws')}/api/v4/websocket`,
    token,
    clock,
    signal: stopping.signal,
    onHello: hello.resolve,
    onEvent: () => {},
    onAlive() {
      signs++;
      for (const waiter of waiters) waiter();
    },
  });
  ended.catch(() => hello.resolve());
  const sign = (count: number) =>
    new Promise<void>((resolve) => {
      const look = () => signs >= count && resolve();
      waiters.add(look);
      look();
    });
  return { clock, ended, hello: hello.promise, sign, stop: () => stopping.abort() };
}

describe('the socket', () => {
  it('asks for a sign of life, and goes on while there is one', () =>
    withServer(async (server) => {
      const { clock, ended, hello, sign, stop } = listen(server);
      await hello;
      for (let round = 1; round <= 5; round++) {
        await clock.advance(20_000);
        await sign(round);
      }
      stop();
      await ended;
    }));

  it('ends when the server falls silent', () =>
    withServer(async (server) => {
      const { clock, ended, hello } = listen(server);
      await hello;
      server.hub.isMute = true;
      await clock.advance(80_000);
      await ended;
    }));

  it('ends when the server never greets', () =>
    withServer(async (server) => {
      server.hub.isMute = true;
      const { clock, ended } = listen(server);
      const failed = expect(ended).rejects.toThrow(/before it greeted/);
      // The handshake takes real time; the clock is turned until it is over.
      let isOver = false;
      void ended.catch(() => (isOver = true));
      for (let i = 0; i < 200 && !isOver; i++) {
        await clock.advance(15_000);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      await failed;
    }));

  it('tells a refused token, and a server that is none', () =>
    withServer(async (server) => {
      await expect(listen(server, 'wrong-token').ended).rejects.toMatchObject({ status: 401 });
      await server.goAway();
      await expect(listen(server).ended).rejects.toThrow();
    }));
});

describe('the account', () => {
  it('on a connection that falls silent misses nothing: what was said into the silence is fetched', () =>
    withServer(async (server) => {
      const clock = makeFakeClock(Date.now());
      const record = makeRecordingHost();
      const adapter = makeAdapter(server, {}, clock);
      /** Turns the clock until something has happened. */
      const turn = async (stepMs: number, isDone: () => boolean) => {
        for (let i = 0; i < 500 && !isDone(); i++) {
          await clock.advance(stepMs);
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
        expect(isDone()).toBe(true);
      };
      try {
        await adapter.start(record.host);
        await record.waitUntil(() => record.states.at(-1)?.state === 'online');
        server.world.post(server.ann.id, server.dm, 'heard');
        await record.waitFor(({ text }) => text === 'heard');
        const alive = record.cursors.get('alive');
        await turn(20_000, () => record.cursors.get('alive') !== alive);
        server.hub.isMute = true;
        // By the server's clock this is long before the silence is noticed.
        const at = clock.now() - 5_000;
        server.world.post(server.ann.id, server.dm, 'unheard', { create_at: at, update_at: at });
        await turn(10_000, () => record.states.at(-1)?.state !== 'online');
        server.hub.isMute = false;
        await turn(1_000, () => record.received.length >= 2);
        expect(record.received.map(({ text }) => text)).toEqual(['heard', 'unheard']);
      } finally {
        await adapter.stop();
        await record.close();
      }
    }));

  it('whose token is taken back needs a login, without telling the token', () =>
    withServer(async (server) => {
      const { adapter, record } = await startAdapter(server);
      try {
        server.fail({ route: /^GET \/users\/me$/, status: 401, times: Infinity });
        server.hub.dropAll();
        await record.waitUntil(() => record.states.at(-1)?.state === 'needs-login', 10_000);
        expect(JSON.stringify(record.states)).not.toContain(server.token);
        expect(record.states.at(-1)?.detail).toContain('MATTERMOST_TOKEN');
      } finally {
        await adapter.stop();
        await record.close();
      }
    }));

  it('starts while the server is away, and is online when it comes', () =>
    withServer(async (server) => {
      await server.goAway();
      const starting = startAdapter(server);
      await server.comeBack();
      const { adapter, record } = await starting;
      try {
        server.world.post(server.ann.id, server.dm, 'hello');
        await record.waitFor(({ text }) => text === 'hello');
      } finally {
        await adapter.stop();
        await record.close();
      }
    }));
});
