// Notices changes of config.yaml and .env by polling: fs.watch misses editors that replace the file, network file systems and
// container mounts. A bad file leaves the last good configuration in force.
import { stat } from 'node:fs/promises';
import type { Clock } from '../shared/clock.ts';
import { asAppError, type AppError } from '../shared/errors.ts';
import type { LoadedConfig } from './load.ts';

export interface WatchOptions {
  /** The configuration in force. */
  current: LoadedConfig;
  /** Loads anew, with the same home, options and environment as `current`. */
  load(): Promise<LoadedConfig>;
  clock: Clock;
  /** How often the files are looked at, in ms. Default 2000. A change counts when it has lasted for one interval. */
  intervalMs?: number;
  /** A new good configuration. What it throws goes to `onError`. */
  onChange(next: LoadedConfig, previous: LoadedConfig): void | Promise<void>;
  /** A bad file, told once per change of it; `current()` stays what it was. What it throws is dropped. */
  onError(error: AppError): void;
}

export interface ConfigWatch {
  /** The last good configuration. */
  current(): LoadedConfig;
  /** Loads now, without waiting for the next look (for a reload signal). Never rejects. */
  reload(): Promise<void>;
  /** After it, nothing is called any more. Idempotent. */
  stop(): void;
}

/** Never throws. Does not keep the process alive. */
export function watchConfig(options: WatchOptions): ConfigWatch {
  const intervalMs = options.intervalMs ?? 2000;
  const files = [options.current.file, options.current.envFile];
  let current = options.current;
  let stopped = false;
  let cancel = () => {};
  /** Stamp that was last loaded, or that the first configuration is taken to have. */
  let loadedStamp: string | undefined;
  let lastStamp: string | undefined;
  let running: Promise<void> = Promise.resolve();

  async function look(): Promise<void> {
    const stamp = await stampOf(files);
    if (stopped) return;
    const settled = stamp === lastStamp;
    lastStamp = stamp;
    // The first look always loads once it has settled: the file may have changed between start and first look.
    if (settled && stamp !== loadedStamp) await loadStamped(stamp);
  }

  async function loadStamped(stamp: string): Promise<void> {
    loadedStamp = stamp;
    try {
      const next = await options.load();
      if (stopped || next.fingerprint === current.fingerprint) return;
      const previous = current;
      current = next;
      await options.onChange(next, previous);
    } catch (error) {
      if (!stopped) tell(asAppError(error));
    }
  }

  function tell(error: AppError): void {
    try {
      options.onError(error);
    } catch {
      // Whoever reports errors cannot be told that reporting failed.
    }
  }

  function inTurn(work: () => Promise<void>): Promise<void> {
    running = running.then(work);
    return running;
  }

  function schedule(): void {
    cancel = options.clock.after(intervalMs, () => {
      void inTurn(look).then(() => {
        if (!stopped) schedule();
      });
    });
  }

  schedule();
  return {
    current: () => current,
    reload: () => inTurn(async () => (stopped ? undefined : loadStamped(await stampOf(files)))),
    stop() {
      stopped = true;
      cancel();
    },
  };
}

/** Changes with time, size, inode and mode of the files: an unreadable file that becomes readable is a change too. */
async function stampOf(files: readonly string[]): Promise<string> {
  const stamps = files.map(async (file) => {
    try {
      const { mtimeNs, size, ino, mode } = await stat(file, { bigint: true });
      return [mtimeNs, size, ino, mode].join(':');
    } catch (error) {
      return error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    }
  });
  return (await Promise.all(stamps)).join(' ');
}
