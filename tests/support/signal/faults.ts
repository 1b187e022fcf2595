// What goes wrong when a test says so, by route and count.

export interface Fault {
  /** Hits requests whose method and path begin like this, e.g. 'POST /v2/send'. */
  route: string;
  /** Default 1. */
  times?: number;
  /** Answers this instead of doing anything. */
  status?: number;
  body?: unknown;
  headers?: Readonly<Record<string, string>>;
  /** Cuts the connection: before anything is done, or with all done and no answer. */
  drop?: 'before' | 'after';
  /** Answers only once this resolves, with all done. */
  hold?: Promise<void>;
}

export class FaultPlan {
  #armed: { fault: Fault; left: number }[] = [];

  add(fault: Fault): void {
    this.#armed.push({ fault, left: fault.times ?? 1 });
  }

  /** The first fault that hits this request, counted down. */
  take(method: string, path: string): Fault | undefined {
    const hit = this.#armed.find(({ fault, left }) => left > 0 && `${method} ${path}`.startsWith(fault.route));
    if (!hit) return undefined;
    hit.left--;
    return hit.fault;
  }
}
