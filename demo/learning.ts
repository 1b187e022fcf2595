// `node demo/learning.ts`: how Herald learns, in a quarter of a minute. Starts a gateway of its own in a temporary folder, with the built-in
// offline model (no key, this machine only), talks to it as you would in `herald chat`, says what happens, and leaves nothing behind.
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { findOwner } from '../cli/client.ts';
import { runChat } from '../cli/tui/run-chat.ts';
import { systemClock } from '../shared/clock.ts';

const HERALD = fileURLToPath(new URL('../bin/herald.mjs', import.meta.url));
const READY_MS = 60_000;
const LEARNT_MS = 20_000;
const LOOK_MS = 200;

class Sink extends Writable {
  text = '';
  readonly isTTY = false;
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

const say = (text: string) => process.stdout.write(`${text}\n`);
const step = (title: string) => say(`\n== ${title}`);
const indent = (text: string) => text.replace(/^/gm, '   ');

/** Of the footer of the offline model, once is enough. */
const withoutFooter = (text: string) => text.replace(/\s*\(demo model: [^)]*\)\s*$/, '').trim();

async function until<Value>(what: string, limitMs: number, look: () => Promise<Value | undefined>): Promise<Value> {
  const end = performance.now() + limitMs;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > end) throw new Error(`waited in vain for ${what}`);
    await systemClock.sleep(LOOK_MS);
  }
}

/** An hour at which Herald would tell news: it does not at night. */
function daytimeZone(): string {
  const ahead = 12 - new Date().getUTCHours();
  return ahead === 0 ? 'Etc/GMT' : `Etc/GMT${ahead > 0 ? '-' : '+'}${Math.abs(ahead)}`;
}

interface Demo {
  ask(text: string): Promise<string>;
  herald(...args: string[]): Promise<string>;
}

async function tell({ ask, herald }: Demo): Promise<void> {
  const talk = async (text: string) => {
    say(`you>    ${text}`);
    const answer = withoutFooter(await ask(text));
    say(indent(answer));
    return answer;
  };

  step('1. You say something once. It is kept, and how sure Herald is of it.');
  await talk('remember the boat is called Zephyr');
  await talk('I prefer short answers');
  await talk('/whoami');

  step('2. The same work in three conversations. Nobody asks Herald to learn.');
  for (const place of ['Rome', 'Oslo', 'Lima']) {
    await talk(`make a packing list for ${place}`);
    say('you>    Thanks, perfect. /new');
    await ask('Thanks, perfect.');
    await ask('/new');
  }

  step('3. It has looked back by itself, and proposes a skill. Nothing changes before you say yes.');
  const id = await until(
    'a proposal',
    LEARNT_MS,
    async () => /\b([0-9A-Z]{26})\b/.exec(await ask('/skills pending'))?.[1],
  );
  await talk('/skills pending');
  await talk(`/skills diff ${id}`);
  await talk(`/skills approve ${id} now`);

  step('4. A new conversation, later: the skill is used, what you said is known.');
  await ask('/new');
  await talk('make a packing list for Cork');
  await talk('Thanks, perfect.');
  await talk('what did I note about the boat');
  await talk('search packing list for Rome');

  step('5. What the skill is worth is measured, not believed. It goes by itself when it hurts.');
  const report = await until('the evidence', LEARNT_MS, async () => {
    const text = await herald('skills', 'report');
    return text.includes('packing') ? text : undefined;
  });
  say(indent(report.trim()));

  step('6. All of it can be taken back.');
  const name = /\b([a-z0-9-]*-packing-[a-z0-9-]*)\b/.exec(await ask('/skills packing'))?.[1] ?? '';
  await talk(`/skills rollback ${name}`);
}

async function runHerald(home: string, args: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, [HERALD, ...args, '--home', home], { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  await ended(child);
  return text;
}

function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => child.once('exit', () => resolve()));
}

async function main(): Promise<void> {
  const home = await mkdtemp(path.join(os.tmpdir(), 'herald-demo-'));
  // Whole lines come at once here: there is nothing to wait for after a message.
  const config = {
    gateway: { port: 0, debounce_ms: 0 },
    model: { provider: 'demo' },
    agent: { timezone: daytimeZone() },
  };
  await writeFile(path.join(home, 'config.yaml'), JSON.stringify(config), { mode: 0o600 });
  say(
    'Herald with its offline demo model: rules, no language model. What is learnt here goes the way that it goes with a real one.',
  );
  const gateway = spawn(process.execPath, [HERALD, 'start', '--home', home], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  try {
    const socketPath = await until('the gateway', READY_MS, async () => {
      if (gateway.exitCode !== null) throw new Error('the gateway has ended');
      return (await findOwner(home))?.socket;
    });
    const ask = async (text: string) => {
      const [output, errors] = [new Sink(), new Sink()];
      const input = Object.assign(new PassThrough(), { isTTY: false });
      const where = { socketPath, input, output, errors, downloadsFolder: path.join(home, 'downloads') };
      await runChat({ ...where, clock: systemClock, color: false, once: { text, timeoutMs: LEARNT_MS } });
      return output.text.trim();
    };
    await tell({ ask, herald: (...args) => runHerald(home, args) });
    say('\nThat was all. Everything of it is deleted again.');
  } finally {
    gateway.kill('SIGTERM');
    await ended(gateway);
    await rm(home, { recursive: true, force: true });
  }
}

await main();
