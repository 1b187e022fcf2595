// What commands and the control API may ask of the running gateway.
import type { AdapterState } from '../adapters/contract.ts';
import type { LoginStep } from '../adapters/login.ts';
import type { NewEvent } from '../data/process/work/events.ts';
import type { InboxState, OutboxState } from '../data/schema.ts';
import type { PersonId, SessionId } from '../shared/ids.ts';
import type { Address, Button, StoredFile } from '../shared/messages.ts';
import type { VoiceReport } from './voice/report.ts';

export interface AdapterHealth {
  platform: string;
  account: string;
  title: string;
  state: AdapterState;
  detail: string | undefined;
  /** What the person must do so that it can log in. */
  login?: LoginStep | undefined;
  /** Last real traffic with the platform, ms since the epoch; undefined before the first. */
  lastAliveAt: number | undefined;
  /** How often it was started anew since the gateway began. */
  restarts: number;
}

export interface GatewayStatus {
  version: string;
  pid: number;
  startedAt: number;
  url: string | undefined;
  home: string;
  model: { name: string; provider: string; demo: boolean };
  adapters: readonly AdapterHealth[];
  inbox: Partial<Record<InboxState, number>>;
  outbox: Partial<Record<OutboxState, number>>;
  runningTurns: number;
  persons: number;
  rssBytes: number;
}

export interface PostOptions {
  /** Idempotency key; the same key posts once. Default: a new one. At most 48 ASCII characters. */
  key?: string | undefined;
  person?: PersonId | undefined;
  kind?: 'notice' | 'message' | 'command' | undefined;
  files?: readonly StoredFile[] | undefined;
  buttons?: readonly (readonly Button[])[] | undefined;
}

/** The copy of the database, and the folder of the skills that were copied with it. */
export interface BackupPlace {
  file: string;
  skills?: string | undefined;
}

export interface GatewayActions {
  status(): Promise<GatewayStatus>;
  /** Cancels the running turns of a session, or all that this person began; their children die too. Resolves with how many were stopped. */
  stopTurns(target: { session: SessionId } | { person: PersonId }): Promise<number>;
  /** True while a turn of the session runs. */
  isRunning(session: SessionId): boolean;
  /** Puts markdown in the outbox of a chat; resolves with its key when it is on disk. Throws AppError `not_found` for an unknown platform. */
  post(to: Address, text: string, options?: PostOptions): Promise<string>;
  /** Begins a turn of the event's session, once per key, when the session has time; resolves when it is on disk. */
  notify(event: NewEvent): Promise<void>;
  /** Sends a part again that ended without certainty. False when it is not this person's, or was delivered. */
  resend(key: string, person: PersonId): Promise<boolean>;
  /** Drains, ends the process's work and starts anew (exit code 75 for a supervisor). Resolves when the request is accepted. */
  restart(reason: string): Promise<void>;
  /** Drains and stops. */
  stop(reason: string): Promise<void>;
  /** Reads the configuration again. Rejects with AppError `config_invalid`; the last good one stays in force. */
  reload(): Promise<void>;
  /** What is set up for voice messages; not there in a gateway without any. */
  voice?: (() => Promise<VoiceReport>) | undefined;
  /** Online backup of the database and the skills; resolves with where they are. */
  backup(file?: string): Promise<BackupPlace>;
}
