// A chain of real providers over real sockets: what fallback.test.ts proves with scripted providers holds on the wire.
import { afterEach, describe, expect, it } from 'vitest';

import { callModel, type CallLimits, type ChainLink, type RetryNotice } from '../../../agent/providers/fallback.ts';
import { openProvider, type ResolveDeps } from '../../../agent/providers/resolve.ts';
import { systemClock } from '../../../shared/clock.ts';
import { collect, makeRequest } from '../../contracts/provider-contract.ts';
import { startModelServer, type ModelServer } from '../../support/model-server.ts';
import { inOrder, type Script } from '../../support/model-server-script.ts';

const servers: ModelServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

const DEPS: ResolveDeps = { fetch, clock: systemClock, lookup: () => undefined };

async function link(provider: 'anthropic' | 'custom', script: Script): Promise<ChainLink & { server: ModelServer }> {
  const server = await startModelServer({ script });
  servers.push(server);
  const baseUrl = provider === 'anthropic' ? server.url : server.openAiUrl;
  return { provider: openProvider({ provider, base_url: baseUrl }, DEPS), model: `${provider}-model`, server };
}

async function call(chain: readonly ChainLink[], limits: Partial<CallLimits> = {}) {
  const notices: RetryNotice[] = [];
  const options = {
    signal: new AbortController().signal,
    clock: systemClock,
    random: () => 1,
    onRetry: (notice: RetryNotice) => void notices.push(notice),
    limits: { attempts: 1, ...limits },
  };
  const got = await collect(callModel(chain, makeRequest(), options));
  return { ...got, notices };
}

describe('a chain over real sockets', () => {
  it('moves from an overloaded service to the next one', async () => {
    const first = await link('anthropic', [{ reply: { status: 529, error: { type: 'overloaded_error' } } }]);
    const second = await link('custom', [{ reply: { text: 'from the second' } }]);
    const { reply, notices } = await call([first, second]);
    expect(reply.text).toBe('from the second');
    expect(reply.answeredBy).toEqual({ provider: 'custom', model: 'custom-model' });
    expect(notices).toMatchObject([{ code: 'model_overloaded', provider: 'anthropic' }]);
    expect(second.server.calls[0]?.model).toBe('custom-model');
  });

  it('moves on from a stream that falls silent', async () => {
    const first = await link('custom', [{ reply: { text: 'one two three', fault: 'stall' } }]);
    const second = await link('anthropic', [{ reply: { text: 'done' } }]);
    // Loading an SDK for the first time counts as silence too; the real limit is minutes.
    for (const { provider } of [first, second]) await provider.listModels(new AbortController().signal);
    const { reply, events, notices } = await call([first, second], { firstEventMs: 2_000, idleMs: 200 });
    expect(reply.text).toBe('done');
    expect(notices.map((notice) => notice.code)).toEqual(['timeout']);
    // What the first one had shown is void by the notice; it was shown all the same.
    expect(events[0]).toMatchObject({ type: 'text' });
  });

  it('tries an empty reply again', async () => {
    const only = await link('custom', inOrder({ fault: 'empty' }, { text: 'now' }));
    const chain = [only];
    const notices: string[] = [];
    const events = callModel(chain, makeRequest(), {
      signal: new AbortController().signal,
      clock: { ...systemClock, sleep: () => Promise.resolve() },
      random: () => 1,
      onRetry: (notice) => void notices.push(notice.code),
    });
    expect((await collect(events)).reply.text).toBe('now');
    expect(notices).toEqual(['model_protocol']);
  });
});
