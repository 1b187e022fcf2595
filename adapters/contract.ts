// The contract between a platform and the core. A platform is one folder that implements it; the core knows nothing else of it.
import type { z } from 'zod';
import type { PanelPort } from './panels/port.ts';
import type { LoginIo, LoginResult, LoginStep, SetupPort } from './login.ts';
import type { AccountId, ChatId, MessageId, ThreadId, UserId } from '../shared/ids.ts';
import type { Logger } from '../shared/log.ts';
import type { Address, AttachmentRef, Button, ChatKind, ReplyRef, StoredFile } from '../shared/messages.ts';
import type { Capabilities } from './capabilities.ts';
import type { Block } from './markdown.ts';

/** What the platform told us, normalized. Everything in it is foreign text until authorize has looked at the sender. */
export interface InboundMessage {
  /** message: new · edit, delete: of an earlier `id` · button: a press, with `button` set. */
  kind: 'message' | 'edit' | 'delete' | 'button';
  account: AccountId;
  chat: ChatId;
  chatKind: ChatKind;
  chatTitle?: string | undefined;
  thread?: ThreadId | undefined;
  /**
   * The platform's message id; unique with platform, account and chat. A redelivery must carry the same id.
   * For a button press: the id of the press, not of the message that carries the button.
   */
  id: MessageId;
  /** Of an edit: what tells this edit from the next one (its date, its version). Otherwise ''. */
  revision: string;
  sender: {
    id: UserId;
    name?: string | undefined;
    username?: string | undefined;
    bot: boolean;
    /**
     * False: nobody vouches that it was sent by who it says (a mail without a passing signature). Such a message is refused, and no
     * pairing counts for it. Default true.
     */
    verified?: boolean | undefined;
  };
  /** When the platform says it was sent, in ms since the epoch. */
  sentAt: number;
  /** Plain text or markdown; '' for media only. Never truncated. */
  text: string;
  attachments: readonly AttachmentRef[];
  replyTo?: ReplyRef | undefined;
  /** True when the text names us or answers us; always true in a DM. Groups answer only then. */
  addressed: boolean;
  /** Same value on messages that the platform sent as one album. */
  mediaGroup?: string | undefined;
  /** True when the platform is likely to have cut one long text in several messages and more may follow. */
  partial?: boolean | undefined;
  button?: { data: string; message: MessageId } | undefined;
  /** True: this chat has a conversation of its own, whatever its person chose for their direct chats. */
  detached?: boolean | undefined;
  /** True: the text comes from a device or a program and speaks for nobody, whoever the sender is; the model reads it as foreign text. */
  foreign?: boolean | undefined;
}

/** Messages that were sent while we could not listen and that nobody can fetch any more, or that were too many or too old to fetch. */
export interface Gap {
  /** When it began and ended, in ms since the epoch. */
  since: number;
  until: number;
  /** Where, when that is known. Otherwise the owner is told. */
  chat?: { id: ChatId; kind: ChatKind; thread?: ThreadId | undefined } | undefined;
  /** How many messages were left out, when that is known. */
  missed?: number | undefined;
  /** no-replay: the platform does not keep them · limit: beyond `host.backfill`. */
  reason: 'no-replay' | 'limit';
}

export interface OutboundMessage {
  /** Idempotency key: the same for every attempt at this part, on every platform of one installation. At most 64 ASCII characters. */
  key: string;
  /** Parsed text that fits `capabilities(to).text`. Empty when only files are sent. */
  body: readonly Block[];
  /** Send the text without any formatting: a formatted attempt was refused. */
  plain: boolean;
  files: readonly StoredFile[];
  /** Rows of buttons, shown under the text. */
  buttons: readonly (readonly Button[])[];
  replyTo?: MessageId | undefined;
  /** No sound or banner, where the platform knows that. */
  silent: boolean;
  /** True on the last part of what answers a message: nothing more comes for it. */
  isEnd?: boolean | undefined;
}

/**
 * format: the platform could not parse our markup (send it plain) · too_long · rate_limited · unreachable: network or
 * 5xx · forbidden: blocked by the person or kicked from the chat · not_found: no such chat or message · auth: our login
 * is refused · unsupported · bad_request: it will never be accepted.
 */
