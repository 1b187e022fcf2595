// What goes wrong on Slack's side.
import type { Json } from './json.ts';

export interface FaultRule {
  /** Default: every method, and uploads and downloads too ('upload', 'download'). */
  method?: string | undefined;
  when?: ((args: Json) => boolean) | undefined;
  /** Default 1. */
  times?: number | undefined;
  /** An answer with `ok: false`. */
  error?: string | undefined;
  /** Beside `error`. */
  more?: Json | undefined;
  /** A status that is no success; 429 with `retryAfter`. */
  status?: number | undefined;
  /** Seconds. */
  retryAfter?: number | undefined;
  /** A body that is no JSON, with status 200. */
  raw?: string | undefined;
  /** before: the connection breaks and nothing is done · after: it is done, and the answer gets lost. */
  drop?: 'before' | 'after' | undefined;
}

export class Faults {
  #rules: { rule: FaultRule; left: number }[] = [];

  /** The result takes the rule away. */
  add(rule: FaultRule): () => void {
    const entry = { rule, left: rule.times ?? 1 };
    this.#rules.push(entry);
    return () => {
      this.#rules = this.#rules.filter((other) => other !== entry);
    };
  }

  /** The rule that applies now; it is used up by that. */
  take(method: string, args: Json): FaultRule | undefined {
    const entry = this.#rules.find(
      ({ rule, left }) => left > 0 && (rule.method ?? method) === method && (rule.when?.(args) ?? true),
    );
    if (entry) entry.left--;
    return entry?.rule;
  }
}
