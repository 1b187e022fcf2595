// Writes each request with its answer to telegram.jsonl, in the form that the contract check reads: what the real platform would
// have received, no more.
import { appendFileSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import type { ApiAnswer, ApiRequest } from './http.ts';

/** Polls that brought nothing say the same thing again and again. */
const MAX_EMPTY_POLLS = 3;

export class Recording {
  readonly #file: string | undefined;
  #emptyPolls = 0;

  /** Without a folder nothing is written. */
  constructor(dir: string | undefined) {
    this.#file = dir === undefined ? undefined : path.join(dir, 'telegram.jsonl');
    if (dir !== undefined) mkdirSync(dir, { recursive: true });
  }

  /** `answer` undefined: it got lost, or cannot be held against the specification. */
  write(request: ApiRequest, answer: ApiAnswer | undefined): void {
    if (this.#file === undefined || this.#isAnotherEmptyPoll(request, answer)) return;
    const line = {
      method: request.verb,
      path: request.path,
      query: request.query,
      contentType: request.contentType,
      body: request.body,
      ...(answer ? { response: answer } : {}),
    };
    appendFileSync(this.#file, `${JSON.stringify(line)}\n`);
  }

  #isAnotherEmptyPoll(request: ApiRequest, answer: ApiAnswer | undefined): boolean {
    if (!/\/getUpdates$/i.test(request.path)) return false;
    if (answer !== undefined && JSON.stringify(answer.body) !== '{"ok":true,"result":[]}') return false;
    return this.#emptyPolls++ >= MAX_EMPTY_POLLS;
  }
}
