// A WhatsApp server on loopback for one linked device: real Noise, real Signal encryption, a queue that keeps what was not acknowledged.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import {
  BufferJSON,
  getBinaryNodeChild,
  getBinaryNodeChildren,
  type AuthenticationCreds,
  type BinaryNode,
  type proto,
} from 'baileys';
import { WebSocketServer } from 'ws';
import { quietLibsignal } from '../../../adapters/whatsapp/web/library.ts';
import { CodeLinking, makePairSuccess, readRegistration, secretOfQr, type NewDevice } from './linking.ts';
import { makeMediaHosts } from './media.ts';
import { newCreds } from './new-creds.ts';
import { NoiseConnection, trustTestServers, type Login } from './noise.ts';
import { Phone, type PhoneOptions } from './phone.ts';
import { answerQuery } from './queries.ts';
import { SeenMessages } from './seen.ts';

export const BOT_PHONE = '15550001111';
const BOT_LID = '111000111000111';
/** Device 1 of the account: the one under test. */
export const BOT_DEVICE = `${BOT_PHONE}:1@s.whatsapp.net`;
const BOT_DEVICE_LID = `${BOT_LID}:1@lid`;

export interface FakeGroup {
  jid: string;
  subject: string;
  members: Phone[];
}

export interface SayOptions {
  group?: FakeGroup | undefined;
  id?: string | undefined;
  /** Seconds since the epoch. */
  at?: number | undefined;
  attrs?: Record<string, string> | undefined;
}

interface Queued {
  id: string;
  node: BinaryNode;
  /** The same message, encrypted anew. */
  again(): Promise<BinaryNode>;
}

type Fault = { kind: 'drop-before' } | { kind: 'drop-after' } | { kind: 'error'; code: number } | { kind: 'no-ack' };

export class FakeWhatsApp {
  readonly media = makeMediaHosts();
  readonly seen = new SeenMessages();
  readonly owner = new Phone({ phone: BOT_PHONE, lid: BOT_LID, name: 'Herald' });
  readonly people: Phone[] = [];
  #logins = 0;
  readonly groups = new Map<string, FakeGroup>();
  /** Stanzas of the device, newest last: tag, type and id. */
  readonly stanzas: { tag: string; attrs: Record<string, string>; child: string }[] = [];
  readonly typing: string[] = [];
  /** Set: the next logins are refused with this code. */
  refuseLogin: number | undefined;
  /** Called when a message of the device arrives, before anything is done with it. */
  onArrival: (() => void) | undefined;
  /** True: nothing is answered any more, though the connection stands. */
  isMute = false;
  logins = 0;
  /** Versions that the device called itself, of each login. */
  readonly versions: string[] = [];
  #server: WebSocketServer | undefined;
  #port = 0;
  #connections = new Set<NoiseConnection>();
  #live: NoiseConnection | undefined;
  #queue: Queued[] = [];
  #device: NewDevice | undefined;
  #pending: { device: NewDevice; connection: NoiseConnection; code?: CodeLinking } | undefined;
  #faults: Fault[] = [];
  #last: Promise<unknown> = Promise.resolve();

  static async start(): Promise<FakeWhatsApp> {
    trustTestServers();
    quietLibsignal(console); // the phones' Signal code runs here too
    const whatsapp = new FakeWhatsApp();
    await whatsapp.comeBack();
    return whatsapp;
  }

  get url(): string {
    return `ws://127.0.0.1:${this.#port}/ws/chat`;
  }

