// IRC for the adapter contract: on the real ngircd, which knows no accounts and no history, and on a server that knows both.
import { makeCapabilities } from '../../../adapters/irc/capabilities.ts';
import { stripFormatting } from '../../../adapters/irc/receive/inbound.ts';
import type { SendResult } from '../../../adapters/contract.ts';
import { messageId, userId, type MessageId } from '../../../shared/ids.ts';
import type { AdapterHarness, AdapterRig, SeenMessage } from '../../contracts/adapter-harness.ts';
import { makeRecordingHost } from '../../contracts/adapter-host.ts';
import { startIrcServer, type IrcServer } from '../../support/irc/ircv3-server.ts';
import { startNgircd, type Ngircd } from '../../support/irc/ngircd.ts';
import { connectPerson, type Person } from '../../support/irc/person.ts';
import { addressOf, makeAdapter, openIrc, type IrcRig } from './irc-rig.ts';

const PASSWORD = 'correct horse battery';

/** Which lines belong to which message: what ada sees of a send, once it has ended, is its message. */
class Sightings {
  readonly #lines: () => readonly { text: string }[];
  readonly #messages: { id: MessageId; lines: string[] }[] = [];
  #counted = 0;

  constructor(lines: () => readonly { text: string }[]) {
    this.#lines = lines;
  }

  watch(rig: IrcRig, settle: () => Promise<unknown>): void {
    const send = rig.adapter.send.bind(rig.adapter);
    rig.adapter.send = async (to, message, signal): Promise<SendResult> => {
      const result = await send(to, message, signal);
      await settle();
      const fresh = this.#lines().slice(this.#counted);
      this.#counted += fresh.length;
      const id = result.ok ? (result.ids[0] ?? messageId('')) : messageId(message.key);
      if (fresh.length > 0) this.#messages.push({ id, lines: fresh.map((line) => line.text) });
      return result;
    };
  }

  list(): readonly SeenMessage[] {
    return this.#messages.map(({ id, lines }) => {
      const text = lines.join('\n');
      const shown = stripFormatting(text);
      return { id, text: shown, formatted: shown !== text, buttons: [], files: [], reactions: [] };
    });
  }
}

/** Servers without ids: the adapter made one, which the core was told. */
async function mintedId(rig: IrcRig, used: Set<string>, text: string): Promise<MessageId> {
  const find = () =>
    rig.record.answers.find((answer) => answer.message.text === text && !used.has(answer.message.id))?.message.id;
  await rig.record.waitUntil(() => find() !== undefined);
  const id = find();
  if (id === undefined) throw new Error('it was not received');
  used.add(id);
  return id;
}

export function makeNgircdHarness(): AdapterHarness {
  return {
    capabilities: makeCapabilities(false),
    async open() {
      const server = await startNgircd();
      try {
        const rig = await openIrc(server.port, { settings: { trust_nicks: true, channels: ['#herald'] } });
        return await adaptNgircd(rig, server);
      } catch (error) {
        await server.close();
        throw error;
      }
    },
  };
}

async function adaptNgircd(rig: IrcRig, server: Ngircd): Promise<AdapterRig> {
  let ada: Person = await connectPerson(server.port, 'Ada');
  const used = new Set<string>();
  const earlier: { text: string }[] = [];
  const sightings = new Sightings(() => [...earlier, ...ada.seen.filter((line) => line.from === 'herald')]);
  sightings.watch(rig, () => ada.sync().catch(() => undefined));
  const isOnline = () => rig.record.states.at(-1)?.state === 'online';
  const adapted: AdapterRig = {
    adapter: rig.adapter,
    record: rig.record,
    dm: addressOf('nick:ada'),
    user: userId('nick:ada'),
    nowhere: addressOf('#nowhere'),
    isSingleLine: true,
    secrets: [PASSWORD],
    faults: {
      async goAway() {
        earlier.push(...ada.seen.filter((line) => line.from === 'herald'));
        await server.goAway();
        await rig.record.waitUntil(() => !isOnline());
      },
      async comeBack() {
        await server.comeBack();
        ada = await connectPerson(server.port, 'Ada');
        await rig.record.waitUntil(isOnline, 15_000);
      },
      disconnect: () => server.kill('herald'),
    },
    async say({ text }) {
      if (rig.isStopped()) throw new Error('nobody listens');
      await ada.say('herald', text);
      return mintedId(rig, used, text);
    },
    async sayAsBot(text) {
      ada.write(`NOTICE herald :${text}`);
      await ada.sync();
    },
    seen: async () => sightings.list(),
    async injectGarbage() {
      for (const line of [
        '\u0001VERSION\u0001',
        '\u0001DCC SEND x 1 2 3\u0001',
        '\u0001\u0001',
        '\u0002\u0002',
        ' ',
        '\u0001ACTION \u0001',
      ])
        ada.write(`PRIVMSG herald :${line}`);
      ada.write('PRIVMSG #herald,herald :');
      await ada.sync();
    },
    async restart(whileDown) {
      await rig.restart(whileDown);
      sightings.watch(rig, () => ada.sync().catch(() => undefined));
      Object.assign(adapted, { adapter: rig.adapter, record: rig.record });
    },
    async close() {
      await rig.close();
      ada.quit();
      await server.close();
    },
  };
  return adapted;
}