export type SendCode =
  | 'format'
  | 'too_long'
  | 'rate_limited'
  | 'unreachable'
  | 'forbidden'
  | 'not_found'
  | 'auth'
  | 'unsupported'
  | 'bad_request';

export type SendResult = { ok: true; ids: readonly MessageId[] } | SendFailure;

export interface SendFailure {
  ok: false;
  code: SendCode;
  retryAfterMs?: number | undefined;
  /** 'no': it certainly did not go out. 'maybe': the platform may have taken it. */
  reached: 'no' | 'maybe';
  cause: Error;
}

export type AdapterState = 'connecting' | 'online' | 'offline' | 'needs-login';

/** One line of a chat as a reconnecting client of ours (page, terminal) shows it. */
export interface TimelineEntry {
  /** Inbox id or outbox key; the same line has the same key for ever. */
  key: string;
  /** Platform of another chat of the same person in which it was said. */
  via?: string | undefined;
  /** Of an inbound line: the id under which the platform delivered it, so that a client knows its own message again. */
  message?: MessageId | undefined;
  direction: 'in' | 'out';
  /** Milliseconds since the epoch. */
  at: number;
  text: string;
  kind: 'message' | 'answer' | 'notice' | 'command';
  files: readonly StoredFile[];
  buttons: readonly (readonly Button[])[];
}

/** A message of a chat, or a line of ours: the key of a message or of a draft. */
export type ExchangeOf = { message: MessageId } | { line: string };

/** What was asked in a chat and what was answered to it. */
export interface ExchangeLines {
  /** Messages that are answered together; empty when nobody asked (a question of ours, news). */
  asked: readonly MessageId[];
  /** True while an answer may still come. */
  isOpen: boolean;
  /** All that was answered to them in this chat, in order: the parts of an answer, or a command's reply. isPending: `send` gets it yet. */
  said: readonly (Pick<TimelineEntry, 'key' | 'text' | 'files'> & { isPending: boolean })[];
}

/** Durable values by name, of one account. Writes are on disk when they resolve. */
export interface Cursor {
  get(key: string): Promise<string | undefined>;
  set(key: string, value: string): Promise<void>;
  /** Sets (or with undefined deletes) all of them or none. */
  update(values: Readonly<Record<string, string | undefined>>): Promise<void>;
  /** All whose key begins with `prefix`. */
  list(prefix: string): Promise<ReadonlyMap<string, string>>;
}

/** A tool that a platform offers to the agent, such as calling a service of a smart home. */
export interface PlatformTool {
  /** Letters, digits and underscores; unique over all platforms. */
  name: string;
  description: string;
  /** An object schema. */
  parameters: z.ZodType;
  /** What running it twice would do. pure: nothing is changed · once: it must never be repeated by itself. */
  effect: 'pure' | 'idempotent' | 'reversible' | 'once';
  /** Short line shown to the person while it runs. */
  summarize(args: unknown): string;
  /** Text for the model, read as foreign text. May reject with AppError. `args` have passed `parameters`. */
  run(args: unknown, signal: AbortSignal): Promise<string>;
}

