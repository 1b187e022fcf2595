// One Baileys socket with our settings.
import type { BinaryNode, GroupMetadata, WAVersion } from 'baileys';
import type { Logger } from '../../../shared/log.ts';
import type { RecentMessages } from '../recent.ts';
import type { WhatsAppSettings } from '../settings.ts';
import type { AuthStore } from './keys/auth-store.ts';
import type { Decrypting } from './keys/decrypting.ts';
import type { Baileys } from './library.ts';

export type Socket = ReturnType<Baileys['makeWASocket']>;
type BaileysLogger = NonNullable<Parameters<Baileys['makeWASocket']>[0]['logger']>;

/** A ping goes out this often; without any answer the connection is given up 5 s after the next one (Baileys' own rule). */
const KEEP_ALIVE_MS = 25_000;
const CONNECT_TIMEOUT_MS = 20_000;
const QUERY_TIMEOUT_MS = 30_000;

export interface SocketInput {
  baileys: Baileys;
  settings: WhatsAppSettings;
  auth: AuthStore;
  decrypting: Decrypting;
  recent: RecentMessages;
  log: Logger;
  /** Undefined: the one that Baileys was made for. */
  version: WAVersion | undefined;
  group(jid: string): Promise<GroupMetadata | undefined>;
  /** Called with each frame that arrives. */
  onFrame(): void;
}

export function openSocket(input: SocketInput): Socket {
  const { baileys, settings, auth, decrypting } = input;
  const socket = baileys.makeWASocket({
    auth: { creds: auth.creds, keys: auth.keys },
    logger: quietLogger(input.log),
    ...(input.version && { version: input.version }),
    ...(settings.server_url && { waWebSocketUrl: settings.server_url }),
    // With a pairing code WhatsApp takes only names that it knows.
    browser: settings.phone_number ? baileys.Browsers.macOS('Chrome') : [settings.device_name, 'Chrome', '1.0.0'],
    keepAliveIntervalMs: KEEP_ALIVE_MS,
    connectTimeoutMs: CONNECT_TIMEOUT_MS,
    defaultQueryTimeoutMs: QUERY_TIMEOUT_MS,
    // Herald has a history of its own; what was not delivered yet comes from the server's queue, which is another thing.
    syncFullHistory: false,
    shouldSyncHistoryMessage: () => false,
    // The phone goes on ringing.
    markOnlineOnConnect: false,
    emitOwnEvents: false,
    generateHighQualityLinkPreview: false,
    // Our key store tries again by itself.
    transactionOpts: { maxCommitRetries: 1, delayBetweenTriesMs: 0 },
    shouldIgnoreJid: (jid) => jid === 'status@broadcast' || jid.endsWith('@newsletter'),
    getMessage: async ({ id }) => {
      const content = id ? input.recent.contentOf(id) : undefined;
      return content && baileys.proto.Message.decode(content);
    },
    cachedGroupMetadata: input.group,
    makeSignalRepository: decrypting.makeSignalRepository,
  });
  socket.ws.on('frame', (frame: BinaryNode | Uint8Array) => {
    input.onFrame();
    if (!(frame instanceof Uint8Array)) decrypting.see(frame);
  });
  return socket;
}

/** Baileys' objects hold keys and texts of people, so only its own words are kept, and those for debugging. */
function quietLogger(log: Logger): BaileysLogger {
  const note = (fields: unknown, message?: string) =>
    log.debug({}, `baileys: ${message ?? (typeof fields === 'string' ? fields : 'a problem')}`);
  const nothing = () => {};
  const logger: BaileysLogger = {
    level: 'warn',
    child: () => logger,
    trace: nothing,
    debug: nothing,
    info: nothing,
    warn: note,
    error: note,
  };
  return logger;
}

/** HTTP-like code of an error of Baileys; undefined when it has none. */
export function statusOf(error: unknown): number | undefined {
  if (!(error instanceof Error)) return undefined;
  // A refused query carries the server's code as data, and 500 as its own.
  if ('data' in error && typeof error.data === 'number' && error.data >= 400) return error.data;
  if (!('output' in error) || typeof error.output !== 'object' || error.output === null) return undefined;
  const { output } = error;
  return 'statusCode' in output && typeof output.statusCode === 'number' ? output.statusCode : undefined;
}
