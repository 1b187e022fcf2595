// The browser tools in a real headless Chromium, on websites of this machine.
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeBrowserTools, type BrowserTools } from '../../../../agent/tools/browser/browser-tools.ts';
import { browserSchema } from '../../../../agent/tools/browser/config.ts';
import { findChromium } from '../../../../agent/tools/browser/find-chromium.ts';
import { estimateTool } from '../../../../agent/context/tokens.ts';
import { systemClock } from '../../../../shared/clock.ts';
import { addPerson, openHome, type Home } from '../../fixture.ts';
import { assess, runTool, type ToolRun } from '../../../support/web/run-tool.ts';
import { makeTestGuard, openSite, reply, type Site } from '../../../support/web/site.ts';

const CHROMIUM = '/usr/bin/chromium';
const missing = existsSync(CHROMIUM) ? undefined : `no ${CHROMIUM} on this machine: install Debian's chromium`;
/** Chromium has no sandbox as root. */
const sandbox = process.getuid?.() !== 0;

function makeTools(site: Site, home: Home, allowPrivateUrls = false, settings: object = {}): BrowserTools {
  return makeBrowserTools({
    settings: browserSchema.parse({ executable: CHROMIUM, sandbox, ...settings }),
    guard: makeTestGuard(
      { allowHosts: [`site.test:${site.port}`], allowPrivateUrls },
      {
        'site.test': () => ['127.0.0.1'],
        'inside.test': () => ['127.0.0.1'],
      },
    ),
    clock: systemClock,
    home: path.join(home.dir, 'browser'),
    uid: process.getuid?.(),
  });
}

/** Processes that have `home` as theirs: the browser's. */
function processesOf(home: string): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\u0000').includes(`HOME=${home}`);
      } catch {
        return false;
      }
    })
    .map(Number);
}

