// What a test sees of the Signal server: people who write, what Herald sent, and what goes wrong.
import type { Fault } from './faults.ts';
import type { TextStyle } from './styled.ts';

export interface SentFile {
  name?: string | undefined;
  mime: string;
  bytes: Uint8Array;
}

/** Of a message of ours: it always has a name. */
export interface NamedFile extends SentFile {
  name: string;
}

/** A message of ours. */
export interface SentMessage {
  /** First and latest one. */
  timestamp: number;
  revision: number;
  chat: string;
  text: string;
  styles: readonly TextStyle[];
  files: readonly NamedFile[];
  quote?: { timestamp: number; author: string; text: string | undefined } | undefined;
  reactions: string[];
}

export type Mode = 'json-rpc' | 'native' | 'normal';

export interface SignalServerOptions {
  /** Default json-rpc. */
  mode?: Mode;
  /** Default: a number of the kind that is never given out. */
  number?: string;
  /** False: no phone has been linked yet. Default true. */
  isLinked?: boolean;
  /** The value of the Authorization header that is asked for. Default: none is. */
  authorization?: string;
  /** Folder to which signal.jsonl is appended. */
  recordTo?: string;
  /** How long a second of `?timeout=` lasts. Default 5. */
  secondMs?: number;
  /** False: pings are not answered. Default true. */
  answersPings?: boolean;
  /** False: an old server, which shows a QR code only as a picture. Default true. */
  hasRawLink?: boolean;
}

export interface WriteOptions {
  /** Names the account, in front of the text. */
  mention?: boolean | undefined;
  /** Timestamp and author of the message that is quoted. */
  quote?: { timestamp: number; author: 'account' | Person; text?: string | undefined } | undefined;
  files?: readonly SentFile[] | undefined;
  /** Other fields of the dataMessage. */
  more?: Readonly<Record<string, unknown>> | undefined;
}

/** A person in a chat. Each method gives the timestamp that names what was written. */
export interface PersonChat {
  write(text: string, options?: WriteOptions): number;
  edit(timestamp: number, text: string): number;
  remove(timestamp: number): number;
  /** A dataMessage with these fields alone, beside timestamp and group. */
  send(fields: Readonly<Record<string, unknown>>): number;
}

export interface Person {
  uuid: string;
  number: string;
  name: string;
  dm: PersonChat;
  in(group: Group): PersonChat;
  typing(): void;
}

export interface Group {
  /** As in envelopes. */
  internalId: string;
  /** As in requests. */
  id: string;
  name: string;
}

/** The phone of the account's owner, who shares the account. */
export interface Phone {
  noteToSelf(text: string, more?: Readonly<Record<string, unknown>>): number;
  editNoteToSelf(timestamp: number, text: string): number;
  writeTo(person: Person, text: string): number;
  /** The phone tells what another device sent: here, one of our own messages comes back. */
  echo(message: SentMessage): void;
}

export interface SignalServer {
  url: string;
  number: string;
  uuid: string;
  phone: Phone;
  person(name: string): Person;
  group(name: string): Group;
  /** Our messages in a chat as its readers see them, oldest first. */
  messages(chat: string): readonly SentMessage[];
  isTyping(chat: string): boolean;
  /** Delivers a frame as it is. */
  inject(frame: unknown): void;
  /** Requests that came, oldest first. */
  requests: readonly { method: string; path: string; body: unknown }[];
  /** Open sockets. */
  sockets(): number;
  /** Messages that Signal keeps for the next poll. */
  queued(): number;
  /** Envelopes that came while nobody listened, and are gone. */
  lost(): number;
  /** The phone has scanned the code: the account is there. */
  link(number?: string): void;
  /** Resolves with what `check` gives; rejects after `timeoutMs` (default 10,000). */
  until<T>(what: string, check: () => T | undefined | false, timeoutMs?: number): Promise<T>;
  waitForText(chat: string, part: string, timeoutMs?: number): Promise<SentMessage>;
  fail(fault: Fault): void;
  /** Ends all connections; new ones are welcome. */
  disconnect(): void;
  goAway(): Promise<void>;
  comeBack(): Promise<void>;
  close(): Promise<void>;
}
