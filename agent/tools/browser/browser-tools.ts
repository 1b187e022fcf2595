// The browser tools. Looking is free; whatever presses, types or answers may send something to somebody, so it counts as done once.
import { randomBytes } from 'node:crypto';
import path from 'node:path';
import type { Locator, Page } from 'playwright-core';
import { z } from 'zod';
import { ensureDir, writeFileAtomic } from '../../../data/files.ts';
import type { Clock } from '../../../shared/clock.ts';
import { AppError } from '../../../shared/errors.ts';
import { preview } from '../../../shared/text.ts';
import type { UrlGuard } from '../../net/guard.ts';
import { defineTool, type Tool, type ToolContext, type ToolDefinition, type ToolResult } from '../tool.ts';
import type { BrowserSettings } from './config.ts';
import { explainAction, explainNavigation } from './failures.ts';
import { openEngine } from './launch.ts';
import { makeBrowserSessions, type BrowserSessions, type Seat } from './sessions.ts';
import { takeSnapshot } from './snapshot.ts';

export interface BrowserToolDeps {
  settings: BrowserSettings;
  guard: UrlGuard;
  clock: Clock;
  /** Absolute path of a private folder, such as $HERALD_HOME/cache/browser; made when a browser starts. */
  home: string;
  /** Of this process; 0 is root. */
  uid: number | undefined;
}

export interface BrowserTools {
  tools: readonly Tool[];
  /** Ends the browser with all its processes. Idempotent; the tools work again afterwards. */
  close(): Promise<void>;
}

interface Kit {
  sessions: BrowserSessions;
  guard: UrlGuard;
  clock: Clock;
  timeoutMs: number;
}

const CALL_MS = 30_000;
const LAUNCH_MS = 35_000;
const nothing = z.strictObject({});
const ref = z.string().refine((value) => /^(f\d+)?e\d+$/.test(value), 'give a reference such as e12');
/** Limits as refinements: the model need not read them. */
const text = (max: number) => z.string().refine((value) => value.length <= max, `give at most ${max} characters`);

/** Nothing is started or loaded before the first call. */
export function makeBrowserTools(deps: BrowserToolDeps): BrowserTools {
  const { settings, guard, clock, home, uid } = deps;
  const sessions = makeBrowserSessions({
    clock,
    idleMs: settings.idle_ms,
    maxSessions: settings.max_sessions,
    async openEngine() {
      ensureDir(home);
      return openEngine({ settings, guard, home, uid });
    },
  });
  const kit: Kit = { sessions, guard, clock, timeoutMs: settings.timeout_ms };
  return { tools: [...lookingTools(kit), ...actingTools(kit)], close: () => sessions.close() };
}

function lookingTools(kit: Kit): readonly Tool[] {
  return [
    looking(kit, {
      name: 'browser_navigate',
      description: 'Opens a page in a browser. Elements have refs for the other browser tools.',
      parameters: z.strictObject({ url: text(4_000) }),
      assess: ({ url }) => ({ effect: 'pure', touches: ['network'], addresses: [url] }),
      timeoutMs: () => kit.timeoutMs + LAUNCH_MS,
      summarize: ({ url }) => `opening ${preview(URL.canParse(url) ? new URL(url).host : url, 80)}`,
      run: ({ url }, seat) => navigate(kit, seat, url),
    }),
    looking(kit, {
      name: 'browser_snapshot',
      description: 'The page as it is now.',
      parameters: z.strictObject({ full: z.boolean().optional() }),
      summarize: () => 'looking at the page',
      run: ({ full }, seat) => show(seat, full ?? false),
    }),
    looking(kit, {
      name: 'browser_scroll',
      description: 'Scrolls one screen.',
      parameters: z.strictObject({ direction: z.enum(['down', 'up']) }),
      summarize: ({ direction }) => `scrolling ${direction}`,
      run: ({ direction }, seat) =>
        act(seat, undefined, (page) => page.keyboard.press(direction === 'down' ? 'PageDown' : 'PageUp')),
    }),
    looking(kit, {
      name: 'browser_back',
      description: 'Goes back.',
      parameters: nothing,
      summarize: () => 'going back',
      run: (_args, seat) => act(seat, undefined, (page) => page.goBack({ waitUntil: 'domcontentloaded' })),
    }),
    looking(kit, {
      name: 'browser_screenshot',
      description: 'A picture for the person.',
      parameters: nothing,
      summarize: () => 'taking a screenshot',
      run: (_args, seat, context) => screenshot(seat, context),
    }),
    looking(kit, {
      name: 'browser_console',
      description: "The page's console.",
      parameters: nothing,
      summarize: () => "reading the page's console",
      run: async (_args, { session }) => ({ text: session.console().join('\n') || 'The console is empty.' }),
    }),
    defineTool({
      name: 'browser_close',
      description: 'Closes the browser.',
      parameters: nothing,
      effect: 'pure',
      origin: 'agent',
      toolset: 'browser',
      isRare: true,
      summarize: () => 'closing the browser',
      async execute(_args, { scope }) {
        return { text: (await kit.sessions.leave(scope)) ? 'Closed.' : 'No browser was open.' };
      },
    }),
  ];
}

