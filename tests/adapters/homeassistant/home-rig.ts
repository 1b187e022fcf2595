// A home with people, and an adapter on it, for the tests of this folder.
import { makeHomeAssistantAdapter } from '../../../adapters/homeassistant/adapter.ts';
import { readAction } from '../../../adapters/homeassistant/addresses.ts';
import { homeAssistantSettings } from '../../../adapters/homeassistant/settings.ts';
import type { Adapter } from '../../../adapters/contract.ts';
import { systemClock, type Clock } from '../../../shared/clock.ts';
import { accountId, chatId, messageId, type MessageId } from '../../../shared/ids.ts';
import type { Address } from '../../../shared/messages.ts';
import { makeRecordingHost, type RecordingHost, type RecordingHostOptions } from '../../contracts/adapter-host.ts';
import { waitFor } from '../../support/gateway-process.ts';
import { startHomeServer, type HomeServer, type HomeServerOptions } from '../../support/homeassistant/server.ts';
import { isRecord, type BusEvent, type User } from '../../support/homeassistant/world.ts';

/** A person who sees that nobody listens tries again, so long. */
const TRY_MS = 3_000;

export interface HomeRig {
  home: HomeServer;
  ada: User;
  ben: User;
  adapter: Adapter;
  record: RecordingHost;
  restart(whileDown?: () => Promise<void>): Promise<void>;
  close(): Promise<void>;
}

export interface HomeRigOptions extends HomeServerOptions, RecordingHostOptions {
  clock?: Clock;
  /** Settings besides url and token, once the people are known. */
  settings?(people: { ada: User; ben: User }): Record<string, unknown>;
  /** Runs before the adapter is started. */
  prepare?(home: HomeServer): void;
}

export function addressOf(chat: string): Address {
  return { platform: 'homeassistant', account: accountId('default'), chat: chatId(chat), kind: 'dm' };
}

export async function openHome(options: HomeRigOptions = {}): Promise<HomeRig> {
  const home = await startHomeServer(options);
  const ada = home.world.addUser('Ada');
  const ben = home.world.addUser('Ben');
  options.prepare?.(home);
  const settings = homeAssistantSettings.parse({
    url: home.url,
    token: home.token,
    ...options.settings?.({ ada, ben }),
  });
  const start = async (kept: RecordingHostOptions) => {
    const record = makeRecordingHost(kept);
    const adapter = makeHomeAssistantAdapter(
      { platform: 'homeassistant', account: accountId('default'), settings, fetch },
      options.clock ?? systemClock,
    );
    try {
      await adapter.start(record.host);
      await record.waitUntil(() => record.states.at(-1)?.state === 'online');
      return { adapter, record };
    } catch (error) {
      await adapter.stop();
      await record.close();
      await home.close();
      throw error;
    }
  };
  const rig: HomeRig = {
    home,
    ada,
    ben,
    ...(await start(options)),
    async restart(whileDown = async () => {}) {
      await rig.adapter.stop();
      await whileDown();
      const { cursors, received } = rig.record;
      await rig.record.close();
      Object.assign(rig, await start({ ...options, cursors, received }));
    },
    async close() {
      await rig.adapter.stop();
      await rig.record.close();
      await home.close();
    },
  };
  return rig;
}

/** Waits until somebody listens: Home Assistant keeps no events. */
export async function listened(home: HomeServer, type = 'herald_message'): Promise<void> {
  await waitFor('somebody who listens', () => home.subscriptions().includes(type), TRY_MS);
}

/** A person runs a script that fires the event. */
export async function say(
  home: HomeServer,
  user: User,
  text: string,
  more: Record<string, unknown> = {},
): Promise<BusEvent> {
  await listened(home);
  return home.world.fire('herald_message', { text, ...more }, { context: home.world.context(user.id) });
}

export function idOf(event: BusEvent): MessageId {
  return messageId(`${event.event_type}/${event.context.id}/${event.time_fired.replace(/\D/g, '').slice(0, 20)}`);
}

export interface PushAction {
  action: string;
  title: string;
  behavior?: string;
}

/** Buttons of a notification on a phone. */
export function actionsOf(data: Record<string, unknown>): readonly PushAction[] {
  const { actions } = data;
  if (!Array.isArray(actions)) return [];
  return actions.flatMap((one: unknown) =>
    isRecord(one) && typeof one['action'] === 'string' && typeof one['title'] === 'string'
      ? [
          {
            action: one['action'],
            title: one['title'],
            ...(typeof one['behavior'] === 'string' && { behavior: one['behavior'] }),
          },
        ]
      : [],
  );
}

export function pressOf(action: PushAction): string | undefined {
  const read = readAction(action.action);
  return read?.kind === 'press' ? read.data : undefined;
}

/** The companion app tells of a press or a reply. */
export function act(home: HomeServer, user: User | undefined, data: Record<string, unknown>): BusEvent {
  const context = home.world.context(user?.id ?? null);
  return home.world.fire('mobile_app_notification_action', data, { context, origin: 'REMOTE' });
}
