// Files that clients send: from whom they are taken, how large they may be, and how many at once.
import { AppError } from '../../shared/errors.ts';
import type { ChatId, UserId } from '../../shared/ids.ts';
import type { StoredFile } from '../../shared/messages.ts';
import type { AdapterHost } from '../contract.ts';
import { cleanName } from './files.ts';
import { limitStream, mimeOf, problem } from './requests.ts';

const MAX_PER_CHAT = 3;
const MAX_AT_ONCE = 12;

export class Uploads {
  readonly #host: Pick<AdapterHost, 'isPaired' | 'storeUpload'>;
  readonly #maxBytes: number;
  /** Under way, by chat. */
  readonly #running = new Map<ChatId, number>();

  constructor(host: Pick<AdapterHost, 'isPaired' | 'storeUpload'>, maxBytes: number) {
    this.#host = host;
    this.#maxBytes = maxBytes;
  }

  /** The file, or the answer that says why it was not kept. Rejects with AppError. */
  async take(
    request: Request,
    { chat, user }: { chat: ChatId; user: UserId },
    name: string,
  ): Promise<StoredFile | Response> {
    if (!(await this.#host.isPaired(user)))
      return problem(403, 'not_allowed', 'Files are taken from people who are paired. This one was not kept.');
    if (Number(request.headers.get('content-length') ?? 0) > this.#maxBytes) return this.#tooLarge();
    if (request.body === null) throw new AppError('bad_input', 'The file is empty. Nothing was kept.');
    const running = this.#running.get(chat) ?? 0;
    const all = [...this.#running.values()].reduce((sum, count) => sum + count, 0);
    if (running >= MAX_PER_CHAT || all >= MAX_AT_ONCE)
      return problem(429, 'busy', 'Too many files are being sent at once. Try again in a moment.');
    this.#running.set(chat, running + 1);
    const limited = limitStream(request.body, this.#maxBytes);
    try {
      return await this.#host.storeUpload(cleanName(name), mimeOf(request), limited.body);
    } catch (error) {
      if (limited.exceeded()) return this.#tooLarge();
      throw error;
    } finally {
      const left = (this.#running.get(chat) ?? 1) - 1;
      if (left > 0) this.#running.set(chat, left);
      else this.#running.delete(chat);
    }
  }

  #tooLarge(): Response {
    const megabytes = Math.floor(this.#maxBytes / 1024 / 1024);
    return problem(413, 'too_large', `Files of up to ${megabytes} MB can be sent. This one was not kept.`);
  }
}
