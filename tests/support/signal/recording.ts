// Writes each request with its answer to signal.jsonl, in the form that the contract check reads: what the real server would have
// received, no more.
import { appendFileSync, mkdirSync } from 'node:fs';
import path from 'node:path';

/** Polls that brought nothing say the same thing again and again. */
const MAX_EMPTY_POLLS = 3;

export interface RecordedRequest {
  method: string;
  /** Percent-encoding kept. */
  path: string;
  query: string;
  contentType: string;
  body: unknown;
}

export interface RecordedAnswer {
  status: number;
  body?: unknown;
}

export class Recording {
  readonly #file: string | undefined;
  #emptyPolls = 0;

  /** Without a folder nothing is written. */
  constructor(dir: string | undefined) {
    this.#file = dir === undefined ? undefined : path.join(dir, 'signal.jsonl');
    if (dir !== undefined) mkdirSync(dir, { recursive: true });
  }

  /** `answer` undefined: it got lost. */
  write(request: RecordedRequest, answer: RecordedAnswer | undefined): void {
    if (this.#file === undefined) return;
    const isEmptyPoll = request.path.startsWith('/v1/receive/') && JSON.stringify(answer?.body) === '[]';
    if (isEmptyPoll && this.#emptyPolls++ >= MAX_EMPTY_POLLS) return;
    appendFileSync(this.#file, `${JSON.stringify({ ...request, ...(answer && { response: answer }) })}\n`);
  }
}
