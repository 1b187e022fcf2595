// What a platform must offer so that the adapter contract can be run on it. Optional members are things that the platform
// itself does not have; capability data decides which cases run, never a name.
import type { Adapter } from '../../adapters/contract.ts';
import type { Capabilities } from '../../adapters/capabilities.ts';
import type { MessageId, ThreadId, UserId } from '../../shared/ids.ts';
import type { Address, MediaKind } from '../../shared/messages.ts';
import type { RecordingHost } from './adapter-host.ts';

/** What a person does on the platform. */
export interface UserMessage {
  text: string;
  /** Where; default the rig's `dm`. */
  at?: Address | undefined;
  replyTo?: MessageId | undefined;
  /** Names us, in whatever way the platform has. Put before `text`. */
  mention?: boolean | undefined;
  file?: UserFile | undefined;
}

export interface UserFile {
  kind: MediaKind;
  name: string;
  mime: string;
  bytes: Uint8Array;
}

/** A message of ours as its reader sees it. */
export interface SeenMessage {
  id: MessageId;
  /** Without markup. */
  text: string;
  /** True when the reader sees some of it formatted (bold, code …). */
  formatted: boolean;
  /** Rows of buttons with what a press sends. */
  buttons: readonly (readonly { label: string; data: string }[])[];
  replyTo?: MessageId | undefined;
  thread?: ThreadId | undefined;
  files: readonly { kind: MediaKind; name: string; bytes: number }[];
  reactions: readonly string[];
}

/** What goes wrong on the platform's side. Each applies to the next send only, unless it says otherwise. */
export interface AdapterFaults {
  /** Refuses markup until called with false. */
  refuseFormat?(on: boolean): void;
  rateLimit?(retryAfterMs: number): void;
  /** Answers with an error of its own (5xx). */
  serverError?(): void;
  /** Takes the request, drops the connection without doing anything. */
  dropBefore?(): void;
  /** Does what was asked, then drops the connection before the answer. */
  dropAfter?(): void;
  /** Nothing listens any more, until `comeBack`. Inbound messages said meanwhile are kept by the platform if it has a queue. */
  goAway?(): Promise<void>;
  comeBack?(): Promise<void>;
  /** Ends all open connections once; new ones are welcome. */
  disconnect?(): Promise<void>;
  /** The person of `dm` has blocked us, until called with false. */
  block?(on: boolean): void;
}

/** One started adapter on a platform of its own. */
export interface AdapterRig {
  adapter: Adapter;
  record: RecordingHost;
  /** The chat of a person who wrote to us before. */
  dm: Address;
  user: UserId;
  group?: Address | undefined;
  /** A thread inside `group`, or of the DM. */
  thread?: Address | undefined;
  /** An address that does not exist, when the platform can tell. */
  nowhere?: Address | undefined;
  /** The platform calls us: while it is away, only a send of ours can notice. */
  isPushOnly?: boolean | undefined;
  /** The platform ends a message at a line break: such a text arrives as several. */
  isSingleLine?: boolean | undefined;
  /** Every secret that must never show in an error or a log line. */
  secrets: readonly string[];
  faults: AdapterFaults;
  /** Resolves with the message's id as soon as the platform has it. Tries again by itself where a real client would. */
  say(message: UserMessage): Promise<MessageId>;
  /** Our messages in a chat (all threads of it), oldest first. */
  seen(at: Address): Promise<readonly SeenMessage[]>;
  /** The preview shown now; undefined: none. With capabilities.drafts 'full'. */
  draft?(at: Address): Promise<string | undefined>;
  typingShown?(at: Address): Promise<boolean>;
  editAsUser?(id: MessageId, text: string): Promise<void>;
  deleteAsUser?(id: MessageId): Promise<void>;
  press?(at: Address, message: MessageId, data: string): Promise<void>;
  sayAsBot?(text: string): Promise<void>;
  /** The platform echoes a message that our own account sent from elsewhere. */
  sayAsSelf?(text: string): Promise<void>;
  /** The platform delivers things that we do not know or that are broken; none may be received or stop what follows. */
  injectGarbage?(): Promise<void>;
  /** Stops the adapter, lets `whileDown` happen, starts another one with the same cursors and inbox; `adapter` and `record` are the new ones. */
  restart(whileDown: () => Promise<void>): Promise<void>;
  close(): Promise<void>;
}

export interface AdapterHarness {
  /** What `adapter.capabilities(dm)` must answer. */
  capabilities: Capabilities;
  /** Starts a platform and an adapter on it, and waits until it is online. */
  open(): Promise<AdapterRig>;
  /** Why a case need not run: who else shows it. Shown with the case. */
  skipCase?(title: string): string | undefined;
  /** Starts an adapter whose secret is wrong and reports how that ended. */
  openWithWrongSecret?(): Promise<{
    error: unknown;
    record: RecordingHost;
    secrets: readonly string[];
    close(): Promise<void>;
  }>;
}

/** Runs one case on a fresh rig, and closes it whatever happens. `skip` is for what the platform does not have, and shows as skipped. */
export type ContractCase = (name: string, run: (rig: AdapterRig, skip: () => never) => Promise<void>) => void;
