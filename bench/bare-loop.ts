// The least that a bot can be: long poll, one model call, one SQLite commit, one send. Herald is measured beside it. A process of its own:
// node bench/bare-loop.ts --api-root URL --token T --model-url URL --db FILE [--conversation] [--max-ms N]
// With --conversation its model call is the one of an agent: all that was said in the chat, and an answer that is streamed.
import { setTimeout as wait } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import Database from 'better-sqlite3';
import { z } from 'zod';

const updatesSchema = z.object({
  result: z.array(
    z.object({ update_id: z.number(), message: z.object({ chat: z.object({ id: z.number() }), text: z.string() }) }),
  ),
});
const replySchema = z.object({ choices: z.array(z.object({ message: z.object({ content: z.string() }) })) });
const chunkSchema = z.object({ choices: z.array(z.object({ delta: z.object({ content: z.string().nullish() }) })) });

const { values } = parseArgs({
  options: {
    'api-root': { type: 'string', default: '' },
    token: { type: 'string', default: '' },
    'model-url': { type: 'string', default: '' },
    db: { type: 'string', default: '' },
    conversation: { type: 'boolean', default: false },
    'max-ms': { type: 'string', default: '120000' },
  },
});
const stop = new AbortController();
for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => stop.abort());
void wait(Number(values['max-ms']), undefined, { ref: false }).then(() => stop.abort());

const db = new Database(values.db);
db.pragma('journal_mode = wal');
db.pragma('synchronous = full');
db.exec('create table messages (id integer primary key, chat integer, question text, answer text)');
const insert = db.prepare('insert into messages (chat, question, answer) values (?, ?, ?)');

async function post(url: string, body: unknown): Promise<Response> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body), signal: stop.signal });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return response;
}

const call = async (method: string, body: unknown): Promise<unknown> =>
  (await post(`${values['api-root']}/bot${values.token}/${method}`, body)).json();
const ask = (body: object) => post(`${values['model-url']}/chat/completions`, { model: 'bare', ...body });

interface Said {
  role: 'user' | 'assistant';
  content: string;
}
const conversations = new Map<number, Said[]>();

async function reply(chat: number, content: string): Promise<string> {
  const question: Said = { role: 'user', content };
  if (!values.conversation) {
    const answered = replySchema.parse(await (await ask({ messages: [question] })).json());
    return answered.choices[0]?.message.content ?? '';
  }
  const messages = conversations.get(chat) ?? [];
  conversations.set(chat, messages);
  messages.push(question);
  const text = readStream(await (await ask({ messages, stream: true })).text());
  messages.push({ role: 'assistant', content: text });
  return text;
}

function readStream(events: string): string {
  const chunks = events.split('\n').filter((line) => line.startsWith('data: {'));
  const parsed = chunks.map((line) => chunkSchema.parse(JSON.parse(line.slice('data: '.length))));
  return parsed.map(({ choices }) => choices[0]?.delta.content ?? '').join('');
}

async function answer(chat: number, question: string): Promise<void> {
  const text = await reply(chat, question);
  insert.run(chat, question, text);
  await call('sendMessage', { chat_id: chat, text });
}

async function poll(): Promise<void> {
  let offset = 0;
  let isFirst = true;
  while (!stop.signal.aborted) {
    const { result } = updatesSchema.parse(await call('getUpdates', { offset, timeout: isFirst ? 0 : 25 }));
    if (isFirst) process.stdout.write('ready\n');
    isFirst = false;
    for (const { update_id: id, message } of result) {
      offset = id + 1;
      void answer(message.chat.id, message.text).catch(fail);
    }
  }
}

function fail(error: unknown): void {
  if (stop.signal.aborted) return;
  process.stderr.write(`${String(error)}\n`);
  process.exitCode = 1;
  stop.abort();
}

await poll().catch(fail);
db.close();
