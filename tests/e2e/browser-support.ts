// For the browser tests: the real HTTP server and web adapter with a scripted core behind them, and a real headless Chromium.
import { existsSync } from 'node:fs';
import { chromium, type Browser, type Page } from 'playwright-core';
import type { InboundMessage } from '../../adapters/contract.ts';
import { chunkMarkdown } from '../../adapters/chunk.ts';
import { parseMarkdown } from '../../adapters/markdown.ts';
import { makeWebAdapter } from '../../adapters/web/adapter.ts';
import { accountId } from '../../shared/ids.ts';
import type { Address, Button, StoredFile } from '../../shared/messages.ts';
import { makeSocketFolder, openLocalServer, type LocalServer } from '../adapters/web/local-chat-rig.ts';
import { makeRecordingHost, type RecordingHost } from '../contracts/adapter-host.ts';

const CHROMIUM = '/usr/bin/chromium';

/** Why the browser tests cannot run here; undefined when they can. */
export const browserMissing: string | undefined = existsSync(CHROMIUM)
  ? undefined
  : `no ${CHROMIUM} on this machine: install Debian's chromium to run the browser tests`;

export function openBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: CHROMIUM,
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

/** What the scripted agent does with one message. */
export interface Turn {
  message: InboundMessage;
  draft(text: string, tools?: readonly string[]): Promise<void>;
  typing(): Promise<void>;
  answer(
    markdown: string,
    extra?: { buttons?: readonly (readonly Button[])[]; files?: readonly StoredFile[] },
  ): Promise<void>;
}

export interface FakeCore {
  readonly url: string;
  readonly record: RecordingHost;
  /** Called for every new message; tests replace it. */
  respond: (turn: Turn) => Promise<void>;
  /** Stops the server, as a crash of the gateway does for the page; the data stays. */
  stop(): Promise<void>;
  /** Serves again on the same port. */
  start(): Promise<void>;
  close(): Promise<void>;
}

const account = accountId('default');

export async function openFakeCore(): Promise<FakeCore> {
  const place = await makeSocketFolder();
  let record = makeRecordingHost();
  let server: LocalServer | undefined;
  let port = 0;
  let sent = 0;

  const core: FakeCore = {
    get url() {
      return `http://127.0.0.1:${port}`;
    },
    get record() {
      return record;
    },
    respond: async (turn) => turn.answer(`You said: ${turn.message.text}`),
    async stop() {
      await server?.close();
      server = undefined;
    },
    async start() {
      const { cursors, received, timeline } = record;
      record = makeRecordingHost({ cursors, received });
      record.timeline.push(...timeline);
      server = await openLocalServer({
        platform: 'web',
        account,
        port,
        socketPath: place.socketPath,
        record,
        make: () => makeWebAdapter({ platform: 'web', account, settings: { max_upload_mb: 1 }, fetch }),
        host: (host) => ({
          ...host,
          async receive(message) {
            const outcome = await host.receive(message);
            if (outcome === 'new') setImmediate(() => void core.respond(turnOf(message)));
            return outcome;
          },
        }),
      });
      port = server.http.port;
      await server.adapter.publishCommands?.([
        { name: 'help', description: 'What you can do here' },
        { name: 'new', description: 'Begin a new conversation' },
        { name: 'status', description: 'How Herald is doing' },
        { name: 'stop', description: 'Stop what is running' },
      ]);
    },
    async close() {
      await core.stop();
      await record.close();
      await place.remove();
    },
  };

  function turnOf(message: InboundMessage): Turn {
    const to: Address = { platform: 'web', account, chat: message.chat, kind: 'dm' };
    const signal = AbortSignal.timeout(10_000);
    const key = `turn-${message.id}`;
    return {
      message,
      draft: async (text, tools = []) => void (await server?.adapter.draft?.(to, { key, text, tools }, signal)),
      typing: async () => server?.adapter.typing?.(to),
      async answer(markdown, { buttons = [], files = [] } = {}) {
        const parts = chunkMarkdown(markdown, { max: 16_000, unit: 'utf16' });
        for (const [index, text] of (parts.length === 0 ? [''] : parts).entries()) {
          const last = index >= parts.length - 1;
          const part = { key: `answer-${++sent}`, body: parseMarkdown(text), plain: false, silent: false };
          await server?.adapter.send(to, { ...part, files: last ? files : [], buttons: last ? buttons : [] }, signal);
        }
      },
    };
  }
  await core.start();
  return core;
}

/** A page of its own cookies, that fails the test on script errors and on breaches of the content security policy. */
export async function openPage(
  browser: Browser,
  url: string,
  options: Parameters<Browser['newContext']>[0] = {},
): Promise<{ page: Page; problems: string[] }> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(`error: ${error.message}`));
  page.on('console', (line) => {
    // Requests fail while the server is away; that is what the tests are about.
    if (line.type() === 'error' && !/net::ERR|Failed to load resource/.test(line.text()))
      problems.push(`console: ${line.text()}`);
  });
  await page.goto(url);
  await page.locator('#connection[data-state=online]').waitFor();
  return { page, problems };
}
