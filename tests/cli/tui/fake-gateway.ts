// The real HTTP server and terminal adapter with a scripted core behind them; can be stopped and started again like a gateway.
import path from 'node:path';
import type { InboundMessage, TimelineEntry } from '../../../adapters/contract.ts';
import { parseMarkdown } from '../../../adapters/markdown.ts';
import { makeTerminalAdapter } from '../../../adapters/terminal/adapter.ts';
import { accountId } from '../../../shared/ids.ts';
import type { StoredFile } from '../../../shared/messages.ts';
import { makeRecordingHost, type RecordingHost } from '../../contracts/adapter-host.ts';
import { dmOf, makeSocketFolder, openLocalServer, type LocalServer } from '../../adapters/local-chat/rig.ts';

const account = accountId('default');

export interface ScriptedTurn {
  message: InboundMessage;
  draft(text: string, tools?: readonly string[]): Promise<void>;
  typing(): Promise<void>;
  answer(markdown: string, kind?: TimelineEntry['kind'], files?: readonly StoredFile[]): Promise<void>;
}

export interface FakeGateway {
  folder: string;
  socketPath: string;
  readonly record: RecordingHost;
  respond: (turn: ScriptedTurn) => Promise<void>;
  stop(): Promise<void>;
  start(): Promise<void>;
  close(): Promise<void>;
}

export async function openFakeGateway(): Promise<FakeGateway> {
  const place = await makeSocketFolder();
  let record = makeRecordingHost();
  let server: LocalServer | undefined;
  let sent = 0;
  const gateway: FakeGateway = {
    folder: place.folder,
    socketPath: place.socketPath,
    get record() {
      return record;
    },
    respond: (turn) => turn.answer(`You said: ${turn.message.text}`),
    async stop() {
      await server?.close();
      server = undefined;
    },
    async start() {
      const { cursors, received, timeline } = record;
      record = makeRecordingHost({ cursors, received });
      record.timeline.push(...timeline);
      server = await openLocalServer({
        platform: 'terminal',
        account,
        socketPath: place.socketPath,
        record,
        make: () => makeTerminalAdapter({ platform: 'terminal', account, settings: { max_upload_mb: 1 }, fetch }),
        host: (host) => ({
          ...host,
          async receive(message) {
            const outcome = await host.receive(message);
            if (outcome === 'new') setImmediate(() => void gateway.respond(turnOf(message)));
            return outcome;
          },
        }),
      });
      await server.adapter.publishCommands?.([
        { name: 'help', description: 'What you can do here' },
        { name: 'status', description: 'How Herald is doing' },
        { name: 'stop', description: 'Stop what is running' },
      ]);
    },
    async close() {
      await gateway.stop();
      await record.close();
      await place.remove();
    },
  };

  function turnOf(message: InboundMessage): ScriptedTurn {
    const to = dmOf('terminal', account, message.chat);
    const signal = AbortSignal.timeout(10_000);
    return {
      message,
      draft: async (text, tools = []) =>
        void (await server?.adapter.draft?.(to, { key: `t-${message.id}`, text, tools }, signal)),
      typing: async () => server?.adapter.typing?.(to),
      async answer(markdown, kind = 'answer', files = []) {
        const key = `answer-${++sent}`;
        // As the core does: the row first, then the send.
        record.timeline.push({ key, direction: 'out', at: Date.now(), text: markdown, kind, files, buttons: [] });
        const part = { key, body: parseMarkdown(markdown), plain: false, silent: false, files, buttons: [] };
        await server?.adapter.send(to, part, signal);
      },
    };
  }
  await gateway.start();
  return gateway;
}

/** A file on disk that the scripted core may send. */
export function storedText(gateway: FakeGateway, name: string, bytes: number): StoredFile {
  return { kind: 'document', path: path.join(gateway.folder, name), name, mime: 'text/plain', bytes };
}
