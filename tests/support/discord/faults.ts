// What goes wrong when a test says so: refusals, rate limits, delays and lost connections, by route and count.
import type { ApiRequest } from './http.ts';

export interface Fault {
  /** Default: any. */
  method?: string;
  /** Of the path behind the version. Default: any. */
  route?: RegExp;
  /** How many calls it hits. Default 1; Infinity until cleared. */
  times?: number;
  /** Answers with this status. Nothing is done. */
  status?: number;
  /** Discord's own code in the body. */
  code?: number;
  message?: string;
  /** Milliseconds, with status 429. */
  retryAfterMs?: number;
  /** With status 429: for all calls. */
  global?: boolean;
  /** Waits before anything else. */
  delayMs?: number;
  /** Cuts the connection: before anything is done, or with all done and no answer. */
  drop?: 'before' | 'after';
  /** Answers with this text instead of JSON, such as a page of a proxy. */
  text?: string;
}

export class FaultPlan {
  #armed: { fault: Fault; left: number }[] = [];

  add(fault: Fault): void {
    this.#armed.push({ fault, left: fault.times ?? 1 });
  }

  clear(): void {
    this.#armed = [];
  }

  /** The first fault that hits this call, counted down. */
  take(request: ApiRequest): Fault | undefined {
    const armed = this.#armed.find(
      ({ fault, left }) =>
        left > 0 &&
        (fault.method === undefined || fault.method === request.method) &&
        (fault.route === undefined || fault.route.test(request.route)),
    );
    if (!armed) return undefined;
    armed.left--;
    return armed.fault;
  }
}
