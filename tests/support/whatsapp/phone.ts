// A person's phone: a real Signal identity with sessions, which encrypts for the device under test and decrypts what it sends.
import {
  addTransactionCapability,
  Curve,
  DEFAULT_CONNECTION_CONFIG,
  encodeBigEndian,
  generateSignalPubKey,
  proto,
  unpadRandomMax16,
  writeRandomPadMax16,
  type AuthenticationCreds,
  type BinaryNode,
  type KeyPair,
  type SignalDataSet,
  type SignalDataTypeMap,
  type SignalRepositoryWithLIDStore,
} from 'baileys';
import { newCreds } from './new-creds.ts';

/** What others need to begin a session with a device. */
export interface DeviceBundle {
  registrationId: number;
  /** Without the byte that tells the kind. */
  identity: Uint8Array;
  signedPreKey: { id: number; key: Uint8Array; signature: Uint8Array };
}

const quiet = { level: 'silent', trace() {}, debug() {}, info() {}, warn() {}, error() {}, child: () => quiet };

function memoryKeys() {
  const kept = new Map<string, unknown>();
  return {
    get: async <Type extends keyof SignalDataTypeMap>(type: Type, ids: string[]) =>
      Object.fromEntries(
        ids.filter((id) => kept.has(`${type} ${id}`)).map((id) => [id, kept.get(`${type} ${id}`)]),
      ) as Record<string, SignalDataTypeMap[Type]>,
    set: async (data: SignalDataSet) => {
      for (const [type, entries] of Object.entries(data))
        for (const [id, value] of Object.entries(entries))
          if (value === null) kept.delete(`${type} ${id}`);
          else kept.set(`${type} ${id}`, value);
    },
  };
}

export interface PhoneOptions {
  phone: string;
  /** Without `@lid`. */
  lid: string;
  name: string;
}

export class Phone {
  readonly phone: string;
  readonly lid: string;
  readonly name: string;
  /** How this person's messages are addressed, and what of the other address they tell. */
  addressing: 'lid' | 'pn' = 'lid';
  tellsOther = true;
  readonly #creds: AuthenticationCreds;
  #preKeys = 0;
  readonly #repository: SignalRepositoryWithLIDStore;
  readonly #addPreKey: (id: number, pair: KeyPair) => Promise<void>;
  readonly #peers = new Set<string>();
  /** Groups whose sender key the device under test has got. */
  readonly #shared = new Set<string>();

  constructor({ phone, lid, name }: PhoneOptions) {
    this.phone = phone;
    this.lid = lid;
    this.name = name;
    this.#creds = newCreds(phone);
    this.#creds.me = { id: this.jid };
    const options = { maxCommitRetries: 1, delayBetweenTriesMs: 0 };
    const keys = addTransactionCapability(memoryKeys(), quiet, options);
    this.#repository = DEFAULT_CONNECTION_CONFIG.makeSignalRepository(
      { creds: this.#creds, keys },
      quiet,
      async () => [],
    );
    this.#addPreKey = async (id, pair) => keys.set({ 'pre-key': { [id]: pair } });
  }

  get jid(): string {
    return `${this.phone}@s.whatsapp.net`;
  }

  get lidJid(): string {
    return `${this.lid}@lid`;
  }

  /** The address under which this person's messages come. */
  get from(): string {
    return this.addressing === 'lid' ? this.lidJid : this.jid;
  }

  is(jid: string): boolean {
    const user = jid.replace(/[:@].*$/, '');
    return user === this.phone || user === this.lid;
  }

  /** The bundle as the answer to a query for `jid`, each time with a key that nobody has used. */
  async bundleNode(jid: string): Promise<BinaryNode> {
    const { registrationId, signedIdentityKey, signedPreKey } = this.#creds;
    const preKey = Curve.generateKeyPair();
    const id = ++this.#preKeys;
    await this.#addPreKey(id, preKey);
    const part = (tag: string, content: Uint8Array): BinaryNode => ({ tag, attrs: {}, content });
    return {
      tag: 'user',
      attrs: { jid },
      content: [
        part('registration', encodeBigEndian(registrationId)),
        part('type', Buffer.from([5])),
        part('identity', signedIdentityKey.public),
        {
          tag: 'skey',
          attrs: {},
          content: [
            part('id', encodeBigEndian(signedPreKey.keyId, 3)),
            part('value', signedPreKey.keyPair.public),
            part('signature', signedPreKey.signature),
          ],
        },
        { tag: 'key', attrs: {}, content: [part('id', encodeBigEndian(id, 3)), part('value', preKey.public)] },
      ],
    };
  }

  /** An `enc` node for the device. `fresh`: with a new session, as after a request to send it again. */
  async encrypt(device: string, bundle: DeviceBundle, message: proto.IMessage, fresh = false): Promise<BinaryNode> {
    if (fresh || !this.#peers.has(device)) {
      await this.#repository.injectE2ESession({
        jid: device,
        session: {
          registrationId: bundle.registrationId,
          identityKey: Buffer.from(generateSignalPubKey(bundle.identity)),
          signedPreKey: {
            keyId: bundle.signedPreKey.id,
            publicKey: Buffer.from(generateSignalPubKey(bundle.signedPreKey.key)),
            signature: bundle.signedPreKey.signature,
          },
        },
      });
      this.#peers.add(device);
    }
    const data = pad(message);
    const { type, ciphertext } = await this.#repository.encryptMessage({ jid: device, data });
    return { tag: 'enc', attrs: { v: '2', type }, content: ciphertext };
  }

  /** The nodes of a message to a group: the sender key for who does not have it, and the message. */
  async encryptForGroup(
    group: string,
    device: string,
    bundle: DeviceBundle,
    message: proto.IMessage,
  ): Promise<BinaryNode[]> {
    const { ciphertext, senderKeyDistributionMessage: key } = await this.#repository.encryptGroupMessage({
      group,
      meId: this.from,
      data: pad(message),
    });
    const nodes: BinaryNode[] = [];
    if (!this.#shared.has(group)) {
      this.#shared.add(group);
      const share = { groupId: group, axolotlSenderKeyDistributionMessage: key };
      nodes.push(await this.encrypt(device, bundle, { senderKeyDistributionMessage: share }));
    }
    return [...nodes, { tag: 'enc', attrs: { v: '2', type: 'skmsg' }, content: ciphertext }];
  }

  /** Decrypts an `enc` node of the device. */
  async decrypt(device: string, enc: BinaryNode, group?: string): Promise<proto.IMessage> {
    const ciphertext = enc.content;
    if (!(ciphertext instanceof Uint8Array)) throw new Error('an enc node holds bytes');
    const type = enc.attrs['type'];
    const bytes =
      type === 'skmsg'
        ? await this.#repository.decryptGroupMessage({ group: group ?? '', authorJid: device, msg: ciphertext })
        : await this.#repository.decryptMessage({
            jid: device,
            type: type === 'pkmsg' ? 'pkmsg' : 'msg',
            ciphertext: Buffer.from(ciphertext),
          });
    this.#peers.add(device);
    const message = proto.Message.decode(unpadRandomMax16(bytes));
    const item = message.senderKeyDistributionMessage;
    if (item) await this.#repository.processSenderKeyDistributionMessage({ item, authorJid: device });
    return message;
  }
}

function pad(message: proto.IMessage): Buffer {
  return Buffer.from(writeRandomPadMax16(proto.Message.encode(message).finish()));
}
