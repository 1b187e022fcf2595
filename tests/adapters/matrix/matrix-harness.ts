// Matrix for the adapter contract: a homeserver on loopback.
import { makeMatrixAdapter, type MatrixPorts } from '../../../adapters/matrix/adapter.ts';
import { DEFAULT_UPLOAD_BYTES, makeCapabilities } from '../../../adapters/matrix/capabilities.ts';
import { matrixSettings } from '../../../adapters/matrix/settings.ts';
import { systemClock } from '../../../shared/clock.ts';
import { accountId, chatId, messageId, threadId, userId } from '../../../shared/ids.ts';
import type { Address } from '../../../shared/messages.ts';
import type { AdapterHarness, AdapterRig, UserMessage } from '../../contracts/adapter-harness.ts';
import { makeRecordingHost, type RecordingHostOptions } from '../../contracts/adapter-host.ts';
import type { Person } from '../../support/matrix/people.ts';
import { seenMessages } from '../../support/matrix/seen.ts';
import { startHomeserver, type Homeserver } from '../../support/matrix/server.ts';
import type { Room } from '../../support/matrix/world.ts';

export const ACCOUNT = accountId('default');

export function makeAdapter(server: Homeserver, extra: Record<string, unknown> = {}, ports: Partial<MatrixPorts> = {}) {
  const settings = matrixSettings.parse({ homeserver: server.url, access_token: server.token, ...extra });
  return makeMatrixAdapter(
    { platform: 'matrix', account: ACCOUNT, settings, fetch },
    { clock: systemClock, random: Math.random, ...ports },
  );
}

export function addressOf(room: Room, kind: 'dm' | 'group', thread?: string): Address {
  return {
    platform: 'matrix',
    account: ACCOUNT,
    chat: chatId(room.id),
    kind,
    ...(thread !== undefined && { thread: threadId(thread) }),
  };
}

export const matrixHarness: AdapterHarness = {
  capabilities: makeCapabilities({ streaming: 'edit', edit_interval_ms: 5_000 }, DEFAULT_UPLOAD_BYTES),
  async open() {
    const server = await startHomeserver();
    try {
      return await openRig(server);
    } catch (error) {
      await server.close();
      throw error;
    }
  },
  async openWithWrongSecret() {
    const server = await startHomeserver();
    const record = makeRecordingHost();
    const wrong = 'syt_wrong_secret_of_nobody';
    const adapter = makeAdapter(server, { access_token: wrong });
    const error: unknown = await adapter.start(record.host).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    const close = async () => {
      await adapter.stop();
      await record.close();
      await server.close();
    };
    return { error, record, secrets: [wrong], close };
  },
};

/** A started adapter and what it told, online. */
export async function startAdapter(
  server: Homeserver,
  options: { kept?: RecordingHostOptions; extra?: Record<string, unknown>; ports?: Partial<MatrixPorts> } = {},
) {
  const record = makeRecordingHost(options.kept);
  const adapter = makeAdapter(server, options.extra, options.ports);
  try {
    await adapter.start(record.host);
    // The first sync is done when its token is stored.
    await record.waitUntil(() => record.states.at(-1)?.state === 'online' && record.cursors.has('since'));
    return { adapter, record };
  } catch (error) {
    await adapter.stop();
    await record.close();
    throw error;
  }
}

