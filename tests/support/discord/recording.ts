// Writes each request with its answer to discord.jsonl, in the form that the contract check reads: what the real platform would have
// received, no more.
import { appendFileSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import type { ApiAnswer, ApiRequest } from './http.ts';

export class Recording {
  readonly #file: string | undefined;

  /** Without a folder nothing is written. */
  constructor(dir: string | undefined) {
    this.#file = dir === undefined ? undefined : path.join(dir, 'discord.jsonl');
    if (dir !== undefined) mkdirSync(dir, { recursive: true });
  }

  /** `answer` undefined: it got lost, or is none of the platform's own. */
  write(request: ApiRequest, answer: ApiAnswer | undefined): void {
    if (this.#file === undefined) return;
    const line = {
      method: request.method,
      path: request.path,
      query: Object.fromEntries(request.query),
      contentType: request.contentType,
      body: request.body,
      ...(answer && { response: { status: answer.status, body: answer.body ?? '' } }),
    };
    appendFileSync(this.#file, `${JSON.stringify(line)}\n`);
  }
}
