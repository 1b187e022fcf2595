// Home Assistant for the adapter contract: with answers in its own notifications, or on a phone.
import { makeHomeAssistantAdapter } from '../../../adapters/homeassistant/adapter.ts';
import { makeCapabilities } from '../../../adapters/homeassistant/capabilities.ts';
import { homeAssistantSettings } from '../../../adapters/homeassistant/settings.ts';
import { parseMarkdown, plainText, type Block, type Inline } from '../../../adapters/markdown.ts';
import { accountId, messageId, userId } from '../../../shared/ids.ts';
import type { AdapterHarness, AdapterRig, SeenMessage } from '../../contracts/adapter-harness.ts';
import { makeRecordingHost } from '../../contracts/adapter-host.ts';
import { waitFor } from '../../support/gateway-process.ts';
import { startHomeServer, type HomeServer } from '../../support/homeassistant/server.ts';
import { actionsOf, addressOf, idOf, openHome, pressOf, say, type HomeRig } from './home-rig.ts';

export type Mode = 'persistent' | 'mobile';

const CALL = (command: { type: string }) => command.type === 'call_service';

export function makeHomeHarness(mode: Mode): AdapterHarness {
  return {
    capabilities: makeCapabilities(mode),
    async open() {
      const rig = await openHome({
        settings: ({ ada, ben }) => ({
          notify: {
            ...(mode === 'mobile' && { [ada.id]: 'notify.mobile_app_ada' }),
            [ben.id]: 'notify.mobile_app_lost',
          },
        }),
      });
      return adapt(rig, mode);
    },
    async openWithWrongSecret() {
      const home = await startHomeServer();
      const record = makeRecordingHost();
      const wrong = 'this-is-not-the-token-of-the-home';
      const adapter = makeHomeAssistantAdapter({
        platform: 'homeassistant',
        account: accountId('default'),
        settings: homeAssistantSettings.parse({ url: home.url, token: wrong }),
        fetch,
      });
      const error: unknown = await adapter.start(record.host).then(
        () => undefined,
        (reason: unknown) => reason,
      );
      const close = async () => {
        await adapter.stop();
        await record.close();
        await home.close();
      };
      return { error, record, secrets: [wrong], close };
    },
  };
}

function adapt(rig: HomeRig, mode: Mode): AdapterRig {
  const { home, ada, ben } = rig;
  let isStopped = false;
  /** Who waits for a stopped adapter to listen waits for nothing. */
  const watchStop = () => {
    const stop = rig.adapter.stop.bind(rig.adapter);
    isStopped = false;
    rig.adapter.stop = () => {
      isStopped = true;
      return stop();
    };
  };
  watchStop();
  const adapted: AdapterRig = {
    adapter: rig.adapter,
    record: rig.record,
    dm: addressOf(ada.id),
    user: userId(ada.id),
    nowhere: addressOf(ben.id),
    secrets: [home.token],
    faults: makeFaults(rig),
    async say({ text }) {
      if (isStopped) throw new Error('nobody listens');
      return idOf(await say(home, ada, text));
    },
    seen: async () => (mode === 'mobile' ? seenOnPhone(home) : seenInHome(home)),
    async sayAsSelf(text) {
      const tool = rig.adapter.tools?.().find((one) => one.name === 'ha_call_service');
      const args = { domain: 'script', service: 'tell_herald', data: { text } };
      await tool?.run(args, AbortSignal.timeout(5_000));
    },
    injectGarbage: async () => injectGarbage(rig),
    async restart(whileDown) {
      await rig.restart(whileDown);
      watchStop();
      Object.assign(adapted, { adapter: rig.adapter, record: rig.record });
    },
    close: () => rig.close(),
  };
  return adapted;
}

function makeFaults(rig: HomeRig): AdapterRig['faults'] {
  const { home } = rig;
  const isOnline = () => rig.record.states.at(-1)?.state === 'online';
  return {
    serverError: () => void home.fail(CALL, { kind: 'error', code: 'unknown_error', message: 'Unknown error' }),
    dropBefore: () => void home.fail(CALL, { kind: 'drop-before' }),
    dropAfter: () => void home.fail(CALL, { kind: 'drop-after' }),
    async goAway() {
      await home.goAway();
      await rig.record.waitUntil(() => !isOnline());
    },
    async comeBack() {
      await home.comeBack();
      await rig.record.waitUntil(isOnline, 15_000);
    },
    async disconnect() {
      home.disconnect();
      await waitFor('the end of the connection', () => home.connections() === 0);
    },
  };
}

function seenInHome(home: HomeServer): readonly SeenMessage[] {
  return [...home.world.notifications.values()].map(({ notification_id: id, message }) => {
    const tree = parseMarkdown(message);
    return {
      id: messageId(id),
      text: plainText(tree),
      formatted: tree.some(isFormatted),
      buttons: [],
      files: [],
      reactions: [],
    };
  });
}

function isFormatted(block: Block): boolean {
  return (
    block.type !== 'paragraph' || block.children.some((node: Inline) => node.type !== 'text' && node.type !== 'break')
  );
}

function seenOnPhone(home: HomeServer): readonly SeenMessage[] {
  return home.world.pushes.map(({ message, data }) => ({
    id: messageId(String(data['tag'])),
    text: message,
    formatted: false,
    buttons: actionsOf(data).flatMap((action) => {
      const pressed = pressOf(action);
      return pressed === undefined ? [] : [[{ label: action.title, data: pressed }]];
    }),
    files: [],
    reactions: [],
  }));
}

function injectGarbage({ home, ada }: HomeRig): void {
  for (const frame of ['not json', 'null', '[null]', '42', '{}', '[{"id":3}]', '{"type":7}', '{"type":"odd","id":4}'])
    home.sendRaw(frame);
  const { world } = home;
  const by = () => ({ context: world.context(ada.id) });
  world.fire('herald_message', {}, by());
  world.fire('herald_message', { text: 7 }, by());
  world.fire('herald_message', { text: '  ' }, by());
  world.fire('herald_message', { text: 'of nobody' });
  world.fire('herald_message', { text: 'of somebody odd' }, { context: world.context('../etc') });
  world.fire('herald_message', { text: 'from elsewhere', user_id: ada.id }, { origin: 'REMOTE' });
  world.fire('mobile_app_notification_action', { action: 'OPEN_DOOR' }, by());
  world.fire('mobile_app_notification_action', { action: 7 }, by());
  world.fire('mobile_app_notification_action', { action: 'herald press herald_1 /stop' });
}