/** All that an adapter may ask of the core. */
export interface AdapterHost {
  /** Resolves when the message is on disk: only then acknowledge it to the platform. Rejects when it could not be stored: do not acknowledge. */
  receive(message: InboundMessage): Promise<'new' | 'duplicate'>;
  /** Tells health; `detail` is shown to people and holds no secret. Call `status('online')` again on every real sign of life. */
  status(state: AdapterState, detail?: string): void;
  /** How far back messages of the time when we were away are fetched: none older, and of each chat only the latest `maxMessages`. */
  backfill: { maxAgeMs: number; maxMessages: number };
  /** Tells people of a gap, once per (chat, until). Gaps shorter than a minute are only logged. Never rejects. */
  gap(gap: Gap): Promise<void>;
  /** What the person must do now so that we can log in (a QR code to scan), shown in terminal and page; undefined: nothing any more. */
  login(step: LoginStep | undefined): void;
  /** Words of a recording. Rejects with AppError, also when nothing here can hear. For users who are paired. */
  transcribe(recording: StoredFile, signal: AbortSignal): Promise<string>;
  /** Whether a user of this account belongs to somebody who may talk to us. */
  isPaired(user: UserId): Promise<boolean>;
  /** Setting up platforms, for a user of this account who is owner or admin; undefined for everybody else. */
  setup(user: UserId): Promise<SetupPort | undefined>;
  /**
   * What a user of this account may see and change of their own: jobs, memory, skills. `here` is their chat with this account, where there
   * is one. Undefined for whoever is not paired; absent where there is none. Ask for each request anew: roles change.
   */
  panel?(user: UserId, here?: ChatId): Promise<PanelPort | undefined>;
  /** Small durable values of this account: offsets, uids, keys. */
  cursor: Cursor;
  /**
   * Last `limit` lines of the chat, oldest first, older than `before` (a key) when given. For platforms whose history is ours. Lines
   * of the person's other chats are among them when these share one conversation.
   */
  timeline(chat: ChatId, options: { limit: number; before?: string | undefined }): Promise<readonly TimelineEntry[]>;
  /** What was asked and answered together with a message or a line of ours. Nobody asked for what is unknown. */
  exchange(chat: ChatId, of: ExchangeOf): Promise<ExchangeLines>;
  /** Calls `changed` soon after new lines may have come to the chat's timeline, until the function it returns is called. */
  follow(chat: ChatId, changed: () => void): () => void;
  /**
   * Serves `handler` under `/<platform>/<account>/…` of the gateway's HTTP server; paths arrive without that prefix. With `root` also
   * what nothing else serves, with `at` also what is under that first segment: these paths arrive whole.
   */
  serve(handler: HttpHandler, options?: { root?: boolean; at?: string | undefined }): void;
  /** Keeps a file that a client uploads, under the size cap; the result's ref opens through `Adapter.open`. */
  storeUpload(name: string, mime: string, body: ReadableStream<Uint8Array>): Promise<StoredFile>;
  log: Logger;
  signal: AbortSignal;
}

/** `local` is true when the request came over the gateway's local socket, which only the machine's owner can open. */
export type HttpHandler = (request: Request, meta: { local: boolean; remote: string }) => Promise<Response>;

/** What is being streamed. `tools` are short status lines such as "searching past messages". */
export interface DraftUpdate {
  /** Same for all updates of one turn. */
  key: string;
  /** Whole text so far, cut to `capabilities.text`. */
  text: string;
  tools: readonly string[];
}

export interface Adapter {
  capabilities(at: Address): Capabilities;
  /** Resolves once it runs; connects and reconnects by itself, for ever. Rejects with AppError on misconfiguration only. */
  start(host: AdapterHost): Promise<void>;
  /** Idempotent. After it resolves, nothing of the adapter runs. */
  stop(): Promise<void>;
  /** Sends one part. Never rejects. Idempotent only as `capabilities.sendDedupe` says. */
  send(to: Address, message: OutboundMessage, signal: AbortSignal): Promise<SendResult>;
  /** Opens a file of an inbound message. Rejects with AppError. */
  open(ref: AttachmentRef, signal: AbortSignal): Promise<ReadableStream<Uint8Array>>;
  /** Replaces text and buttons of a message of ours. Idempotent: "not modified" is ok. Never rejects. */
  edit?(to: Address, id: MessageId, message: OutboundMessage, signal: AbortSignal): Promise<SendResult>;
  /** Shows an ephemeral preview; replaces the one with the same key. Never rejects; losses do not matter. */
  draft?(to: Address, update: DraftUpdate, signal: AbortSignal): Promise<SendResult>;
  /** Shows "typing" for `capabilities.typing.ttlMs`. Never rejects. */
  typing?(to: Address): Promise<void>;
  react?(to: Address, id: MessageId, emoji: string | undefined): Promise<SendResult>;
  openDm?(user: UserId): Promise<Address | undefined>;
  /** Read-back: whether a message with this key went out. Only with sendDedupe 'read-back'. */
  find?(to: Address, key: string): Promise<SendResult | undefined>;
  /** Publishes the slash commands to the platform's own menu. Failures are logged, not thrown. */
  publishCommands?(commands: readonly { name: string; description: string }[]): Promise<void>;
  /** Tools for the agent, while the account runs. */
  tools?(): readonly PlatformTool[];
}