function actingTools(kit: Kit): readonly Tool[] {
  return [
    acting(kit, {
      name: 'browser_click',
      description: 'Clicks.',
      parameters: z.strictObject({ ref }),
      summarize: () => 'clicking',
      run: (args, seat) => act(seat, args.ref, async (page) => (await element(page, args.ref)).click()),
    }),
    acting(kit, {
      name: 'browser_type',
      description: 'Replaces the text of a field; submit presses Enter.',
      parameters: z.strictObject({ ref, text: text(20_000), submit: z.boolean().optional() }),
      summarize: () => 'typing',
      run: (args, seat) =>
        act(seat, args.ref, async (page) => {
          const field = await element(page, args.ref);
          await field.fill(args.text);
          if (args.submit) await field.press('Enter');
        }),
    }),
    acting(kit, {
      name: 'browser_press',
      description: 'Presses a key, such as Escape or Control+a.',
      parameters: z.strictObject({ key: text(40) }),
      summarize: ({ key }) => `pressing ${preview(key, 40)}`,
      run: ({ key }, seat) => act(seat, undefined, (page) => page.keyboard.press(key)),
    }),
    acting(kit, {
      name: 'browser_select',
      description: 'Chooses in a list.',
      parameters: z.strictObject({ ref, values: z.array(text(1_000)) }),
      summarize: () => 'choosing in a list',
      run: (args, seat) =>
        act(seat, args.ref, async (page) => (await element(page, args.ref)).selectOption(args.values)),
    }),
    acting(kit, {
      name: 'browser_dialog',
      description: 'Answers a dialog of the page.',
      parameters: z.strictObject({ accept: z.boolean(), text: text(2_000).optional() }),
      summarize: ({ accept }) => (accept ? 'accepting a dialog' : 'dismissing a dialog'),
      async run({ accept, text: answer }, seat) {
        await seat.session.answerDialog(accept, answer);
        return show(seat, false);
      },
    }),
  ];
}

interface BrowserToolDefinition<Args> extends Pick<
  ToolDefinition<Args>,
  'name' | 'description' | 'parameters' | 'summarize' | 'assess' | 'timeoutMs'
> {
  run(args: Args, seat: Seat, context: ToolContext): Promise<ToolResult>;
}

/** Reads, or moves within what was opened already: nothing that the model writes leaves by it. */
function looking<Args>(kit: Kit, definition: BrowserToolDefinition<Args>): Tool {
  return browserTool(kit, definition, { effect: 'pure', touches: [] });
}

/** Can send what the model wrote, and buy, post or delete things, in the name of whoever is signed in. */
function acting<Args>(kit: Kit, definition: BrowserToolDefinition<Args>): Tool {
  return browserTool(kit, definition, { effect: 'once', touches: ['network', 'people'] });
}

function browserTool<Args>(
  kit: Kit,
  { run, ...definition }: BrowserToolDefinition<Args>,
  reach: Pick<ToolDefinition<Args>, 'effect' | 'touches'>,
): Tool {
  return defineTool<Args>({
    timeoutMs: () => CALL_MS,
    ...definition,
    ...reach,
    origin: 'foreign',
    toolset: 'browser',
    isRare: true,
    execute: (args, context) => kit.sessions.use(context.scope, context.signal, (seat) => run(args, seat, context)),
  });
}

async function navigate({ guard, timeoutMs }: Kit, seat: Seat, address: string): Promise<ToolResult> {
  const url = guard.checkUrl(address);
  try {
    await seat.session.act(async (page) => {
      const response = await page.goto(url.href, { waitUntil: 'domcontentloaded', timeout: timeoutMs });
      const refusal = response?.status() === 403 ? seat.engine.refusal(new URL(response.url()).hostname) : undefined;
      if (refusal !== undefined) throw new AppError('not_allowed', refusal);
    });
  } catch (error) {
    const refusal = [url.hostname, seat.session.failedHost() ?? ''].map((host) => seat.engine.refusal(host));
    throw explainNavigation(
      error,
      url.hostname,
      refusal.find((reason) => reason !== undefined),
    );
  }
  return show(seat, false);
}

async function act(
  seat: Seat,
  element: string | undefined,
  action: Parameters<Seat['session']['act']>[0],
): Promise<ToolResult> {
  try {
    await seat.session.act(action);
  } catch (error) {
    throw explainAction(error, element);
  }
  return show(seat, false);
}

/** Said at once, where the action itself would wait for the element to come. */
async function element(page: Page, reference: string): Promise<Locator> {
  const found = page.getByRef(reference);
  if ((await found.count()) > 0) return found;
  throw new AppError(
    'bad_input',
    `Element ${reference} is not on the page. Take references from a new browser_snapshot.`,
  );
}

async function show({ session }: Seat, full: boolean): Promise<ToolResult> {
  const dialog = session.openDialog();
  // A page that waits for an answer stands still: nothing of it can be read.
  if (dialog !== undefined)
    return { text: [...session.takeNotes(), `${dialog} Answer it with browser_dialog.`].join('\n') };
  const page = await session.page();
  try {
    const tree = await takeSnapshot(page, full);
    const head = [`Page: ${preview(await page.title(), 200)}`, `URL: ${page.url()}`, ...session.takeNotes()];
    return { text: `${head.join('\n')}\n\n${tree.trim() || 'The page is empty.'}` };
  } catch (error) {
    throw explainAction(error, undefined);
  }
}

async function screenshot({ session }: Seat, { workspace, clock }: ToolContext): Promise<ToolResult> {
  const page = await session.page();
  let picture: Buffer;
  try {
    picture = await page.screenshot({ type: 'jpeg', quality: 80, timeout: 10_000 });
  } catch (error) {
    throw explainAction(error, undefined);
  }
  const folder = path.join(workspace, 'screenshots');
  ensureDir(folder);
  const time = new Date(clock.now()).toISOString().slice(0, 19).replaceAll(':', '-');
  const name = `screenshot-${time}-${randomBytes(2).toString('hex')}.jpg`;
  const file = path.join(folder, name);
  writeFileAtomic(file, picture);
  return {
    text: `Screenshot of ${preview(page.url(), 300)}, for the person, saved as ${file}.`,
    files: [{ kind: 'image', path: file, name, mime: 'image/jpeg', bytes: picture.byteLength }],
  };
}
