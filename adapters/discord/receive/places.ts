// Where a channel is in the core's words; asked for when the gateway did not tell (an archived thread, a DM).
import type { AdapterHost } from '../../contract.ts';
import { backoffMs } from '../../../shared/backoff.ts';
import type { Clock } from '../../../shared/clock.ts';
import type { DiscordApi } from '../api.ts';
import { CallError } from '../errors.ts';
import { snowflakeTime } from '../snowflake.ts';
import type { Directory, Place } from './directory.ts';

const RETRY = { baseMs: 500, maxMs: 60_000 };

export interface PlacesDeps {
  api: DiscordApi;
  host: AdapterHost;
  directory: Directory;
  clock: Clock;
  signal: AbortSignal;
}

export interface Places {
  /**
   * `guild`: of the event, undefined for a DM. Undefined when nobody writes to us there, when it is gone, or when the adapter stops. Never
   * rejects; tries over a network that is down.
   */
  find(channel: string, guild: string | undefined): Promise<Place | undefined>;
  /** Whether the message is younger than `ms`. */
  isRecent(message: string, ms: number): boolean;
}

export function makePlaces({ api, host, directory, clock, signal }: PlacesDeps): Places {
  async function ask(channel: string): Promise<void> {
    for (let attempt = 1; !signal.aborted; attempt++) {
      try {
        directory.add(await api.run({ method: 'GET', route: `/channels/${channel}`, signal }));
        return;
      } catch (error) {
        const failure = error instanceof CallError ? error : undefined;
        host.log.warn({ problem: failure?.message ?? 'unexpected answer', attempt }, 'channel could not be asked for');
        if (failure?.code !== 'unreachable' && failure?.code !== 'rate_limited') return;
        await clock.sleep(failure.retryAfterMs ?? backoffMs(attempt, RETRY), signal).catch(() => undefined);
      }
    }
  }

  return {
    async find(channel, guild) {
      if (!directory.find(channel)) await ask(channel);
      const known = directory.find(channel);
      if (known) return directory.placeOf(known);
      // Not ours to look at, and yet somebody wrote to us from there.
      return guild === undefined
        ? undefined
        : { kind: 'group', chat: channel, thread: undefined, title: undefined, guild };
    },
    isRecent: (message, ms) => clock.now() - snowflakeTime(message) < ms,
  };
}
