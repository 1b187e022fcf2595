// A platform in memory for tests of the gateway: says what it is told to, keeps what it is sent, fails when asked to.
import type { Capabilities } from '../../adapters/capabilities.ts';
import type { Adapter, AdapterHost, InboundMessage, OutboundMessage, SendResult } from '../../adapters/contract.ts';
import { plainText } from '../../adapters/markdown.ts';
import type { PlatformAccount } from '../../gateway/platforms.ts';
import { accountId, chatId, messageId, userId } from '../../shared/ids.ts';
import { AppError } from '../../shared/errors.ts';
import type { Address, Button, StoredFile } from '../../shared/messages.ts';

export interface SentPart {
  key: string;
  to: Address;
  id: string;
  text: string;
  buttons: readonly Button[];
  files: readonly StoredFile[];
  plain: boolean;
}

export interface FakePlatform {
  account: PlatformAccount;
  /** A message from `user`; resolves when it is stored. */
  say(text: string, more?: Partial<InboundMessage> & { user?: string }): Promise<'new' | 'duplicate'>;
  sent: SentPart[];
  /** Texts sent to a chat, in order. */
  texts(chat?: string): string[];
  drafts: string[];
  typings: number;
  /** Refs of the files that were fetched, in order. */
  opened: string[];
  /** How many of the next fetches fail. */
  refuseFiles: number;
  /** Results of the next sends; then they succeed. `act` decides whether the part counts as arrived. */
  failures: { result: SendResult; arrives: boolean }[];
  address(chat?: string): Address;
  host(): AdapterHost;
}

const media = { support: 'full', maxBytes: 1e7, maxCaption: 0, mime: [] } as const;

const fakeCapabilities: Capabilities = {
  text: { max: 4_000, unit: 'utf16' },
  media: { image: media, audio: media, voice: media, video: media, document: media, sticker: media },
  threads: 'full',
  replies: 'full',
  reactions: 'dropped',
  buttons: 'full',
  edits: { support: 'dropped', minIntervalMs: 0, maxAgeMs: 0 },
  typing: { support: 'full', ttlMs: 5_000 },
  drafts: { support: 'dropped', minIntervalMs: 0 },
  sendDedupe: 'none',
  backfill: 'server-queue',
  promptHint: 'A test.',
};

export function makeFakePlatform(
  options: {
    id?: string;
    account?: string;
    capabilities?: Partial<Capabilities>;
    contentOf?: (ref: string) => string;
  } = {},
): FakePlatform {
  const platform = options.id ?? 'fake';
  const account = accountId(options.account ?? 'bot');
  const capabilities = { ...fakeCapabilities, ...options.capabilities };
  let host: AdapterHost | undefined;
  let counter = 0;
  const sent: SentPart[] = [];
  const drafts: string[] = [];
  const failures: FakePlatform['failures'] = [];
  const requireHost = () => {
    if (!host) throw new Error('the fake platform is not started');
    return host;
  };
  const keep = (to: Address, message: OutboundMessage): SendResult => {
    const failure = failures.shift();
    if (failure && !failure.arrives) return failure.result;
    const known = capabilities.sendDedupe === 'by-key' ? sent.find((part) => part.key === message.key) : undefined;
    const id = known?.id ?? `s${++counter}`;
    if (!known)
      sent.push({
        key: message.key,
        to,
        id,
        text: plainText(message.body),
        buttons: message.buttons.flat(),
        files: message.files,
        plain: message.plain,
      });
    return failure?.result ?? { ok: true, ids: [messageId(id)] };
  };
  const fake: FakePlatform = {
    account: { platform, account, title: 'Fake', load: async () => adapter },
    sent,
    texts: (chat = 'ann') => sent.filter((part) => part.to.chat === chat).map((part) => part.text),
    drafts,
    typings: 0,
    opened: [],
    refuseFiles: 0,
    failures,
    host: requireHost,
    address: (chat = 'ann') => ({ platform, account, chat: chatId(chat), kind: 'dm' }),
    say(text, more = {}) {
      const { user = 'ann', ...rest } = more;
      return requireHost().receive({
        kind: 'message',
        account,
        chat: chatId(user),
        chatKind: 'dm',
        id: messageId(`m${++counter}`),
        revision: '',
        sender: { id: userId(user), name: user, bot: false },
        sentAt: Date.UTC(2026, 10, 21, 12),
        text,
        attachments: [],
        addressed: true,
        ...rest,
      });
    },
  };
  const adapter: Adapter = {
    capabilities: () => capabilities,
    async start(given) {
      host = given;
      given.status('online');
    },
    async stop() {},
    send: async (to, message) => keep(to, message),
    async open(ref) {
      if (fake.refuseFiles-- > 0) throw new AppError('platform_unreachable', 'not just now');
      fake.opened.push(ref.ref);
      return new Blob([options.contentOf?.(ref.ref) ?? 'file']).stream();
    },
    async edit(_to, id, message) {
      const part = sent.find((one) => one.id === id);
      if (!part) return { ok: false, code: 'not_found', reached: 'no', cause: new Error('no such message') };
      part.text = plainText(message.body);
      return { ok: true, ids: [id] };
    },
    async draft(_to, update) {
      drafts.push(update.text);
      return { ok: true, ids: [] };
    },
    async typing() {
      fake.typings++;
    },
  };
  return fake;
}
