// An adapter on an IRC server, for the tests of this folder.
import { makeIrcAdapter } from '../../../adapters/irc/adapter.ts';
import { ircSettings } from '../../../adapters/irc/settings.ts';
import type { Adapter } from '../../../adapters/contract.ts';
import { systemClock, type Clock } from '../../../shared/clock.ts';
import { accountId, chatId } from '../../../shared/ids.ts';
import type { Address } from '../../../shared/messages.ts';
import { makeRecordingHost, type RecordingHost, type RecordingHostOptions } from '../../contracts/adapter-host.ts';

/** Waits between attempts are a tenth as long: the tests have no server that minds. */
const hurriedClock: Clock = { ...systemClock, sleep: (ms, signal) => systemClock.sleep(ms / 10, signal) };

export interface IrcRig {
  adapter: Adapter;
  record: RecordingHost;
  /** True once the adapter was told to stop and was not started again. */
  isStopped(): boolean;
  restart(whileDown?: () => Promise<void> | void): Promise<void>;
  /** Ends adapter and record, not the server. */
  close(): Promise<void>;
}

export interface IrcRigOptions extends RecordingHostOptions {
  clock?: Clock;
  settings?: Record<string, unknown>;
}

export function addressOf(chat: string): Address {
  return {
    platform: 'irc',
    account: accountId('default'),
    chat: chatId(chat),
    kind: chat.startsWith('#') ? 'group' : 'dm',
  };
}

export function makeAdapter(port: number, { settings = {}, clock = hurriedClock }: IrcRigOptions = {}): Adapter {
  const parsed = ircSettings.parse({ host: '127.0.0.1', port, tls: false, line_interval_ms: 0, ...settings });
  return makeIrcAdapter({ platform: 'irc', account: accountId('default'), settings: parsed, fetch }, clock);
}

/** Waits until it is online. */
export async function openIrc(port: number, options: IrcRigOptions = {}): Promise<IrcRig> {
  let isStopped = false;
  const start = async (kept: RecordingHostOptions) => {
    const record = makeRecordingHost(kept);
    const adapter = makeAdapter(port, options);
    const stop = adapter.stop.bind(adapter);
    isStopped = false;
    adapter.stop = () => {
      isStopped = true;
      return stop();
    };
    try {
      await adapter.start(record.host);
      await record.waitUntil(() => record.states.at(-1)?.state === 'online');
      return { adapter, record };
    } catch (error) {
      await adapter.stop();
      await record.close();
      throw error;
    }
  };
  const rig: IrcRig = {
    ...(await start(options)),
    isStopped: () => isStopped,
    async restart(whileDown = () => {}) {
      await rig.adapter.stop();
      await whileDown();
      const { cursors, received } = rig.record;
      await rig.record.close();
      Object.assign(rig, await start({ ...options, cursors, received }));
    },
    async close() {
      await rig.adapter.stop();
      await rig.record.close();
    },
  };
  return rig;
}
