// What is opened before the gateway itself: configuration, the writer's lock, the log, the data, and what needs no more than these.
import path from 'node:path';
import { manifests } from '../../../adapters/manifests.ts';
import { loadConfig, type LoadedConfig } from '../../../config/load.ts';
import { openData, type OpenedData } from '../../../data/db.ts';
import { ensureDir } from '../../../data/files.ts';
import { takeWriterLock } from '../../../data/lock.ts';
import type { StatementObserver } from '../../../data/query/dialect.ts';
import { openPairing, type Pairing } from '../../../pairing/pairing.ts';
import { systemClock, type Clock } from '../../../shared/clock.ts';
import type { Logger } from '../../../shared/log.ts';
import { makeRedactor, type Redactor } from '../../../shared/redact.ts';
import { makeFileStore, type FileStore } from '../../media/downloads.ts';
import { openLog } from '../logging.ts';
import { openConfiguredVoice, type ConfiguredVoice } from '../voice.ts';

const SOCKET_FILE = 'herald.sock';

export interface BaseOptions {
  home?: string | undefined;
  port?: number | undefined;
  /** Where warnings are shown to a person; they are in the log file in any case. */
  terminal?: { write(text: string): void } | undefined;
  /** Crash tests end the process here. */
  observe?: StatementObserver | undefined;
}

/** Steps that end what was opened, run in reverse. */
export type Undo = (() => Promise<void> | void)[];

export interface Base {
  clock: Clock;
  loaded: LoadedConfig;
  home: string;
  socket: string;
  log: Logger;
  redactor: Redactor;
  data: OpenedData;
  pairing: Pairing;
  files: FileStore;
  voice: ConfiguredVoice;
  describeLock(url: string): void;
  load(): Promise<LoadedConfig>;
  undo: Undo;
}

/** Rejects with AppError; what was opened until then is in `undo`. */
export async function openBase(options: BaseOptions, undo: Undo): Promise<Base> {
  const clock = systemClock;
  const overrides = options.port === undefined ? [] : [{ key: 'gateway.port', value: options.port, flag: '--port' }];
  const load = () => loadConfig({ home: options.home, manifests, overrides });
  const loaded = await load();
  const { home } = loaded;
  const socket = path.join(home, SOCKET_FILE);
  ensureDir(home);
  const lock = takeWriterLock(home, { pid: process.pid, startedAt: clock.now(), purpose: 'gateway' });
  undo.push(() => lock.release());
  const redactor = makeRedactor(loaded.secrets);
  const opened = openLog({ home, level: loaded.config.logging.level, redactor, terminal: options.terminal });
  undo.push(() => opened.close());
  const data = await openData({ home, clock, observe: options.observe });
  undo.push(() => data.close());
  return {
    clock,
    loaded,
    home,
    socket,
    log: opened.log,
    redactor,
    data,
    pairing: openPairing({ db: data.db, clock, log: opened.log }),
    files: makeFileStore({ home, clock, maxBytes: loaded.config.gateway.max_upload_mb * 1_048_576 }),
    voice: openConfiguredVoice({ home, clock, log: opened.log, loaded }),
    describeLock: (url) => lock.describe({ socket, url }),
    load,
    undo,
  };
}
