// One conversation that uses every kind of step, over a gateway that is killed and started again, and what must hold afterwards:
// each message answered exactly once, no `once` tool run twice, nothing left in between.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { moduleFile } from '../support/built.ts';
import {
  makeHome,
  requestSocket,
  startGatewayProcess,
  waitFor,
  type GatewayProcess,
} from '../support/gateway-process.ts';
import { asList, asRecord, type CallSeen, isStateText } from '../support/model-server-script.ts';
import { startModelServer, type ModelServer } from '../support/model-server.ts';

const CHILD = moduleFile('tests/crash/gateway-child');
const CHAT = '/terminal/default';

export interface CrashWorld {
  model: ModelServer;
  /** A fresh copy of a home whose owner is known already. */
  newHome(): string;
  close(): Promise<void>;
}

export async function openCrashWorld(): Promise<CrashWorld> {
  const model = await startModelServer({
    script(call) {
      const tokens = askedTokens(call);
      if (tokens.length === 0) return { text: 'hi' };
      if (call.toolResults.length > 0) return { text: tokens.map((token) => `DONE-${token}`).join(' ') };
      return {
        text: 'Let me see.',
        toolCalls: [
          { name: 'clock', arguments: {} },
          ...tokens.flatMap((token) => [
            { name: 'memory', arguments: { action: 'add', content: `NOTE-${token}` } },
            { name: 'send_message', arguments: { to: 'terminal', text: `ONCE-${token}` } },
          ]),
        ],
      };
    },
  });
  const template = makeHome({
    model: { provider: 'custom', base_url: model.openAiUrl, name: 'test-model', api_key: 'test-key-1234' },
  });
  const first = await startGatewayProcess({ home: template, entry: [CHILD] });
  await say(first, 'hello-first', 'hello');
  await settled(first);
  await first.kill('SIGTERM');
  const homes: string[] = [template];
  return {
    model,
    newHome() {
      const home = fs.mkdtempSync(path.join(os.tmpdir(), 'herald-crash-'));
      fs.cpSync(template, home, { recursive: true, filter: (file) => !file.endsWith('.sock') });
      homes.push(home);
      return home;
    },
    async close() {
      await model.close();
      for (const home of homes) fs.rmSync(home, { recursive: true, force: true });
    },
  };
}

/** Tokens of the messages that this turn is to answer: the last user messages in a row, before its own tool calls. */
function askedTokens(call: CallSeen): readonly string[] {
  const messages = asList(call.body['messages'])
    .map(asRecord)
    .filter(({ content }) => !isStateText(typeof content === 'string' ? content : JSON.stringify(content)));
  const last = messages.findLastIndex((message) => message['role'] === 'user');
  let first = last;
  while (first > 0 && messages[first - 1]?.['role'] === 'user') first--;
  const text = JSON.stringify(messages.slice(Math.max(0, first), last + 1));
  return [...new Set([...text.matchAll(/TOKEN-(\w+)/g)].map((match) => match[1] ?? ''))];
}

/** A gateway that kills itself at boundary `killAt` (0 = never); `more` are further arguments of its script. */
export function startCrashing(home: string, killAt: number, more: readonly string[] = []): Promise<GatewayProcess> {
  return startGatewayProcess({ home, entry: [CHILD, '--kill-at', String(killAt), ...more] });
}

/** All that a request needs of a gateway, in a process of its own or in this one. */
type Reached = Pick<GatewayProcess, 'socket'>;

/** Sends as our clients do: the same id again until it is taken. False when the gateway is gone. */
export async function say(gateway: Reached, id: string, text: string): Promise<boolean> {
  try {
    const answer = await requestSocket(gateway.socket, { path: `${CHAT}/messages`, body: { id, text } });
    if (answer.status !== 202) throw new Error(`message refused: ${answer.status} ${answer.body}`);
    return true;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ECONNRESET' || code === 'ECONNREFUSED' || code === 'ENOENT' || code === 'EPIPE') return false;
    throw error;
  }
}

/** Waits until every message has its end state and nothing is left to send. */
export async function settled(gateway: Reached): Promise<void> {
  await waitFor('the gateway to settle', async () => {
    const { body } = await requestSocket(gateway.socket, { path: '/status' });
    const { inbox, outbox } = JSON.parse(body) as { inbox: Record<string, number>; outbox: Record<string, number> };
    const open = ['received', 'queued', 'running'].reduce((sum, state) => sum + (inbox[state] ?? 0), 0);
    return open + (outbox['pending'] ?? 0) + (outbox['sending'] ?? 0) === 0;
  });
}

/** Texts that the chat shows, each line once. */
export async function readTimeline(gateway: Reached): Promise<readonly string[]> {
  const { body } = await requestSocket(gateway.socket, { path: `${CHAT}/timeline?limit=500` });
  const { entries } = JSON.parse(body) as { entries: { direction: string; text: string; body?: unknown }[] };
  return entries.filter((entry) => entry.direction === 'out').map((entry) => entry.text || JSON.stringify(entry.body));
}

/** What is wrong with the answers to `token`; undefined when all is well. */
export function findFault(lines: readonly string[], token: string): string | undefined {
  const count = (mark: string) => lines.filter((line) => line.includes(`${mark}-${token}`)).length;
  if (count('DONE') !== 1) return `${count('DONE')} answers to ${token}`;
  if (count('ONCE') > 1) return `the once tool ran ${count('ONCE')} times for ${token}`;
  return undefined;
}
