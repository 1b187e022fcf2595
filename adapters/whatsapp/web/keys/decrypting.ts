// Baileys' Signal code, with our order of things around it. Inbound: used key and text are written in one step, the core stores the
// message, and only then does Baileys go on to tell WhatsApp that it arrived (in rc14 it does so before its own events are emitted, and
// those are lost when the connection drops). Outbound: a used key is written before the message that needs it leaves.
import { AsyncLocalStorage } from 'node:async_hooks';
import type { BinaryNode, SignalAuthState, SignalRepositoryWithLIDStore, SocketConfig, WAMessage } from 'baileys';
import type { AuthStore } from './auth-store.ts';
import type { Baileys } from '../library.ts';
import type { Replays } from './replays.ts';

export interface DecryptingDeps {
  baileys: Baileys;
  auth: AuthStore;
  replays: Replays;
  /** Resolves when the message is stored. Its rejection keeps the message from being acknowledged. */
  take(message: WAMessage): Promise<void>;
  /** Called when keys have been used for a message of ours: from then on it may have gone out. */
  onEncrypted(): void;
}

export interface Decrypting {
  makeSignalRepository: SocketConfig['makeSignalRepository'];
  /** To be called with each node that arrives, before Baileys looks at it. */
  see(node: BinaryNode): void;
}

export function makeDecrypting(deps: DecryptingDeps): Decrypting {
  const { baileys, auth, replays } = deps;
  /** The stanza that a ciphertext came in: Baileys hands on the very same bytes. */
  const stanzas = new WeakMap<Uint8Array, BinaryNode>();
  /**
   * Baileys encrypts inside a transaction that ends after the message was sent, and would write the used keys only then (and over what
   * was decrypted meanwhile). Outside of it, each use of a key is a transaction of its own.
   */
  const outside = AsyncLocalStorage.snapshot();

  async function hand(ciphertext: Uint8Array, plaintext: Uint8Array): Promise<void> {
    const stanza = stanzas.get(ciphertext);
    const message = stanza && readPlaintext(baileys, auth, stanza, plaintext);
    if (!message) return;
    for (const resent of resentBy(baileys, message)) await deps.take(resent);
    await deps.take(message);
  }

  function wrap(inner: SignalRepositoryWithLIDStore, keys: SignalAuthState['keys']): SignalRepositoryWithLIDStore {
    const { decryptMessage, decryptGroupMessage, encryptMessage, encryptGroupMessage, injectE2ESession } = inner;

    async function open(ciphertext: Uint8Array, lock: string, decrypt: () => Promise<Uint8Array>): Promise<Uint8Array> {
      let plaintext: Uint8Array | undefined = replays.find(ciphertext);
      if (!plaintext) {
        const opened = async () => (plaintext = await decrypt());
        const record = () => plaintext && replays.keep(ciphertext, plaintext);
        plaintext = await auth.writeWith(record, () =>
          'transaction' in keys ? keys.transaction(opened, lock) : opened(),
        );
      }
      await hand(ciphertext, plaintext);
      return plaintext;
    }

    return Object.assign(inner, {
      decryptMessage: (opts: Parameters<typeof decryptMessage>[0]) =>
        open(opts.ciphertext, opts.jid, () => decryptMessage(opts)),
      decryptGroupMessage: (opts: Parameters<typeof decryptGroupMessage>[0]) =>
        open(opts.msg, opts.group, () => decryptGroupMessage(opts)),
      async encryptMessage(opts: Parameters<typeof encryptMessage>[0]) {
        const encrypted = await outside(() => encryptMessage(opts));
        deps.onEncrypted();
        return encrypted;
      },
      async encryptGroupMessage(opts: Parameters<typeof encryptGroupMessage>[0]) {
        const encrypted = await outside(() => encryptGroupMessage(opts));
        deps.onEncrypted();
        return encrypted;
      },
      injectE2ESession: (opts: Parameters<typeof injectE2ESession>[0]) => outside(() => injectE2ESession(opts)),
    });
  }

  return {
    makeSignalRepository: (state, logger, toLid) =>
      wrap(baileys.DEFAULT_CONNECTION_CONFIG.makeSignalRepository(state, logger, toLid), state.keys),
    see(node) {
      if (node.tag !== 'message' || !Array.isArray(node.content)) return;
      for (const child of node.content)
        if (child.tag === 'enc' && child.content instanceof Uint8Array) stanzas.set(child.content, node);
    },
  };
}

/** Undefined when it holds keys only, or is broken: Baileys finds that too, and asks the sender to send it again. */
function readPlaintext(
  baileys: Baileys,
  { creds }: AuthStore,
  stanza: BinaryNode,
  plaintext: Uint8Array,
): WAMessage | undefined {
  try {
    const decoded = baileys.proto.Message.decode(baileys.unpadRandomMax16(plaintext));
    const content = decoded.deviceSentMessage?.message ?? decoded;
    if (baileys.getContentType(content) === undefined) return undefined;
    const { fullMessage } = baileys.decodeMessageNode(stanza, creds.me?.id ?? '', creds.me?.lid ?? '');
    return { ...fullMessage, message: content };
  } catch {
    return undefined;
  }
}

/** Messages that our phone repeats for us because they came to this device without content. */
function resentBy(baileys: Baileys, { key, message }: WAMessage): WAMessage[] {
  const answer = message?.protocolMessage?.peerDataOperationRequestResponseMessage;
  if (!key.fromMe || !answer) return [];
  return (answer.peerDataOperationResult ?? []).flatMap((result) => {
    const bytes = result.placeholderMessageResendResponse?.webMessageInfoBytes;
    if (!bytes) return [];
    try {
      const resent = baileys.proto.WebMessageInfo.decode(bytes);
      const { key: resentKey, message: content, messageTimestamp = null, pushName = null } = resent;
      return resentKey && content ? [{ key: resentKey, message: content, messageTimestamp, pushName }] : [];
    } catch {
      return [];
    }
  });
}
