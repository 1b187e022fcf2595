// One Chromium for the whole process, with no way to the network but the guarding proxy. It hangs on a pipe: when Herald is gone, however
// it went, Chromium ends too.
import type { Browser, BrowserContext, BrowserType } from 'playwright-core';
import { addressKind } from '../../net/addresses.ts';
import { openGuardProxy, type GuardProxy } from '../../net/guard-proxy.ts';
import { portOf, type UrlGuard } from '../../net/guard.ts';
import { AppError } from '../../../shared/errors.ts';
import type { BrowserSettings } from './config.ts';
import { findChromium } from './find-chromium.ts';

/** All that Chromium finds in its environment: never ours, which may hold keys. */
const BARE_ENV = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8' };
const LAUNCH_TIMEOUT_MS = 30_000;

const ARGS: readonly string[] = [
  // Names are looked up by the proxy alone, and nothing goes around it: no UDP, no QUIC, no early lookups.
  '--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1',
  '--force-webrtc-ip-handling-policy=disable_non_proxied_udp',
  '--webrtc-ip-handling-policy=disable_non_proxied_udp',
  '--disable-quic',
  '--dns-prefetch-disable',
  '--no-pings',
  '--disable-gpu',
  '--disable-sync',
  '--disable-component-update',
  '--disable-background-networking',
  '--disable-file-system',
  '--disk-cache-size=1',
];

export interface BrowserEngine {
  /** A context of its own: no cookies or storage of others. */
  openContext(): Promise<BrowserContext>;
  /** Why the guard refused `host` last. */
  refusal(host: string): string | undefined;
  /** Called once when the browser is gone by itself. */
  onGone(listener: () => void): void;
  /** Ends the browser with its processes. Idempotent. */
  close(): Promise<void>;
}

export interface EngineDeps {
  settings: BrowserSettings;
  guard: UrlGuard;
  /** Absolute path of a private folder; Chromium's home. */
  home: string;
  /** Of this process; 0 is root. */
  uid: number | undefined;
}

/** Rejects with AppError `tool_unavailable`. */
export async function openEngine(deps: EngineDeps): Promise<BrowserEngine> {
  const proxy = await openGuardProxy(deps.guard);
  try {
    const browser = deps.settings.cdp_url === undefined ? await launch(deps) : await connect(deps.settings.cdp_url);
    return makeEngine(browser, proxy, deps);
  } catch (error) {
    await proxy.close();
    throw error;
  }
}

function makeEngine(browser: Browser, proxy: GuardProxy, { settings, guard }: EngineDeps): BrowserEngine {
  const isElsewhere = settings.cdp_url !== undefined && !isOnThisMachine(settings.cdp_url);
  const through = { server: `http://127.0.0.1:${proxy.port}`, username: proxy.username, password: proxy.password };
  return {
    async openContext() {
      const context = await browser.newContext({
        acceptDownloads: false,
        serviceWorkers: 'block',
        viewport: { width: 1280, height: 800 },
        ...(isElsewhere ? {} : { proxy: through }),
      });
      context.setDefaultTimeout(5_000);
      context.setDefaultNavigationTimeout(settings.timeout_ms);
      if (isElsewhere) await guardRequests(context, guard);
      return context;
    },
    refusal: (host) => proxy.refusal(host),
    onGone: (listener) => void browser.once('disconnected', listener),
    async close() {
      try {
        await browser.close();
      } finally {
        await proxy.close();
      }
    },
  };
}

async function launch({ settings, home, uid }: EngineDeps): Promise<Browser> {
  const executablePath = await findChromium(settings.executable);
  if (settings.sandbox && uid === 0)
    throw new AppError(
      'tool_unavailable',
      'Chromium cannot use its sandbox as root. Run Herald as an ordinary user, or set browser.sandbox: false if this machine holds nothing else.',
    );
  const { chromium } = await loadPlaywright();
  try {
    return await chromium.launch({
      executablePath,
      headless: true,
      args: [...ARGS],
      env: { ...BARE_ENV, HOME: home },
      chromiumSandbox: settings.sandbox,
      timeout: LAUNCH_TIMEOUT_MS,
      // Signals are for the gateway, which closes the browser in its turn.
      handleSIGINT: false,
      handleSIGTERM: false,
      handleSIGHUP: false,
      // Contexts bring the real one; without any, nothing is reachable.
      proxy: { server: 'http://127.0.0.1:9' },
    });
  } catch (error) {
    const isSandbox = error instanceof Error && /sandbox/i.test(error.message.replaceAll('--no-sandbox', ''));
    throw new AppError(
      'tool_unavailable',
      isSandbox
        ? 'Chromium could not set up its sandbox: allow unprivileged user namespaces, or install chromium-sandbox, or set browser.sandbox: false.'
        : `Chromium (${executablePath}) did not start. Start it by hand to see why, or set another one as browser.executable.`,
      { cause: error },
    );
  }
}

async function connect(url: string): Promise<Browser> {
  const { chromium } = await loadPlaywright();
  try {
    return await chromium.connectOverCDP(url, { timeout: LAUNCH_TIMEOUT_MS });
  } catch (error) {
    throw new AppError('tool_unavailable', 'The browser at browser.cdp_url does not answer.', {
      retryable: true,
      cause: error,
    });
  }
}

async function loadPlaywright(): Promise<{ chromium: BrowserType }> {
  try {
    return await import('playwright-core');
  } catch (error) {
    throw new AppError(
      'tool_unavailable',
      'The package playwright-core is not installed: npm install playwright-core.',
      {
        cause: error,
      },
    );
  }
}

/**
 * For a browser on another machine, which cannot use our proxy: every request's host is checked as this machine sees it. Redirects and names
 * that change their mind are not seen; such a browser belongs into a network of its own.
 */
async function guardRequests(context: BrowserContext, guard: UrlGuard): Promise<void> {
  const isAllowed = async (address: string): Promise<boolean> => {
    try {
      const url = guard.checkUrl(address.replace(/^ws/, 'http'));
      await guard.resolveHost(url.hostname, portOf(url));
      return true;
    } catch {
      return false;
    }
  };
  await context.route('**/*', async (route) =>
    (await isAllowed(route.request().url())) ? route.continue() : route.abort('blockedbyclient'),
  );
  await context.routeWebSocket('**/*', async (socket) => {
    if (await isAllowed(socket.url())) socket.connectToServer();
    else await socket.close();
  });
}

function isOnThisMachine(address: string): boolean {
  const { hostname } = new URL(address);
  return (
    hostname === 'localhost' ||
    hostname === '[::1]' ||
    (addressKind(hostname) !== 'public' && hostname.startsWith('127.'))
  );
}
