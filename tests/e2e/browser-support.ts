// For the browser tests: the real HTTP server and web adapter with a scripted core behind them, and a real headless Chromium.
import { existsSync } from 'node:fs';
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect } from 'vitest';
import type { z } from 'zod';
import type { InboundMessage, TimelineEntry } from '../../adapters/contract.ts';
import { chunkMarkdown } from '../../adapters/chunk.ts';
import { parseMarkdown } from '../../adapters/markdown.ts';
import { makeWebAdapter } from '../../adapters/web/adapter.ts';
import { accountId } from '../../shared/ids.ts';
import type { Address, Button, StoredFile } from '../../shared/messages.ts';
import { makeSocketFolder, openLocalServer, type LocalServer } from '../adapters/local-chat/rig.ts';
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

async function openFakeCore(): Promise<FakeCore> {
  const place = await makeSocketFolder();
  let record = makeRecordingHost();
  let server: LocalServer | undefined;
  let port = 0;
  let sent = 0;
  const sentTo = new Map<string, string>();

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
            const before = record.received.length;
            try {
              return await host.receive(message);
            } finally {
              // Also when the row was stored and its acknowledgement lost, as a core that starts again would do.
              if (record.received.length > before) setImmediate(() => void core.respond(turnOf(message)));
            }
          },
          async timeline(chat, { limit, before }) {
            const ofChat = record.timeline.filter((entry) => chatOf(entry) === chat);
            const end = before === undefined ? ofChat.length : ofChat.findIndex((entry) => entry.key === before);
            return ofChat.slice(Math.max(0, end - limit), Math.max(0, end));
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

  /** The recording host does not tell chats apart; lines that a test put there belong to the first chat. */
  function chatOf(entry: TimelineEntry): string | undefined {
    if (entry.message !== undefined) return record.received.find((message) => message.id === entry.message)?.chat;
    return sentTo.get(entry.key) ?? record.received[0]?.chat;
  }

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
          const key = `answer-${++sent}`;
          sentTo.set(key, message.chat);
          const part = { key, body: parseMarkdown(text), plain: false, silent: false };
          await server?.adapter.send(to, { ...part, files: last ? files : [], buttons: last ? buttons : [] }, signal);
        }
      },
    };
  }
  await core.start();
  return core;
}

export interface BrowserTools {
  /** A new one for every test. */
  core(): FakeCore;
  /** A page with cookies of its own, connected. `suffix` is put behind the address. */
  open(options?: BrowserContextOptions, suffix?: string): Promise<Page>;
  /** Script errors and breaches of the content security policy, on all pages of the test, which must be none at its end. */
  problems: string[];
}

/** A suite in one browser. Without Chromium its tests are shown as skipped, with the reason in the suite's name. */
export function describeInBrowser(title: string, define: (tools: BrowserTools) => void): void {
  const where = browserMissing === undefined ? 'in Chromium' : `(skipped: ${browserMissing})`;
  // A browser on a busy machine takes its time.
  describe.skipIf(browserMissing !== undefined)(`${title} ${where}`, { timeout: 60_000 }, () => {
    let browser: Browser | undefined;
    let core: FakeCore | undefined;
    const problems: string[] = [];
    const need = <T>(value: T | undefined): T => value ?? notThere();
    beforeAll(async () => {
      browser = await openBrowser();
    });
    afterAll(() => browser?.close());
    beforeEach(async () => {
      core = await openFakeCore();
      problems.length = 0;
    });
    afterEach(async () => {
      await Promise.all(browser?.contexts().map((context) => context.close()) ?? []);
      await core?.close();
      expect(problems).toEqual([]);
    });
    define({
      core: () => need(core),
      problems,
      open: (options, suffix = '') => openPage(need(browser), need(core).url + suffix, { options, problems }),
    });
  });
}

function notThere(): never {
  throw new Error('There is no browser.');
}

export async function openPage(
  browser: Browser,
  url: string,
  { options, problems }: { options: BrowserContextOptions | undefined; problems: string[] },
): Promise<Page> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.on('pageerror', (error) => problems.push(`error: ${error.message}`));
  page.on('console', (line) => {
    // Requests fail while the server is away; that is what the tests are about.
    if (line.type() === 'error' && !/net::ERR|Failed to load resource/.test(line.text()))
      problems.push(`console: ${line.text()}`);
  });
  await page.goto(url);
  await page.locator('#connection[data-state=online]').waitFor();
  return page;
}

/** The value of an expression in the page. */
export async function inPage<T>(page: Page, expression: string, shape: z.ZodType<T>): Promise<T> {
  return shape.parse(await page.evaluate(expression));
}

export async function say(page: Page, text: string): Promise<void> {
  await page.fill('#text', text);
  await page.press('#text', 'Enter');
}

/** Waits for a line that holds `text`. */
export async function seen(page: Page, text: string): Promise<void> {
  await page.locator('#lines .entry', { hasText: text }).first().waitFor();
}

/** Texts of all lines, in order. */
export function lines(page: Page): Promise<string[]> {
  return page.locator('#lines .entry .bubble').allInnerTexts();
}

/** Looks for up to 5 s. */
export async function until(passes: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (let i = 0; i < 200; i++) {
    if (await passes()) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error(`did not happen: ${what}`);
}