async function until(passes: () => boolean, what: string): Promise<void> {
  for (let i = 0; i < 200; i++) {
    if (passes()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`did not happen: ${what}`);
}

const FORM = `<title>Form</title><h1>Order</h1>
<script>console.log('page is here'); fetch('/seen?cookie=' + encodeURIComponent(document.cookie)); document.cookie = 'who=ann';</script>
<a href="/second">Next page</a> <a href="/window" target="_blank">New tab</a> <a href="/file">File</a>
<form action="/order"><input aria-label="Name" name="name"><select aria-label="Size" name="size"><option>small<option>large</select></form>
<button onclick="document.title = confirm('Really?')">Ask</button>
<button onclick="alert('Hello there'); document.title='told'">Tell</button>
<button onclick="document.title = prompt('Your name?', 'nobody')">Prompt</button>
<div style="display:none">secret of nobody</div><p>zero\u200bwidth</p><div style="height:3000px"></div><p>End</p>`;

describe.skipIf(missing !== undefined)(
  `the browser ${missing ? `(skipped: ${missing})` : 'in Chromium'}`,
  { timeout: 60_000 },
  () => {
    let home: Home;
    let site: Site;
    let inside: Site;
    let browser: BrowserTools;
    const udp = createSocket('udp4');
    let datagrams = 0;

    beforeAll(async () => {
      home = await openHome();
      inside = await openSite((_request, response) =>
        reply(response, 'inside', { headers: { 'access-control-allow-origin': '*' } }),
      );
      udp.on('message', () => datagrams++);
      await new Promise<void>((resolve) => udp.bind(0, '127.0.0.1', resolve));
      site = await openSite(({ url }, response) => {
        const at = `127.0.0.1:${inside.port}`;
        if (url === '/') return reply(response, FORM);
        // Hangs as an endless loop does, without taking a whole processor.
        if (url === '/stuck')
          return reply(
            response,
            '<title>Stuck</title><p>x</p><script>const r = new XMLHttpRequest(); r.open("GET", "/never", false); r.send();</script>',
          );
        if (url === '/never') return;
        if (url === '/redirect') return reply(response, '', { status: 302, headers: { location: `http://${at}/` } });
        if (url === '/file')
          return reply(response, 'data', {
            type: 'application/zip',
            headers: { 'content-disposition': 'attachment; filename=a.zip' },
          });
        if (url === '/long')
          return reply(
            response,
            `<title>Long</title><ul>${'<li><a href="/x">entry of the list</a></li>'.repeat(600)}</ul>`,
          );
        if (url === '/attack')
          return reply(
            response,
            `<title>Attack</title><img src="http://${at}/img"><iframe src="http://${at}/frame"></iframe>
          <iframe src="http://inside.test:${inside.port}/named"></iframe><link rel="prefetch" href="http://localhost:${inside.port}/prefetch">
          <iframe src="/redirect"></iframe><iframe src="http://[::ffff:127.0.0.1]:${inside.port}/mapped"></iframe>
          <script>
          const tries = [
            fetch('http://${at}/fetch', { mode: 'no-cors' }), fetch('http://inside.test:${inside.port}/fetch', { mode: 'no-cors' }),
            fetch('/redirect', { mode: 'no-cors' }),
            new Promise((done) => { const s = new WebSocket('ws://${at}/socket'); s.onerror = done; s.onopen = () => done('open'); }),
            new Promise((done) => { const w = new Worker(URL.createObjectURL(new Blob(["fetch('http://${at}/worker',{mode:'no-cors'}).finally(() => postMessage(1))"]))); w.onmessage = done; }),
          ];
          navigator.sendBeacon('http://${at}/beacon', 'x');
          const peer = new RTCPeerConnection({ iceServers: [{ urls: 'stun:127.0.0.1:${udp.address().port}' }] });
          peer.createDataChannel('x'); peer.createOffer().then((offer) => peer.setLocalDescription(offer));
          Promise.allSettled(tries).then(() => setTimeout(() => { document.title = 'tried'; }, 300));
          </script>`,
          );
        reply(response, `<title>${url}</title><p>You are at ${url}</p>`);
      });
      browser = makeTools(site, home, false, { timeout_ms: 4_000 });
    });
    afterAll(async () => {
      await browser.close();
      udp.close();
      await site.close();
      await inside.close();
      await home.close();
    });

    const go = (name: string, args: unknown = {}, scope?: Home['scope']): Promise<ToolRun> =>
      runTool(home, browser.tools, [`browser_${name}`, args], scope ? { scope } : {});
    const at = (page: string) => `http://site.test:${site.port}${page}`;
    const refOf = (snapshot: ToolRun, what: string) =>
      new RegExp(`${what}.*?\\[ref=(\\w+)\\]`).exec(snapshot.text)?.[1] ?? `no ${what} in ${snapshot.text}`;

    it('opens a page and shows what is on it', async () => {
      const page = await go('navigate', { url: at('/') });
      expect(page.text).toMatch(/^Page: Form\nURL: http:\/\/site\.test:\d+\/\n\n[^]*heading "Order"/);
      expect(page.text).toContain('zerowidth');
      expect(page.text).toContain(`/url: ${at('/second')}\n`);
      expect(page.text).not.toContain('secret of nobody');
      expect((await go('console')).text).toContain('log: page is here');
    });

    it('fills in a form and sends it, goes on and back', async () => {
      const page = await go('navigate', { url: at('/') });
      expect((await go('select', { ref: refOf(page, 'combobox "Size"'), values: ['large'] })).text).toContain(
        '"large" [selected]',
      );
      const sent = await go('type', { ref: refOf(page, 'textbox "Name"'), text: 'Ann & Bob', submit: true });
      expect(sent.text).toContain('You are at /order?name=Ann+%26+Bob&size=large');
      const back = await go('back');
      expect(back.text).toContain('Page: Form');
      expect((await go('click', { ref: refOf(back, 'link "Next page"') })).text).toContain('You are at /second');
      expect((await go('press', { key: 'Tab' })).text).toContain('You are at /second');
      expect((await go('scroll', { direction: 'down' })).isError).toBeUndefined();
    });

    it('lets the model answer what a page asks', async () => {
      const page = await go('navigate', { url: at('/') });
      const asked = await go('click', { ref: refOf(page, 'button "Ask"') });
      expect(asked.text).toContain('The page asks (confirm): Really?');
      expect((await go('snapshot')).text).toContain('Really?');
      expect(await go('scroll', { direction: 'down' })).toMatchObject({
        isError: true,
        text: expect.stringContaining('browser_dialog'),
      });
      expect((await go('dialog', { accept: false })).text).toContain('Page: false');
      expect((await go('click', { ref: refOf(page, 'button "Tell"') })).text).toMatch(
        /Page: told\n.*\nThe page said: Hello there/,
      );
      expect((await go('click', { ref: refOf(page, 'button "Prompt"') })).text).toContain('(preset: nobody)');
      expect((await go('dialog', { accept: true, text: 'Ann' })).text).toContain('Page: Ann');
      expect(await go('dialog', { accept: true })).toMatchObject({ isError: true, text: 'No dialog is open.' });
    });

    it('says at once that an element is not there', async () => {
      await go('navigate', { url: at('/') });
      const before = Date.now();
      expect(await go('click', { ref: 'e9999' })).toMatchObject({
        isError: true,
        text: expect.stringContaining('not on the page'),
      });
      expect(Date.now() - before).toBeLessThan(4_000);
      expect((await go('click', { ref: 'body > a' })).code).toBe('arguments');
    });

    it('follows new tabs, and blocks downloads', async () => {
      const page = await go('navigate', { url: at('/') });
      const tab = await go('click', { ref: refOf(page, 'link "New tab"') });
      expect(tab.text).toMatch(/A new tab opened/);
      expect((await go('snapshot')).text).toContain('You are at /window');
      expect(await go('navigate', { url: at('/file') })).toMatchObject({
        isError: true,
        text: expect.stringContaining('web_extract'),
      });
    });

    it('takes a picture for the person', async () => {
      await go('navigate', { url: at('/') });
      const { files, text } = await go('screenshot');
      expect(files).toMatchObject([{ kind: 'image', mime: 'image/jpeg' }]);
      const file = files?.[0]?.path ?? '';
      expect(file.startsWith(path.join(home.dir, 'workspace', 'screenshots'))).toBe(true);
      expect(readFileSync(file).subarray(0, 3)).toEqual(Buffer.from([0xff, 0xd8, 0xff]));
      expect(text).toContain(file);
    });

    it('cuts long pages, and shows them whole when asked', async () => {
      const cut = await go('navigate', { url: at('/long') });
      expect(cut.text.length).toBeLessThan(13_000);
      expect(cut.text).toMatch(/… \d+ more lines: browser_snapshot with full\.$/);
      const whole = (await go('snapshot', { full: true })).text;
      expect(whole.match(/entry of the list/g)?.length).toBeGreaterThanOrEqual(600);
    });

    it('keeps people apart', async () => {
      const bob = await addPerson(home, 'Bob');
      await go('navigate', { url: at('/') });
      await go('navigate', { url: at('/') });
      site.seen.length = 0;
      await go('navigate', { url: at('/') }, bob.scope);
      await until(() => site.seen.some(({ url }) => url.startsWith('/seen')), 'the page tells its cookies');
      expect(site.seen.find(({ url }) => url.startsWith('/seen'))?.url).toBe('/seen?cookie=');
      expect((await go('close', {}, bob.scope)).text).toBe('Closed.');
      expect((await go('snapshot')).text).toContain('Page: Form');
    });

    it('lets no page reach the inside, whichever way it tries', async () => {
      await go('navigate', { url: at('/attack') });
      let tried = '';
      for (let i = 0; i < 40 && !tried.includes('Page: tried'); i++) tried = (await go('snapshot')).text;
      expect(tried).toContain('Page: tried');
      expect(inside.seen).toEqual([]);
      expect(datagrams).toBe(0);
    });

    it.each([
      ['an inside address', () => `http://127.0.0.1:${inside.port}/`, 'not of the public web'],
      ['a name of one', () => `http://inside.test:${inside.port}/`, 'not of the public web'],
      ['a redirect to one', () => at('/redirect'), 'not of the public web'],
      ['a file', () => 'file:///etc/passwd', 'Only http and https'],
      ['a name that nobody has', () => 'http://nobody.test/', 'not known'],
      ['an https address inside', () => `https://inside.test:${inside.port}/`, 'not of the public web'],
    ])('does not open %s', async (_what, url, words) => {
      expect(await go('navigate', { url: url() })).toMatchObject({
        isError: true,
        text: expect.stringContaining(words),
      });
      expect(inside.seen).toEqual([]);
    });

    it('would be reached by the same page where that is allowed; has nothing of our environment; is gone when closed', async () => {
      process.env['HERALD_TEST_SECRET'] = 'do-not-tell';
      const own = { ...home, dir: path.join(home.dir, 'open') };
      const open = makeTools(site, own, true);
      await runTool(home, open.tools, ['browser_navigate', { url: at('/attack') }]);
      delete process.env['HERALD_TEST_SECRET'];
      const paths = () => new Set(inside.seen.map(({ url }) => url));
      await until(() => paths().size >= 6, 'its requests arrive');
      const processes = processesOf(path.join(own.dir, 'browser'));
      expect(processes.length).toBeGreaterThan(1);
      for (const pid of processes) expect(readFileSync(`/proc/${pid}/environ`, 'utf8')).not.toContain('do-not-tell');
      await open.close();
      expect([...paths()]).toEqual(expect.arrayContaining(['/img', '/frame', '/named', '/fetch', '/worker', '/']));
      inside.seen.length = 0;
      expect(datagrams).toBe(0);
      await until(() => processesOf(path.join(own.dir, 'browser')).length === 0, 'its processes end');
    });

    it('is gone when the process that started it was killed', async () => {
      const browserHome = path.join(home.dir, 'killed');
      const program = fileURLToPath(new URL('../../../support/web/browser-child.ts', import.meta.url));
      const child = spawn(process.execPath, [program, `${site.url}/`, browserHome], {
        stdio: ['ignore', 'pipe', 'inherit'],
        // What a killed process leaves behind goes with the home.
        env: { ...process.env, TMPDIR: home.dir },
      });
      let said = '';
      child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
      await until(() => said !== '', 'the page is open');
      expect(said).toBe('open\n');
      expect(processesOf(browserHome).length).toBeGreaterThan(1);
      child.kill('SIGKILL');
      await until(() => processesOf(browserHome).length === 0, 'its processes end');
      await rm(browserHome, { recursive: true, force: true });
    });

    it('can be one that runs already, with the same way out, and tells when the scripts of a page hang', async () => {
      const profile = path.join(home.dir, 'profile');
      const chromium = spawn(
        CHROMIUM,
        [
          '--headless',
          // Showing its first page would take more than the rest of its start, and nobody looks at it.
          '--no-startup-window',
          '--remote-debugging-port=0',
          `--user-data-dir=${profile}`,
          '--disable-gpu',
          ...(sandbox ? [] : ['--no-sandbox']),
        ],
        { stdio: ['ignore', 'ignore', 'pipe'], detached: true },
      );
      try {
        let said = '';
        chromium.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
        const address = () => /ws:\/\/127\.0\.0\.1:\d+\/\S+/.exec(said)?.[0];
        await until(() => address() !== undefined, 'it listens');
        const remote = makeTools(site, home, false, { cdp_url: address() });
        const run = (url: string) => runTool(home, remote.tools, ['browser_navigate', { url }]);
        expect((await run(at('/'))).text).toContain('Page: Form');
        expect(await run(at('/redirect'))).toMatchObject({
          isError: true,
          text: expect.stringContaining('not of the public web'),
        });
        expect(inside.seen).toEqual([]);
        await remote.close();
        expect(chromium.exitCode).toBeNull();
        const hasty = makeTools(site, home, false, { cdp_url: address(), timeout_ms: 2_000 });
        const open = (page: string) => runTool(home, hasty.tools, ['browser_navigate', { url: at(page) }]);
        expect((await open('/')).text).toContain('Page: Form');
        expect(await open('/stuck')).toMatchObject({ isError: true, code: 'timeout' });
        await runTool(home, hasty.tools, ['browser_close', {}]);
        expect((await open('/')).text).toContain('Page: Form');
        await hasty.close();
      } finally {
        if (chromium.pid !== undefined) process.kill(-chromium.pid, 'SIGKILL');
      }
    });

    it('opens pages again after it was closed, or crashed', async () => {
      await browser.close();
      expect((await go('navigate', { url: at('/') })).text).toContain('Page: Form');
      for (const pid of processesOf(path.join(home.dir, 'browser'))) {
        try {
          process.kill(pid, 'SIGKILL');
        } catch {
          // It went with another.
        }
      }
      let again = await go('navigate', { url: at('/') });
      if (again.isError) again = await go('navigate', { url: at('/') });
      expect(again.text).toContain('Page: Form');
    });
  },
);

describe('the browser tools', () => {
  const make = async (settings: Record<string, unknown>, uid = 1_000) => {
    const home = await openHome();
    const browser = makeBrowserTools({
      settings: browserSchema.parse(settings),
      guard: makeTestGuard({ allowPrivateUrls: true }),
      clock: systemClock,
      home: path.join(home.dir, 'browser'),
      uid,
    });
    const run = await runTool(home, browser.tools, ['browser_navigate', { url: 'http://127.0.0.1:9/' }]);
    await browser.close();
    await home.close();
    return run;
  };

  it('say what is missing', async () => {
    expect(await make({ executable: '/nowhere/chromium' })).toMatchObject({
      code: 'tool_unavailable',
      text: /\/nowhere\/chromium/,
    });
    await expect(findChromium(undefined, ['/nowhere/a', '/nowhere/b'])).rejects.toMatchObject({
      publicMessage: /apt install chromium/,
    });
    expect(await make({ executable: process.execPath }, 0)).toMatchObject({
      code: 'tool_unavailable',
      text: /as root/,
    });
    expect(await make({ cdp_url: 'http://127.0.0.1:9' })).toMatchObject({ code: 'tool_unavailable', text: /cdp_url/ });
    expect(await make({ executable: '/bin/false' })).toMatchObject({ code: 'tool_unavailable', text: /did not start/ });
  });

  it('cost little of the prompt, and say what they reach', async () => {
    const home = await openHome();
    const { tools } = makeBrowserTools({
      settings: browserSchema.parse({}),
      guard: makeTestGuard(),
      clock: systemClock,
      home: '/nowhere',
      uid: 1_000,
    });
    expect(tools.reduce((sum, { schema }) => sum + estimateTool(schema), 0)).toBeLessThanOrEqual(900);
    const url = 'https://a.example/';
    expect(assess(home, tools, 'browser_navigate', { url })).toEqual({
      effect: 'pure',
      touches: ['network'],
      addresses: [url],
    });
    expect(assess(home, tools, 'browser_snapshot', {})).toMatchObject({ effect: 'pure', touches: [] });
    const acting: readonly [string, unknown][] = [
      ['click', { ref: 'e1' }],
      ['type', { ref: 'f1e2', text: 'x' }],
      ['press', { key: 'Enter' }],
      ['select', { ref: 'e1', values: ['a'] }],
      ['dialog', { accept: true }],
    ];
    for (const [name, args] of acting)
      expect(assess(home, tools, `browser_${name}`, args)).toMatchObject({
        effect: 'once',
        touches: ['network', 'people'],
      });
    await home.close();
  });
});
