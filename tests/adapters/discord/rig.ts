// A started adapter over the loopback server, for the tests of single parts.
import { afterEach } from 'vitest';
import type { Adapter } from '../../../adapters/contract.ts';
import type { Address } from '../../../shared/messages.ts';
import { makeRecordingHost, type RecordingHost, type RecordingHostOptions } from '../../contracts/adapter-host.ts';
import type { Person } from '../../support/discord/people.ts';
import { startDiscord, type DiscordOptions, type DiscordServer } from '../../support/discord/server.ts';
import { makeFakeClock, type FakeClock } from '../../support/fake-clock.ts';
import { RECORDINGS_DIR } from '../../support/recordings.ts';
import { addressOf, makeAdapter } from './discord-harness.ts';

export interface Rig {
  server: DiscordServer;
  adapter: Adapter;
  record: RecordingHost;
  ada: Person;
  /** Ada's DM. */
  dm: Address;
  /** Set with `fakeClock`: the adapter's waits pass when it is turned. */
  clock: FakeClock;
  /** Stops the adapter; `whileDown` happens; another one starts on the same disk. */
  restart(whileDown?: () => Promise<void> | void, options?: RecordingHostOptions): Promise<void>;
}

export interface RigOptions {
  server?: DiscordOptions;
  settings?: Record<string, unknown>;
  host?: RecordingHostOptions;
  fakeClock?: boolean;
  /** Default 1: waits without jitter. */
  random?: () => number;
  /** Runs before the adapter starts. */
  prepare?: (server: DiscordServer) => void | Promise<void>;
  /** Default true. */
  waitsForOnline?: boolean;
}

const open: Rig[] = [];

/** Everything is closed after the test. */
export async function openRig(options: RigOptions = {}): Promise<Rig> {
  const server = await startDiscord({ recordTo: RECORDINGS_DIR, ...options.server });
  const ada = server.person(5_001, 'Ada');
  const dm = addressOf(server, server.dmOf(ada));
  const clock = makeFakeClock(Date.now());
  await options.prepare?.(server);
  const start = async (host: RecordingHostOptions = {}) => {
    const record = makeRecordingHost(host);
    const adapter = makeAdapter(server, options.settings, {
      ...(options.fakeClock && { clock }),
      ...(options.random && { random: options.random }),
    });
    return { record, adapter };
  };
  const rig: Rig = {
    server,
    ada,
    dm,
    clock,
    ...(await start(options.host)),
    async restart(whileDown, more = {}) {
      await rig.adapter.stop();
      await whileDown?.();
      const { cursors, received } = rig.record;
      await rig.record.close();
      Object.assign(rig, await start({ cursors, received, ...more }));
      await rig.adapter.start(rig.record.host);
      await online(rig);
    },
  };
  open.push(rig);
  await rig.adapter.start(rig.record.host);
  if (options.waitsForOnline ?? true) await online(rig);
  return rig;
}

export function online({ record }: Rig): Promise<void> {
  return record.waitUntil(() => record.states.at(-1)?.state === 'online');
}

export function textsOf({ record }: Rig): readonly string[] {
  return record.received.map((message) => message.text);
}

/** Turns the clock step by step, so that real answers can come in between. */
export async function advanceUntil(
  { clock }: Rig,
  passes: () => boolean,
  stepMs: number,
  steps = 600,
): Promise<number> {
  for (let step = 0; step < steps; step++) {
    if (passes()) return step * stepMs;
    await clock.advance(stepMs);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  throw new Error('it did not happen');
}

afterEach(async () => {
  for (const { server, adapter, record } of open.splice(0)) {
    await adapter.stop();
    await record.close();
    await server.close();
  }
});
