// The other end of the chat, in a process of its own: the loopback Bot API server and the people who write to it. Messages and answers
// are timed here, by one monotonic clock, so that no control call lies between an event and its time. Run by fork(), spoken to over IPC.
import { z } from 'zod';
import { startBotApi } from '../tests/support/bot-api.ts';
import type { BotApi } from '../tests/support/bot-api/types.ts';

/** Ids of the people; each writes in a chat of their own. */
export const FIRST_USER = 5001;

const requestSchema = z.object({
  chats: z.number(),
  total: z.number(),
  /** True: each person writes on as soon as they are answered. False: one message at a time, over all chats in turn. */
  together: z.boolean(),
  /** After this no more messages are written, though `total` is not reached. */
  maxMs: z.number(),
});
export type TalkRequest = z.infer<typeof requestSchema>;

const reportSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('listening'), url: z.string(), token: z.string() }),
  /** One latency per message, in ms and in the order of the answers: from the update being there to the sendMessage of its answer. */
  z.object({ kind: z.literal('done'), latenciesMs: z.array(z.number()), elapsedMs: z.number() }),
  z.object({ kind: z.literal('failed'), problem: z.string() }),
]);
export type LoadReport = z.infer<typeof reportSchema>;

export function readReport(message: unknown): LoadReport {
  return reportSchema.parse(message);
}

type TalkResult = Omit<Extract<LoadReport, { kind: 'done' }>, 'kind'>;

/** Numbers messages over the life of the process: an answer names its message by its number. */
let lastNumber = 0;

/** How long an answer may take. */
const ANSWER_MS = 10_000;

/** Rejects when an answer is missing or comes twice. */
async function talk(api: BotApi, request: TalkRequest): Promise<TalkResult> {
  const { chats, total, together, maxMs } = request;
  await api.until('a poll', () => api.isPolling(), ANSWER_MS);
  const startedAt = performance.now();
  const latenciesMs: number[] = [];
  const open = new Map<number, { chat: number; saidAt: number }>();
  let seenCalls = api.calls.length;
  let said = 0;
  let problem: string | undefined;
  const say = (chat: number) => {
    said++;
    const number = ++lastNumber;
    open.set(number, { chat, saidAt: performance.now() });
    api.user(FIRST_USER + chat).dm.sendText(`Tell me about number ${number} please`);
  };
  const isGoingOn = () => said < total && performance.now() - startedAt < maxMs;
  const look = (): boolean => {
    for (; seenCalls < api.calls.length; seenCalls++) {
      const call = api.calls[seenCalls];
      if (call?.method !== 'sendMessage') continue;
      const number = Number(/about number (\d+) please/.exec(call.params['text'] ?? '')?.[1]);
      const answered = open.get(number);
      if (answered === undefined) {
        problem = `no such answer was expected: ${call.params['text']}`;
        return true;
      }
      open.delete(number);
      latenciesMs.push(performance.now() - answered.saidAt);
      const next = together ? answered.chat : said % chats;
      if (isGoingOn()) setImmediate(() => isGoingOn() && say(next));
    }
    return open.size === 0 && !isGoingOn();
  };
  for (let chat = 0; chat < (together ? Math.min(chats, total) : 1); chat++) say(chat);
  await api.until(`${total} answers`, look, maxMs + ANSWER_MS);
  if (problem !== undefined) throw new Error(problem);
  return { latenciesMs, elapsedMs: performance.now() - startedAt };
}

async function main(send: (report: LoadReport) => void): Promise<void> {
  const api = await startBotApi();
  process.on('message', (message) => {
    talk(api, requestSchema.parse(message)).then(
      (result) => send({ kind: 'done', ...result }),
      (error: unknown) => send({ kind: 'failed', problem: String(error) }),
    );
  });
  process.once('disconnect', () => void api.close());
  send({ kind: 'listening', url: api.url, token: api.token });
}

if (import.meta.main) await main((report) => void process.send?.(report));
