// The interactive chat at a real pseudo-terminal, as a process of its own, against the real server.
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { spawn, type IPty } from '@lydell/node-pty';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openFakeGateway, type FakeGateway } from './fake-gateway.ts';
import { VirtualScreen } from './virtual-screen.ts';

let gateway: FakeGateway;
const running: Terminal[] = [];

beforeEach(async () => {
  gateway = await openFakeGateway();
});
afterEach(async () => {
  for (const terminal of running.splice(0)) terminal.pty.kill('SIGKILL');
  await gateway.close();
});

interface Terminal {
  pty: IPty;
  screen: VirtualScreen;
  raw(): string;
  type(text: string): void;
  /** Waits until the screen passes. */
  until(passes: (text: string) => boolean, timeoutMs?: number): Promise<void>;
  exit: Promise<number>;
}

function openTerminal({ columns = 80, color = '' } = {}): Terminal {
  const screen = new VirtualScreen(columns);
  let raw = '';
  const changed = new Set<() => void>();
  const script = fileURLToPath(new URL('./chat-process.ts', import.meta.url));
  const args = [
    script,
    gateway.socketPath,
    path.join(gateway.folder, 'history'),
    path.join(gateway.folder, 'downloads'),
    color,
  ];
  const pty = spawn(process.execPath, args, { cols: columns, rows: 24, name: 'xterm-256color' });
  const exit = new Promise<number>((resolve) => pty.onExit(({ exitCode }) => resolve(exitCode)));
  pty.onData((data) => {
    raw += data;
    screen.write(data);
    for (const look of changed) look();
  });
  const terminal: Terminal = {
    pty,
    screen,
    raw: () => raw,
    type: (text) => pty.write(text),
    until: (passes, timeoutMs = 10_000) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          changed.delete(look);
          reject(new Error(`Not on the screen within ${timeoutMs} ms:\n${screen.text}`));
        }, timeoutMs);
        function look() {
          if (!passes(screen.text)) return;
          clearTimeout(timer);
          changed.delete(look);
          resolve();
        }
        changed.add(look);
        look();
      }),
    exit,
  };
  running.push(terminal);
  return terminal;
}

const count = (text: string, part: string) => text.split(part).length - 1;
/** Ready to be typed at: the prompt stands and the commands are known. */
const openReady = async (options?: Parameters<typeof openTerminal>[0]) => {
  const terminal = openTerminal(options);
  await terminal.until((text) => text.endsWith('›') && terminal.screen.bracketedPaste);
  await terminal.until((text) => !text.includes('reconnecting'));
  return terminal;
};

it('streams an answer in place and leaves nothing of the preview behind', async () => {
  const release = Promise.withResolvers<void>();
  gateway.respond = async (turn) => {
    await turn.draft('Let me see', ['searching past messages']);
    await turn.draft('Let me see, the **answer**', ['searching past messages']);
    await release.promise;
    await turn.answer('# Done\n\nThe **answer** is 42.\n\n```ts\nlet a = 1;\n```');
  };
  const terminal = await openReady({ color: 'color' });
  terminal.type('What is it?\r');
  await terminal.until((text) => text.includes('Let me see, the answer') && text.includes('searching past messages'));
  expect(terminal.screen.text).toContain('working… Ctrl-C stops');
  release.resolve();
  await terminal.until((text) => text.includes('The answer is 42.') && !text.includes('working'));
  expect(terminal.screen.lines.filter((line) => line !== '')).toEqual([
    'Herald. Type a message, / for commands, Ctrl-D to leave.',
    '› What is it?',
    'Done',
    'The answer is 42.',
    '  ts',
    '  let a = 1;',
    '›',
  ]);
  expect(terminal.raw()).toContain('\u001b[1manswer\u001b[0m');
  terminal.type('\u0004');
  expect(await terminal.exit).toBe(0);
  expect(terminal.screen.bracketedPaste).toBe(false);
});