/** What an account of a platform is made from: its settings as its own schema parsed them, and the outside world. */
export interface AdapterInput<Settings> {
  platform: string;
  account: AccountId;
  settings: Settings;
  fetch: typeof fetch;
}

/** Static description of a platform; importing it loads no SDK. */
export interface AdapterManifest<Settings = unknown> {
  id: string;
  title: string;
  /** Secrets it reads: the settings key and the environment variable that can hold it. */
  secrets: readonly { key: string; env: string; required: boolean }[];
  /** Schema of `platforms.<id>` in config.yaml (without the secrets' `enabled` and group keys, which are common to all). */
  settings: z.ZodType<Settings>;
  /** True when it runs without any setting (web, terminal). */
  builtin: boolean;
  /**
   * Our own id on the platform, when the settings alone tell it (the number in a bot's token): message ids are unique per account, so
   * another login must be another account. Default: the name of the account in the configuration.
   */
  accountOf?(settings: Settings): string;
  /** Where users are keys that we give out: makes one. `user` is the identity that it stands for; the key itself is kept nowhere. */
  makeKey?(): { key: string; user: UserId };
  /** The identity of the key that a request carries; undefined without one of ours. Whether somebody has it is not looked at. */
  readKey?(request: Request): UserId | undefined;
  /** Sender who can only be the machine's owner (the terminal over the local socket): belongs to the owner without any code. */
  ownerUser?: UserId;
  load(): Promise<(input: AdapterInput<Settings>) => Adapter>;
  /**
   * Asks the platform who we are with these settings, without starting anything: for `herald setup` and `herald doctor`. Loads no
   * SDK. Never rejects. Idempotent.
   */
  verify?(input: AdapterInput<Settings>, signal: AbortSignal): Promise<AccountCheck>;
  /**
   * Walks a person through setting it up, from nothing to settings that `verify` accepts: what to create where, which values to paste.
   * Default: asks for each secret. Loaded on demand, with no SDK.
   */
  login?(): Promise<(io: LoginIo) => Promise<LoginResult>>;
}

/** auth: the login is refused · unreachable: no answer, so nothing is known · settings: something other than the login is wrong. */
export type AccountCheck =
  | {
      ok: true;
      /** Who we are there, for people, such as a bot's name. */
      name: string;
      /** The platform's time of day, ms since the epoch, when its answer said one. */
      serverTime?: number | undefined;
    }
  | {
      ok: false;
      reason: 'auth' | 'unreachable' | 'settings';
      /** What is wrong and what to do; no secret. */ message: string;
    };

/**
 * A manifest whose own settings type is hidden, for the list of all platforms. Settings pass its schema before they are used, so the
 * schema must accept its own output.
 */
export function defineManifest<Settings>(manifest: AdapterManifest<Settings>): AdapterManifest {
  const { verify, accountOf, login, ...rest } = manifest;
  return {
    ...rest,
    load: async () => {
      const make = await manifest.load();
      return (input) => make({ ...input, settings: manifest.settings.parse(input.settings) });
    },
    ...(login && { login: () => login.call(manifest) }),
    ...(accountOf && {
      accountOf: (settings: unknown) => accountOf.call(manifest, manifest.settings.parse(settings)),
    }),
    ...(verify && {
      verify: async (input: AdapterInput<unknown>, signal: AbortSignal): Promise<AccountCheck> => {
        const settings = manifest.settings.safeParse(input.settings);
        if (settings.success) return verify.call(manifest, { ...input, settings: settings.data }, signal);
        const paths = settings.error.issues.map((issue) => issue.path.join('.') || 'settings');
        return {
          ok: false,
          reason: 'settings',
          message: `Check these settings of ${manifest.title}: ${paths.join(', ')}.`,
        };
      },
    }),
  };
}
