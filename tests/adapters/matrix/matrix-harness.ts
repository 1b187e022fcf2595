// Matrix for the adapter contract: a homeserver on loopback.
import { makeMatrixAdapter, type MatrixPorts } from '../../../adapters/matrix/adapter.ts';
import { DEFAULT_UPLOAD_BYTES, makeCapabilities } from '../../../adapters/matrix/capabilities.ts';
import { matrixSettings } from '../../../adapters/matrix/settings.ts';
import { systemClock } from '../../../shared/clock.ts';
import { accountId, chatId, messageId, threadId, userId } from '../../../shared/ids.ts';
import type { Address } from '../../../shared/messages.ts';
import type { AdapterHarness, AdapterRig, SeenMessage, UserMessage } from '../../contracts/adapter-harness.ts';
import { makeRecordingHost, type RecordingHostOptions } from '../../contracts/adapter-host.ts';
import type { SayOptions } from '../../support/matrix/people.ts';
import { makeSealedPerson } from '../../support/matrix/sealed-person.ts';
import { seenIn, seenMessages } from '../../support/matrix/seen.ts';
import { startHomeserver, type Homeserver } from '../../support/matrix/server.ts';
import type { Content, Room, StoredEvent } from '../../support/matrix/world.ts';

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
  open: () => openOn(openPlainSide),
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

/** Cases in which nothing is sealed or opened, and all kinds of files but one of each way to show them. */
const UNSEALED = [
  /^declares its capabilities/,
  /^bots and our own echo/,
  /^publishing commands/,
  /^typing shows/,
  /^a reaction is set/,
  /^a file of kind (audio|voice|video|sticker) /,
  /^opening a file that is not there/,
  /^a file that is gone from disk/,
  /^a rate limit says/,
  /^a person who blocked us/,
  /^a chat that does not exist/,
  /^an edit of a message that does not exist/,
  /^a send (that was cancelled|after stop)/,
  /^an error of the platform's own/,
  /^a connection that drops before/,
  /^a platform that is not there/,
  /^it says that it is online/,
  /^stop can be called twice/,
  /^a wrong secret/,
];

/** The same in encrypted rooms. */
export const sealedMatrixHarness: AdapterHarness = {
  ...matrixHarness,
  open: () => openOn(openSealedSide),
  skipCase: (title) =>
    UNSEALED.some((pattern) => pattern.test(title)) ? 'nothing is sealed here: shown in the clear' : undefined,
};

async function openOn(openSide: (server: Homeserver) => Promise<Side>): Promise<AdapterRig> {
  const server = await startHomeserver();
  try {
    return await openRig(server, await openSide(server));
  } catch (error) {
    await server.close();
    throw error;
  }
}

/** Whoever talks with us, and where. */
interface Side {
  user: string;
  dm: Room;
  group: Room;
  /** Of a thread in the group. */
  root: string;
  say(room: Room, text: string, options: SayOptions): Promise<StoredEvent>;
  edit(room: Room, id: string, text: string): Promise<unknown>;
  seen(chat: string): Promise<readonly SeenMessage[]>;
}

async function openPlainSide(server: Homeserver): Promise<Side> {
  const ada = server.person('Ada');
  const group = server.room('Team', [ada, server.person('Bob')]);
  const root = ada.say(group, 'the beginning of a thread');
  return {
    user: ada.id,
    dm: ada.invite(),
    group,
    root: root.event_id,
    say: async (...said) => ada.say(...said),
    edit: async (...edited) => ada.edit(...edited),
    seen: async (chat) => seenMessages(server, chat),
  };
}

async function openSealedSide(server: Homeserver): Promise<Side> {
  const { world, botId } = server;
  const ann = await makeSealedPerson(world, botId, { name: 'Ada' });
  await ann.sync();
  const group = server.room('Team', [ann, server.person('Bob')]);
  world.encrypt(group, ann.id);
  const root = await ann.say(group, 'the beginning of a thread');
  return {
    user: ann.id,
    dm: ann.invite(),
    group,
    root: root.event_id,
    say: ann.say,
    edit: ann.edit,
    async seen(chat) {
      const room = world.rooms.get(chat);
      return room ? seenIn(server, await ann.read(room)) : [];
    },
  };
}

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

async function openRig(server: Homeserver, side: Side): Promise<AdapterRig> {
  const { dm, group, root, user } = side;
  const started = await startAdapter(server);
  await started.record.waitUntil(() => server.world.membership(dm, server.botId) === 'join' && hasDirect(server));
  const rig: AdapterRig = {
    ...started,
    dm: addressOf(dm, 'dm'),
    user: userId(user),
    group: addressOf(group, 'group'),
    thread: addressOf(group, 'group', root),
    nowhere: { ...addressOf(dm, 'dm'), chat: chatId('!nowhere:hs.test') },
    secrets: [server.token],
    faults: makeFaults(server, dm),
    say: async (message) => messageId(await sayAs(side, message)),
    seen: (at) => side.seen(at.chat),
    typingShown: async (at) => server.world.rooms.get(at.chat)?.typing.has(server.botId) ?? false,
    editAsUser: async (id, text) => void (await side.edit(dm, id, text)),
    deleteAsUser: async (id) =>
      void server.world.append(dm, { type: 'm.room.redaction', sender: user, content: { redacts: id } }),
    sayAsBot: async (text) => void server.person('Bob').say(group, text, { msgtype: 'm.notice' }),
    sayAsSelf: async (text) =>
      void server.world.append(dm, {
        type: 'm.room.message',
        sender: server.botId,
        content: { msgtype: 'm.text', body: text },
      }),
    injectGarbage: async () => injectGarbage(server, user, dm),
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

async function sayAs(side: Side, { at, text, ...options }: UserMessage): Promise<string> {
  const room = at?.kind === 'group' ? side.group : side.dm;
  return (await side.say(room, text, { ...options, thread: at?.thread })).event_id;
}

function injectGarbage(server: Homeserver, user: string, dm: Room): void {
  const send = (type: string, content: Content) => server.world.append(dm, { type, sender: user, content });
  const text = (more: Record<string, unknown>) => ({ msgtype: 'm.text', body: 'garbage', ...more });
  const contents: Content[] = [
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
  for (const content of contents) send('m.room.message', content);
  send('m.sticker', { body: 'x', url: 'file:///etc/passwd' });
  send('m.reaction', { 'm.relates_to': 'none' });
  send('m.room.redaction', { redacts: 7 });
  send('m.room.member', { membership: ['join'] });
  const base = { type: 'm.room.message', sender: user, content: text({}) };
  const broken = [
    { ...base, sender: 'nobody' },
    { ...base, sender: '@a b:x' },
    { ...base, content: 'no object' },
  ];
  for (const event of broken) server.world.append(dm, event as typeof base);
}