it('honours no color', async () => {
  const terminal = await openReady();
  gateway.respond = (turn) => turn.answer('**bold** `code`');
  terminal.type('x\r');
  await terminal.until((text) => text.includes('bold code'));
  expect(terminal.raw()).not.toMatch(/\u001b\[[\d;]*m/);
});

it('sends several lines as one message: backslash, Alt+Enter, paste', async () => {
  const terminal = await openReady();
  terminal.type('one\\\r');
  terminal.type('two\u001b\rthree');
  await terminal.until((text) => text.endsWith('  two\n  three'));
  terminal.type('\u001b[200~ four\rfive\u001b[201~');
  await terminal.until((text) => text.endsWith('five'));
  expect(gateway.record.received).toEqual([]);
  terminal.type('\r');
  const got = await gateway.record.waitFor((message) => message.kind === 'message');
  expect(got.text).toBe('one\ntwo\nthree four\nfive');
});

it('completes slash commands with Tab', async () => {
  const terminal = await openReady();
  terminal.type('/st');
  await terminal.until(
    (text) => text.includes('/status') && text.includes('How Herald is doing') && text.includes('/stop'),
  );
  terminal.type('at\t');
  await terminal.until((text) => text.endsWith('› /status') && !text.includes('/stop'));
  terminal.type('\r');
  await gateway.record.waitFor((message) => message.text === '/status');
});

it('stops the turn with Ctrl-C, and leaves with the second one', async () => {
  gateway.respond = async (turn) => {
    if (turn.message.text === '/stop') await turn.answer('Stopped.', 'command');
    else await turn.draft('A very long thought that goes on');
  };
  const terminal = await openReady();
  terminal.type('think\r');
  await terminal.until((text) => text.includes('A very long thought'));
  terminal.type('\u0003');
  await gateway.record.waitFor((message) => message.text === '/stop');
  await terminal.until((text) => text.includes('Stopped.') && !text.includes('A very long thought'));
  terminal.type('\u0003');
  expect(await terminal.exit).toBe(0);
});

it('asks twice before Ctrl-C leaves when nothing runs', async () => {
  const terminal = await openReady();
  terminal.type('half a line');
  await terminal.until((text) => text.includes('half a line'));
  terminal.type('\u0003');
  await terminal.until((text) => !text.includes('half a line'));
  terminal.type('\u0003');
  await terminal.until((text) => text.includes('Ctrl-C again leaves.'));
  terminal.type('\u0003');
  expect(await terminal.exit).toBe(0);
  expect(gateway.record.received).toEqual([]);
});

it('goes on after the gateway restarts: what was typed meanwhile arrives once, nothing is shown twice', async () => {
  const terminal = await openReady();
  terminal.type('before\r');
  await terminal.until((text) => text.includes('You said: before'));
  await gateway.stop();
  await terminal.until((text) => text.includes('reconnecting…'));
  terminal.type('while down\r');
  await terminal.until((text) => text.includes('reconnecting… (1 to send)'));
  await gateway.start();
  await terminal.until((text) => text.includes('You said: while down') && !text.includes('reconnecting'));
  terminal.type('after\r');
  await terminal.until((text) => text.includes('You said: after'));
  expect(gateway.record.received.map((message) => message.text)).toEqual(['before', 'while down', 'after']);
  for (const said of ['before', 'while down', 'after']) {
    expect(count(terminal.screen.text, `› ${said}`)).toBe(1);
    expect(count(terminal.screen.text, `You said: ${said}`)).toBe(1);
  }
});

it('shows an answer that came while the connection was gone', async () => {
  const terminal = await openReady();
  let answer = async () => {};
  gateway.respond = async (turn) => {
    answer = () => turn.answer('late answer');
  };
  terminal.type('question\r');
  await gateway.record.waitFor((message) => message.text === 'question');
  await gateway.stop();
  await answer();
  gateway.respond = async () => {};
  await gateway.start();
  await terminal.until((text) => text.includes('late answer'));
  expect(count(terminal.screen.text, 'late answer')).toBe(1);
});

it('remembers what was typed, and shows the last lines of the chat at the next start', async () => {
  const first = await openReady();
  first.type('remember me\r');
  await first.until((text) => text.includes('You said: remember me'));
  first.type('\u0004');
  await first.exit;
  const second = openTerminal();
  await second.until((text) => text.includes('› remember me\n\nYou said: remember me') && text.endsWith('›'));
  second.type('\u001b[A');
  await second.until((text) => text.endsWith('› remember me'));
  second.type('\r');
  await second.until((text) => count(text, 'You said: remember me') === 2);
});

it('fits a narrow terminal, wide characters included', async () => {
  gateway.respond = (turn) =>
    turn.answer(
      'A long line of text that must wrap.\n\n| column one | column three |\n|---|---|\n| a | b |\n\n日本語のテキストはここで折り返す。',
    );
  const terminal = await openReady({ columns: 24 });
  terminal.type('a message that is longer than the terminal is wide\r');
  await terminal.until((text) => text.includes('折り返す') && !text.includes('working'));
  const { lines } = terminal.screen;
  expect(lines).toContain('A long line of text');
  expect(lines).toContain('column one: a');
  // The virtual screen breaks what is too wide: then our own breaks would not be where they are.
  expect(lines).toContain('› a message that is');
});

it('says when a message was not sent before leaving', async () => {
  const terminal = await openReady();
  await gateway.stop();
  await terminal.until((text) => text.includes('reconnecting…'));
  terminal.type('lost\r');
  await terminal.until((text) => text.includes('(1 to send)'));
  terminal.type('\u0004');
  expect(await terminal.exit).toBe(0);
  expect(terminal.screen.text).toContain('One message was not sent.');
});

it('attaches a file to the next message', async () => {
  const file = path.join(import.meta.dirname, 'virtual-screen.ts');
  const terminal = await openReady({ columns: 200 });
  terminal.type(`/attach ${file}\r`);
  await terminal.until((text) => text.includes('virtual-screen.ts goes with your next message.'));
  terminal.type('/attach /nonexistent/file\r');
  await terminal.until((text) => text.includes('There is no file /nonexistent/file'));
  terminal.type('see this\r');
  const got = await gateway.record.waitFor((message) => message.text === 'see this');
  expect(got.attachments).toMatchObject([{ name: 'virtual-screen.ts' }]);
});
