// What goes wrong when a test says so: errors, delays and lost connections, by method and count.
import type { Clock } from '../../../shared/clock.ts';
import { ApiError, type ApiRequest } from './http.ts';

export interface Fault {
  /** In any case; 'download' for files. Default: every method but getUpdates. */
  method?: string;
  /** Of the calls that it fits, how many go by unharmed first. Default 0. */
  after?: number;
  /** How many calls it hits. Default 1; Infinity until cleared. */
  times?: number;
  /** Hits only calls that this accepts. */
  when?: (request: ApiRequest) => boolean;
  /** Answers with this status. Nothing is done. */
  status?: number;
  /** Default: the real server's words for the status. */
  description?: string;
  /** Seconds, in the parameters of a 429. */
  retryAfter?: number;
  /** Id in the parameters of an error 400. */
  migrateTo?: number;
  /** Waits before anything else. */
  delayMs?: number;
  /** Cuts the connection: before anything is done, or with all done and no answer. */
  drop?: 'before' | 'after';
}

const WORDS: Readonly<Record<number, string>> = {
  400: 'Bad Request: bad request',
  401: 'Unauthorized',
  403: 'Forbidden: bot was blocked by the user',
  404: 'Not Found',
  409: 'Conflict: terminated by other getUpdates request; make sure that only one bot instance is running',
  413: 'Request Entity Too Large',
  500: 'Internal Server Error',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
};

interface ArmedFault {
  fault: Fault;
  pass: number;
  left: number;
}

export class FaultPlan {
  readonly #clock: Clock;
  #armed: ArmedFault[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Returns what takes it away again. */
  add(fault: Fault): () => void {
    const armed = { fault, pass: fault.after ?? 0, left: fault.times ?? 1 };
    this.#armed.push(armed);
    return () => {
      this.#armed = this.#armed.filter((other) => other !== armed);
    };
  }

  clear(): void {
    this.#armed = [];
  }

  /** The first fault that hits this call, counted down. */
  take(method: string, request: ApiRequest): Fault | undefined {
    for (const armed of this.#armed) {
      if (armed.left <= 0 || !fits(armed.fault, method, request)) continue;
      if (armed.pass > 0) {
        armed.pass--;
        continue;
      }
      armed.left--;
      return armed.fault;
    }
    return undefined;
  }

  async delay(fault: Fault | undefined, gone: AbortSignal): Promise<void> {
    if (fault?.delayMs === undefined) return;
    await this.#clock.sleep(fault.delayMs, gone).catch(() => undefined);
  }
}

function fits(fault: Fault, method: string, request: ApiRequest): boolean {
  const name = method.toLowerCase();
  if (fault.method === undefined ? name === 'getupdates' : fault.method.toLowerCase() !== name) return false;
  return fault.when === undefined || fault.when(request);
}

/** The error that a fault answers with; undefined when it has none. */
export function faultError(fault: Fault | undefined): ApiError | undefined {
  if (fault?.status === undefined) return undefined;
  const { status, retryAfter, migrateTo } = fault;
  if (status === 429) {
    const seconds = retryAfter ?? 1;
    const words = fault.description ?? `Too Many Requests: retry after ${seconds}`;
    return new ApiError(429, words, { retry_after: seconds });
  }
  if (migrateTo !== undefined) {
    const words = fault.description ?? 'Bad Request: group chat was upgraded to a supergroup chat';
    return new ApiError(status, words, { migrate_to_chat_id: migrateTo });
  }
  return new ApiError(status, fault.description ?? WORDS[status] ?? 'Internal Server Error');
}