  async comeBack(): Promise<void> {
    const server = new WebSocketServer({ host: '127.0.0.1', port: this.#port });
    await once(server, 'listening');
    this.#server = server;
    this.#port = (server.address() as AddressInfo).port;
    server.on('connection', (socket) => {
      const connection = new NoiseConnection(socket, {
        onLogin: (login) => this.#onLogin(connection, login),
        onNode: (node) => this.#onNode(connection, node),
      });
      this.#connections.add(connection);
      socket.on('close', () => {
        this.#connections.delete(connection);
        if (this.#live === connection) this.#live = undefined;
      });
    });
  }

  async goAway(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    this.drop();
    if (!server) return;
    server.close();
    await once(server, 'close');
  }

  async close(): Promise<void> {
    await this.goAway();
    await this.#last.catch(() => undefined);
  }

  /** Ends all connections without a word. */
  drop(): void {
    for (const connection of this.#connections) connection.drop();
    this.#live = undefined;
  }

  /** Ends the connection as the server does when it wants to. */
  endStream(code: number): void {
    for (const connection of this.#connections) {
      connection.send({ tag: 'stream:error', attrs: { code: String(code) } });
      void setTimeout(20, undefined, { ref: false }).then(() => connection.drop());
    }
    this.#live = undefined;
  }

  /** The phone removes the device. */
  logOut(): void {
    this.#device = undefined;
    const conflict = { tag: 'conflict', attrs: { type: 'device_removed' } };
    for (const connection of this.#connections) {
      connection.send({ tag: 'stream:error', attrs: { code: '401' }, content: [conflict] });
      void setTimeout(20, undefined, { ref: false }).then(() => connection.drop());
    }
    this.#live = undefined;
  }

  get isConnected(): boolean {
    return this.#live?.isOpen ?? false;
  }

  get isLinked(): boolean {
    return this.#device !== undefined;
  }

  /** What waits to be acknowledged. */
  get waiting(): readonly string[] {
    return this.#queue.map(({ id }) => id);
  }

  fail(...faults: Fault[]): void {
    this.#faults.push(...faults);
  }

  /** A login as it is kept once a phone has linked the device. */
  makeLogin(): { cursors: Map<string, string>; creds: AuthenticationCreds } {
    const creds = newCreds(`device ${++this.#logins}`);
    creds.me = { id: BOT_DEVICE, lid: BOT_DEVICE_LID, name: 'Herald' };
    creds.account = {
      details: Buffer.from([8, 1]),
      accountSignatureKey: Buffer.alloc(32),
      accountSignature: Buffer.alloc(64),
      deviceSignature: Buffer.alloc(64),
    };
    const { registrationId, signedIdentityKey, signedPreKey } = creds;
    this.#device = {
      noiseKey: Buffer.from(creds.noiseKey.public),
      bundle: {
        registrationId,
        identity: signedIdentityKey.public,
        signedPreKey: {
          id: signedPreKey.keyId,
          key: signedPreKey.keyPair.public,
          signature: signedPreKey.signature,
        },
      },
    };
    return { cursors: new Map([['auth:creds', JSON.stringify(creds, BufferJSON.replacer)]]), creds };
  }

  person(options: PhoneOptions): Phone {
    const phone = new Phone(options);
    this.people.push(phone);
    return phone;
  }

  group(subject: string, members: Phone[]): FakeGroup {
    const group = { jid: `12036300000000${this.groups.size}@g.us`, subject, members };
    this.groups.set(group.jid, group);
    return group;
  }

  /** Resolves with the message's id once the server has it. */
  say(from: Phone, message: proto.IMessage, options: SayOptions = {}): Promise<string> {
    const id = options.id ?? `3A${randomBytes(9).toString('hex').toUpperCase()}`;
    const make = async (fresh: boolean) => this.#stanza(from, message, { ...options, id }, fresh);
    const said = this.#last.then(async () => {
      this.#enqueue({ id, node: await make(false), again: () => make(true) });
      return id;
    });
    this.#last = said.catch(() => undefined);
    return said;
  }

  /** A stanza that was never a message, or is broken. */
  inject(node: BinaryNode): void {
    this.#enqueue({ id: node.attrs['id'] ?? '', node, again: async () => node });
  }

  /** Delivers the stanza again as it is, as when an acknowledgement was lost. */
  redeliver(node: BinaryNode): void {
    this.inject(node);
  }

  /** The reader's device could not decrypt what we sent. */
  askAgain(reader: Phone, id: string): void {
    this.#live?.send({
      tag: 'receipt',
      attrs: { id, from: reader.jid, type: 'retry', t: now() },
      content: [{ tag: 'retry', attrs: { count: '1', id, t: now(), v: '1' } }],
    });
  }

  /** The phone scans the code of the device that waits to be linked. */
  scan(qr: string): void {
    this.#pair(secretOfQr(qr));
  }

  /** Somebody types the code on the phone. */
  async typeCode(code: string): Promise<void> {
    for (let i = 0; i < 400 && !this.#pending?.code; i++) await setTimeout(5);
    const pending = this.#pending;
    if (!pending?.code) throw new Error('no device asked for a code');
    pending.connection.send(await pending.code.answer(code.replace('-', '')));
  }

  #pair(advSecret: Uint8Array): void {
    const pending = this.#pending;
    if (!pending) throw new Error('no device waits to be linked');
    pending.connection.send(makePairSuccess({ jid: BOT_DEVICE, lid: BOT_DEVICE_LID }, pending.device, advSecret));
  }

  async #stanza(
    from: Phone,
    message: proto.IMessage,
    { group, id, at, attrs }: SayOptions & { id: string },
    fresh: boolean,
  ): Promise<BinaryNode> {
    const bundle = this.#device?.bundle;
    if (!bundle) throw new Error('no device is linked');
    const other = from.addressing === 'lid' ? 'pn' : 'lid';
    const otherJid = other === 'pn' ? from.jid : from.lidJid;
    const common = { id, type: 'text', t: String(at ?? Math.floor(Date.now() / 1_000)), notify: from.name };
    const role = group ? 'participant' : 'sender';
    const told = from.tellsOther ? { [`${role}_${other}`]: otherJid } : {};
    if (group) {
      const place = { from: group.jid, participant: from.from, addressing_mode: from.addressing };
      const content = fresh
        ? [await from.encrypt(BOT_DEVICE, bundle, message, true)]
        : await from.encryptForGroup(group.jid, BOT_DEVICE, bundle, message);
      return { tag: 'message', attrs: { ...common, ...place, ...told, ...attrs }, content };
    }
    const enc = await from.encrypt(BOT_DEVICE, bundle, message, fresh);
    return { tag: 'message', attrs: { ...common, from: from.from, ...told, ...attrs }, content: [enc] };
  }

  #enqueue(entry: Queued): void {
    this.#queue.push(entry);
    this.#live?.send(entry.node);
  }

  #onLogin(connection: NoiseConnection, { payload, noiseKey }: Login): void {
    this.logins++;
    const { primary, secondary, tertiary } = payload.userAgent?.appVersion ?? {};
    this.versions.push([primary, secondary, tertiary].join('.'));
    if (this.refuseLogin !== undefined) {
      connection.send({ tag: 'failure', attrs: { reason: String(this.refuseLogin) } });
      return;
    }
    if (!payload.username) {
      this.#pending = { device: readRegistration(payload, noiseKey), connection };
      const refs = ['REF-1', 'REF-2'].map((ref) => ({ tag: 'ref', attrs: {}, content: Buffer.from(ref) }));
      connection.send({
        tag: 'iq',
        attrs: { id: 'pair-0', type: 'set', xmlns: 'md', from: '@s.whatsapp.net' },
        content: [{ tag: 'pair-device', attrs: {}, content: refs }],
      });
      return;
    }
    if (!this.#device?.noiseKey.equals(noiseKey)) {
      connection.send({ tag: 'failure', attrs: { reason: '401', location: 'test' } });
      return;
    }
    connection.send({ tag: 'success', attrs: { t: now(), lid: BOT_DEVICE_LID } });
  }

  #onNode(connection: NoiseConnection, node: BinaryNode): void {
    const child = Array.isArray(node.content) ? (node.content[0]?.tag ?? '') : '';
    this.stanzas.push({ tag: node.tag, attrs: node.attrs, child });
    if (this.isMute) return;
    if (node.tag === 'iq') void this.#onQuery(connection, node, child);
    if (node.tag === 'ib' && child === 'offline_batch') this.#deliverQueue(connection);
    if (node.tag === 'receipt') void this.#onReceipt(connection, node);
    if (node.tag === 'ack' && node.attrs['class'] === 'message') this.#forget(node.attrs['id']);
    if (node.tag === 'chatstate') this.typing.push(node.attrs['to'] ?? '');
    if (node.tag === 'message')
      this.#last = this.#last.then(() => this.#onMessage(connection, node)).catch(() => undefined);
  }

  async #onQuery(connection: NoiseConnection, node: BinaryNode, child: string): Promise<void> {
    const { id = '', type = '' } = node.attrs;
    if (type === 'result') {
      if (child === 'pair-device-sign') this.#finishPairing(connection);
      return;
    }
    const stage = getBinaryNodeChild(node, 'link_code_companion_reg')?.attrs['stage'];
    if (stage === 'companion_hello' && this.#pending) this.#pending.code = new CodeLinking(node);
    const answer = await answerQuery(node, this);
    connection.send(
      typeof answer === 'number'
        ? {
            tag: 'iq',
            attrs: { id, type: 'error', from: '@s.whatsapp.net' },
            content: [{ tag: 'error', attrs: { code: String(answer), text: 'item-not-found' } }],
          }
        : { tag: 'iq', attrs: { id, type: 'result', from: '@s.whatsapp.net' }, content: answer },
    );
    if (stage === 'companion_finish' && this.#pending?.code) this.#pair(this.#pending.code.secret(node));
    if (child === 'active')
      connection.send({
        tag: 'ib',
        attrs: {},
        content: [{ tag: 'offline_preview', attrs: { count: String(this.#queue.length), t: now() } }],
      });
  }

  /** The device is known from now on; it must connect anew. */
  #finishPairing(connection: NoiseConnection): void {
    this.#device = this.#pending?.device;
    this.#pending = undefined;
    connection.send({ tag: 'stream:error', attrs: { code: '515' } });
    void setTimeout(20, undefined, { ref: false }).then(() => connection.drop());
  }

  #deliverQueue(connection: NoiseConnection): void {
    this.#queue.forEach(({ node }, i) => connection.send({ ...node, attrs: { ...node.attrs, offline: String(i) } }));
    const count = String(this.#queue.length);
    connection.send({ tag: 'ib', attrs: {}, content: [{ tag: 'offline', attrs: { count } }] });
    this.#live = connection;
  }

  async #onReceipt(connection: NoiseConnection, node: BinaryNode): Promise<void> {
    const { id = '', type } = node.attrs;
    connection.send({ tag: 'ack', attrs: { id, class: 'receipt', from: node.attrs['to'] ?? '' } });
    if (type === 'read' || type === 'read-self') return;
    const entry = this.#queue.find((queued) => queued.id === id);
    this.#forget(id);
    if (type === 'retry' && entry) this.#enqueue({ ...entry, node: await entry.again() });
  }

  #forget(id: string | undefined): void {
    this.#queue = this.#queue.filter((entry) => entry.id !== id);
  }

  async #onMessage(connection: NoiseConnection, node: BinaryNode): Promise<void> {
    this.onArrival?.();
    const fault = this.#faults.shift();
    if (fault?.kind === 'drop-before') return connection.drop();
    const { id = '', to = '' } = node.attrs;
    const ack = (attrs: Record<string, string> = {}) =>
      connection.send({ tag: 'ack', attrs: { id, class: 'message', from: to, t: now(), ...attrs } });
    if (fault?.kind === 'error') return ack({ error: String(fault.code) });
    await this.#read(node, id, to);
    if (fault?.kind === 'drop-after') return connection.drop();
    if (fault?.kind !== 'no-ack') ack();
  }

  /** Each reader decrypts what is theirs. */
  async #read(node: BinaryNode, id: string, to: string): Promise<void> {
    const parts = getBinaryNodeChildren(getBinaryNodeChild(node, 'participants'), 'to');
    const group = this.groups.get(to);
    for (const reader of [...this.people, this.owner]) {
      const own = parts.find((part) => reader.is(part.attrs['jid'] ?? ''));
      const enc = getBinaryNodeChild(own ?? (reader.is(to) ? node : undefined), 'enc');
      const read = enc && (await reader.decrypt(BOT_DEVICE, enc, to));
      if (group?.members.includes(reader) || (group && reader === this.owner)) {
        const shared = getBinaryNodeChild(node, 'enc');
        const message = shared && (await reader.decrypt(BOT_DEVICE, shared, to));
        if (message && reader === group.members[0]) this.seen.add(to, id, message);
      } else if (read && reader.is(to)) {
        this.seen.add(reader.phone, id, read.deviceSentMessage?.message ?? read);
      }
    }
  }
}

function now(): string {
  return String(Math.floor(Date.now() / 1_000));
}