export function makeIrcv3Harness(): AdapterHarness {
  return {
    capabilities: makeCapabilities(true),
    async open() {
      const server = await startIrcServer({ accounts: { herald: PASSWORD } });
      server.addUser('Ada', 'AdaL');
      try {
        const settings = { password: PASSWORD, channels: ['#herald'] };
        // She wrote to us before.
        const rig = await openIrc(server.port, { settings, cursors: new Map([['nick/adal', 'Ada']]) });
        return adaptIrcv3(rig, server);
      } catch (error) {
        await server.close();
        throw error;
      }
    },
    async openWithWrongSecret() {
      const server = await startIrcServer({ accounts: { herald: PASSWORD } });
      const record = makeRecordingHost();
      const wrong = 'this is not the password';
      const adapter = makeAdapter(server.port, { settings: { password: wrong } });
      const error: unknown = await adapter.start(record.host).then(
        () => undefined,
        (reason: unknown) => reason,
      );
      const close = async () => {
        await adapter.stop();
        await record.close();
        await server.close();
      };
      return { error, record, secrets: [wrong, Buffer.from(wrong).toString('base64')], close };
    },
  };
}

function adaptIrcv3(rig: IrcRig, server: IrcServer): AdapterRig {
  const sightings = new Sightings(() => server.heard('Ada'));
  sightings.watch(rig, async () => undefined);
  const isOnline = () => rig.record.states.at(-1)?.state === 'online';
  const adapted: AdapterRig = {
    adapter: rig.adapter,
    record: rig.record,
    dm: addressOf('account:adal'),
    user: userId('account:adal'),
    nowhere: addressOf('#nowhere'),
    isSingleLine: true,
    secrets: [PASSWORD, Buffer.from(`herald\0herald\0${PASSWORD}`).toString('base64')],
    faults: {
      refuseFormat: (on) => server.refuse(on ? '408' : undefined),
      dropBefore: () => server.failNext('drop-before'),
      dropAfter: () => server.failNext('drop-after'),
      async goAway() {
        await server.goAway();
        await rig.record.waitUntil(() => !isOnline());
      },
      async comeBack() {
        await server.comeBack();
        await rig.record.waitUntil(isOnline, 15_000);
      },
      disconnect: async () => server.disconnect(),
      block: (on) => server.refuse(on ? '531' : undefined),
    },
    async say({ text }) {
      const id = server.say('Ada', 'herald', text);
      if (id === undefined) throw new Error('nobody hears it');
      return messageId(id);
    },
    async sayAsBot(text) {
      server.say('Ada', 'herald', text, { type: 'NOTICE' });
    },
    async sayAsSelf(text) {
      server.sendRaw('herald', `:herald!u@h PRIVMSG Ada :${text}`);
      server.sendRaw('herald', `:HERALD!u@h PRIVMSG herald :${text}`);
    },
    seen: async () => sightings.list(),
    injectGarbage: async () => injectGarbage(server),
    async restart(whileDown) {
      await rig.restart(whileDown);
      sightings.watch(rig, async () => undefined);
      Object.assign(adapted, { adapter: rig.adapter, record: rig.record });
    },
    async close() {
      await rig.close();
      await server.close();
    },
  };
  return adapted;
}

function injectGarbage(server: IrcServer): void {
  const lines = [
    '',
    ':',
    '@',
    '@ :',
    ':irc.test',
    ':Ada!u@h PRIVMSG',
    ':irc.test PRIVMSG herald :from a server',
    ':Ada!u@h PRIVMSG somebody :else',
    ':Ada!u@h PRIVMSG herald :\u0001VERSION\u0001',
    ':Ada!u@h NOTICE',
    ':irc.test CAP',
    ':irc.test CAP herald ACK',
    ':irc.test BATCH',
    ':irc.test BATCH -unknown',
    ':irc.test 353 herald',
    ':irc.test 999 herald x',
    ':irc.test MODE',
    ':irc.test KICK',
    'AUTHENTICATE',
    `:Ada!u@h ${'X'.repeat(3_000)}`,
    '\u0000\u0001\u0002',
  ];
  for (const line of lines) server.sendRaw('herald', line);
}
