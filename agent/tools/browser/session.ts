// The browser of one person or group: its tabs, what the pages said, and the dialog that waits for an answer.
import type { BrowserContext, Dialog, Page, Request } from 'playwright-core';
import { AppError } from '../../../shared/errors.ts';
import type { Clock } from '../../../shared/clock.ts';
import { preview } from '../../../shared/text.ts';

const MAX_TABS = 5;
const MAX_LINES = 100;
const LINE_CHARS = 300;
/** How long after an action a navigation that it causes begins. */
const START_MS = 150;
const LOAD_MS = 5_000;

export interface BrowserSession {
  /** The tab in front. */
  page(): Promise<Page>;
  /**
   * Runs an action on the page and waits for the navigation that it causes. Resolves early when a dialog opens, because the page then
   * stands still. Rejects with AppError `bad_input` while a dialog waits, and with what the action rejects with.
   */
  act(action: (page: Page) => Promise<unknown>): Promise<void>;
  /** Answers the dialog that waits; AppError `bad_input` when there is none. */
  answerDialog(accept: boolean, text: string | undefined): Promise<void>;
  /** What the dialog that waits says. */
  openDialog(): string | undefined;
  /** What happened since the last call: alerts, new tabs, downloads that were blocked. */
  takeNotes(): readonly string[];
  /** Latest lines of the console, oldest first. */
  console(): readonly string[];
  /** Host of the page that the last action could not open. */
  failedHost(): string | undefined;
  close(): Promise<void>;
}

export function makeSession(context: BrowserContext, clock: Clock): BrowserSession {
  const tabs: Page[] = [];
  const lines: string[] = [];
  let notes: string[] = [];
  let dialog: Dialog | undefined;
  let onDialog: () => void = () => {};
  let failed: string | undefined;

  const note = (text: string) => {
    if (notes.length < 20) notes.push(preview(text, LINE_CHARS));
  };
  const log = (text: string) => {
    lines.push(preview(text, LINE_CHARS));
    if (lines.length > MAX_LINES) lines.shift();
  };

  context.on('page', (page) => {
    tabs.push(page);
    if (tabs.length > 1) note(`A new tab opened and is in front (${tabs.length} are open).`);
    // The oldest goes: pages may open as many as they like.
    if (tabs.length > MAX_TABS) void closeQuietly(tabs.shift());
    page.on('close', () => {
      const index = tabs.indexOf(page);
      if (index >= 0) tabs.splice(index, 1);
    });
    page.on('console', (message) => log(`${message.type()}: ${message.text()}`));
    page.on('pageerror', (error) => log(`error: ${error.message}`));
    page.on('crash', () => note('The page crashed.'));
    page.on('download', (download) => note(`A download was blocked: ${download.url()}`));
    page.on('dialog', (opened) => void take(opened));
    page.on('requestfailed', (request) => {
      if (isNavigationOf(page, request)) failed = hostOf(request.url());
    });
  });

  /** Alerts only tell; leaving a page needs no question. Everything else is for the model to answer. */
  async function take(opened: Dialog): Promise<void> {
    const type = opened.type();
    if (type === 'alert') note(`The page said: ${opened.message()}`);
    if (type === 'alert' || type === 'beforeunload') return quietly(opened.accept());
    dialog = opened;
    onDialog();
  }

  async function settle(page: Page, action: (page: Page) => Promise<unknown>): Promise<void> {
    let isNavigating = false;
    failed = undefined;
    const onRequest = (request: Request) => {
      isNavigating ||= isNavigationOf(page, request);
    };
    page.on('request', onRequest);
    try {
      await action(page);
      await clock.sleep(START_MS);
      if (isNavigating) await quietly(page.waitForLoadState('load', { timeout: LOAD_MS }));
    } finally {
      page.off('request', onRequest);
    }
  }

  async function untilDialog(work: Promise<void>): Promise<void> {
    const opened = Promise.withResolvers<void>();
    onDialog = opened.resolve;
    await Promise.race([work, opened.promise]);
    // Behind a dialog the action goes on, or fails, without anybody.
    void quietly(work);
  }

  async function front(): Promise<Page> {
    return tabs.at(-1) ?? (await context.newPage());
  }

  return {
    page: front,
    async act(action) {
      if (dialog) throw new AppError('bad_input', `${dialogText(dialog)} Answer it with browser_dialog first.`);
      await untilDialog(settle(await front(), action));
    },
    async answerDialog(accept, text) {
      const waiting = dialog;
      if (!waiting) throw new AppError('bad_input', 'No dialog is open.');
      dialog = undefined;
      await untilDialog(settle(await front(), () => (accept ? waiting.accept(text) : waiting.dismiss())));
    },
    openDialog: () => dialog && dialogText(dialog),
    takeNotes() {
      const taken = notes;
      notes = [];
      return taken;
    },
    console: () => lines,
    failedHost: () => failed,
    close: () => quietly(context.close()),
  };
}

function dialogText(dialog: Dialog): string {
  const preset = dialog.defaultValue() === '' ? '' : ` (preset: ${preview(dialog.defaultValue(), 100)})`;
  return `The page asks (${dialog.type()}): ${preview(dialog.message(), LINE_CHARS)}${preset}`;
}

function isNavigationOf(page: Page, request: Request): boolean {
  try {
    return request.isNavigationRequest() && request.frame() === page.mainFrame();
  } catch {
    return false; // of a frame that is gone
  }
}

function hostOf(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).hostname : undefined;
}

function closeQuietly(page: Page | undefined): Promise<void> {
  return page ? quietly(page.close()) : Promise.resolve();
}

async function quietly(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch {
    // The page or the browser went away meanwhile; whoever uses it next will see.
  }
}
