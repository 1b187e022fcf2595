// What goes wrong when a test says so, by route and count.

export interface Fault {
  /** Hits requests whose method and path (behind /api/v4) match, e.g. /^POST \/posts$/. */
  route: RegExp;
  /** Default 1; Infinity until taken back. */
  times?: number;
  /** Answers this instead of doing anything. */
  status?: number;
  /** Mattermost's code of the error. */
  id?: string;
  headers?: Readonly<Record<string, string>>;
  /** Answers with this text instead of JSON, such as a page of a proxy. */
  text?: string;
  /** Cuts the connection: before anything is done, or with all done and no answer. */
  drop?: 'before' | 'after';
  /** Answers only once this resolves, with all done. */
  hold?: Promise<void>;
}

export class FaultPlan {
  #armed: { fault: Fault; left: number }[] = [];

  /** The function that is returned takes it back. */
  add(fault: Fault): () => void {
    const armed = { fault, left: fault.times ?? 1 };
    this.#armed.push(armed);
    return () => void (this.#armed = this.#armed.filter((one) => one !== armed));
  }

  /** The first fault that hits this request, counted down. */
  take(request: string): Fault | undefined {
    const hit = this.#armed.find(({ fault, left }) => left > 0 && fault.route.test(request));
    if (!hit) return undefined;
    hit.left--;
    return hit.fault;
  }
}