async function openRig(server: Homeserver): Promise<AdapterRig> {
  const ada = server.person('Ada');
  const bob = server.person('Bob');
  const group = server.room('Team', [ada, bob]);
  const root = ada.say(group, 'the beginning of a thread');
  const dm = ada.invite();
  const started = await startAdapter(server);
  await started.record.waitUntil(() => server.world.membership(dm, server.botId) === 'join' && hasDirect(server));
  const rig: AdapterRig = {
    ...started,
    dm: addressOf(dm, 'dm'),
    user: userId(ada.id),
    group: addressOf(group, 'group'),
    thread: addressOf(group, 'group', root.event_id),
    nowhere: { ...addressOf(dm, 'dm'), chat: chatId('!nowhere:hs.test') },
    secrets: [server.token],
    faults: makeFaults(server, dm),
    say: async (message) => messageId(sayAs(ada, { dm, group }, message)),
    seen: async (at) => seenMessages(server, at.chat),
    typingShown: async (at) => server.world.rooms.get(at.chat)?.typing.has(server.botId) ?? false,
    editAsUser: async (id, text) => void ada.edit(dm, id, text),
    deleteAsUser: async (id) => void ada.redact(dm, id),
    sayAsBot: async (text) => void bob.say(group, text, { msgtype: 'm.notice' }),
    sayAsSelf: async (text) =>
      void server.world.append(dm, {
        type: 'm.room.message',
        sender: server.botId,
        content: { msgtype: 'm.text', body: text },
      }),
    injectGarbage: async () => injectGarbage(server, ada, dm),
    async restart(whileDown) {
      await rig.adapter.stop();
      await whileDown();
      const { cursors, received } = rig.record;
      await rig.record.close();
      Object.assign(rig, await startAdapter(server, { kept: { cursors, received } }));
    },
    async close() {
      await rig.adapter.stop();
      await rig.record.close();
      await server.close();
    },
  };
  return rig;
}

/** The invite is worked off to its end. */
function hasDirect(server: Homeserver): boolean {
  return server.world.accountData.has(`${server.botId} m.direct`);
}

const SENDS = { method: 'PUT', route: /^client\/v3\/rooms\/[^/]+\/send\// };

function makeFaults(server: Homeserver, dm: Room): AdapterRig['faults'] {
  return {
    rateLimit: (ms) =>
      server.fail({ ...SENDS, status: 429, body: { errcode: 'M_LIMIT_EXCEEDED', error: 'Slow', retry_after_ms: ms } }),
    serverError: () => server.fail({ ...SENDS, status: 502, body: '<html>Bad Gateway</html>' }),
    dropBefore: () => server.fail({ ...SENDS, drop: 'before' }),
    dropAfter: () => server.fail({ ...SENDS, drop: 'after' }),
    async goAway() {
      await server.goAway();
      // Until the ends of its idle connections are noticed, the client may still write into one: then it cannot know.
      await new Promise((resolve) => setTimeout(resolve, 30));
    },
    comeBack: () => server.comeBack(),
    disconnect: async () => server.disconnect(),
    block: (on) => void dm.muted[on ? 'add' : 'delete'](server.botId),
  };
}

function sayAs(ada: Person, { dm, group }: { dm: Room; group: Room }, message: UserMessage): string {
  const { at, text, ...options } = message;
  const room = at?.kind === 'group' ? group : dm;
  return ada.say(room, text, { ...options, thread: at?.thread }).event_id;
}

function injectGarbage(server: Homeserver, ada: Person, dm: Room): void {
  const text = (more: Record<string, unknown>) => ({ msgtype: 'm.text', body: 'garbage', ...more });
  const contents: Record<string, unknown>[] = [
    {},
    { msgtype: 7, body: 'x' },
    text({ body: { deep: [1] } }),
    text({ body: null }),
    { msgtype: 'm.of.2031', body: 'garbage' },
    { msgtype: 'm.image', body: 'x.png', url: 'https://evil.example/x.png' },
    { msgtype: 'm.file', body: 'x', url: 'mxc://../../etc/passwd' },
    { msgtype: 'm.file', body: 'x', file: { url: 'mxc://hs.test/abc', key: {} } },
    text({ 'm.relates_to': { rel_type: 'm.replace' } }),
    text({ 'm.relates_to': { rel_type: 'm.replace', event_id: '$unknown' }, 'm.new_content': text({}) }),
    text({ 'm.relates_to': { rel_type: 'm.replace', event_id: '$unknown' } }),
  ];
  for (const content of contents) ada.send(dm, 'm.room.message', content);
  ada.send(dm, 'm.sticker', { body: 'x', url: 'file:///etc/passwd' });
  ada.send(dm, 'm.reaction', { 'm.relates_to': 'none' });
  ada.send(dm, 'm.room.redaction', { redacts: 7 });
  ada.send(dm, 'm.room.member', { membership: ['join'] });
  const base = { type: 'm.room.message', sender: ada.id, content: text({}) };
  const broken = [
    { ...base, sender: 'nobody' },
    { ...base, sender: '@a b:x' },
    { ...base, content: 'no object' },
  ];
  for (const event of broken) server.world.append(dm, event as typeof base);
}
