// Writes each request with its answer to twilio.jsonl, in the form that the contract check reads: what the real platform would have
// received and its specification describes, no more.
import { appendFileSync, mkdirSync } from 'node:fs';
import path from 'node:path';

/** Looks that brought nothing say the same thing again and again. */
const MAX_LISTS = 200;

export interface RecordedRequest {
  method: string;
  path: string;
  query: string;
  contentType: string;
  body: unknown;
}

export class Recording {
  readonly #file: string | undefined;
  #lists = 0;

  /** Without a folder nothing is written. */
  constructor(dir: string | undefined) {
    this.#file = dir === undefined ? undefined : path.join(dir, 'twilio.jsonl');
    if (dir !== undefined) mkdirSync(dir, { recursive: true });
  }

  /** `answer` undefined: it got lost. */
  write(request: RecordedRequest, answer: { status: number; body: unknown } | undefined): void {
    if (this.#file === undefined || !/^\/2010-04-01\/.*\.json$/.test(request.path)) return;
    if (request.method === 'GET' && this.#lists++ >= MAX_LISTS) return;
    appendFileSync(this.#file, `${JSON.stringify({ ...request, ...(answer && { response: answer }) })}\n`);
  }
}
