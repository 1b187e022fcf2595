// `./herald chat` at a real pseudo-terminal, against the real gateway: streaming, Ctrl-C, and kill -9 in the middle of an answer.
import fs from 'node:fs';
import { spawn, type IPty } from '@lydell/node-pty';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HERALD } from '../support/built.ts';
import { VirtualScreen } from '../cli/tui/virtual-screen.ts';
import { makeBrokenStory } from '../support/broken-story.ts';
import {
  makeHome,
  requestSocket,
  startGatewayProcess,
  waitFor,
  type GatewayProcess,
} from '../support/gateway-process.ts';
import { startModelServer, type ModelServer } from '../support/model-server.ts';

const LONG = Array.from({ length: 40 }, (_, index) => `part-${index + 1}`).join(' ');
const brokenStory = makeBrokenStory(LONG);

describe('the terminal, end to end', () => {
  let model: ModelServer;
  let home: string;
  let gateway: GatewayProcess;
  let pty: IPty;
  const screen = new VirtualScreen(100);

  beforeAll(async () => {
    model = await startModelServer({
      script: (call) =>
        call.user.endsWith('story') ? brokenStory(call) : { text: `Heard **${call.user.slice(-40)}**.` },
    });
    home = makeHome({
      model: { provider: 'custom', base_url: model.openAiUrl, name: 'test-model', api_key: 'test-key-1234' },
    });
    gateway = await startGatewayProcess({ home });
    pty = spawn(process.execPath, [HERALD, 'chat'], {
      cols: 100,
      rows: 30,
      name: 'xterm-256color',
      env: { PATH: process.env['PATH'] ?? '', HOME: home, HERALD_HOME: home, TERM: 'xterm-256color', NO_COLOR: '1' },
    });
    pty.onData((data) => screen.write(data));
    await see('Type a message');
  }, 60_000);

  afterAll(async () => {
    pty?.kill('SIGKILL');
    await gateway?.kill('SIGKILL');
    await model?.close();
    fs.rmSync(home, { recursive: true, force: true });
  });

  const see = (text: string, timeoutMs = 15_000) => waitFor(`"${text}"`, () => screen.text.includes(text), timeoutMs);
  const count = (text: string) => screen.text.split(text).length - 1;

  it('answers whoever can open the socket, as the owner', async () => {
    pty.write('hello\r');
    await see('Heard hello.');
    pty.write('/whoami\r');
    await see('owner');
  });

  it('Ctrl-C ends the running turn, and the chat goes on', async () => {
    pty.write('one story\r');
    await see('part-2');
    pty.write('\u0003');
    await see('Stopped');
    await waitFor('the turn to end', async () => {
      const { body } = await requestSocket(gateway.socket, { path: '/status' });
      return (JSON.parse(body) as { runningTurns: number }).runningTurns === 0;
    });
    pty.write('still there?\r');
    await see('Heard still there?.');
    expect(count('part-40')).toBe(0);
  });

  it(
    'kill -9 in the middle of an answer: after the next start it is there exactly once',
    { timeout: 60_000 },
    async () => {
      pty.write('another story\r');
      await waitFor('the stream', () => count('part-3 ') > 0);
      await gateway.kill('SIGKILL');
      gateway = await startGatewayProcess({ home });
      await see('part-40', 20_000);
      pty.write('and now?\r');
      await see('Heard and now?.');
      expect(count('part-40')).toBe(1);
    },
  );

  it('Ctrl-D leaves', async () => {
    const left = new Promise<number>((resolve) => pty.onExit(({ exitCode }) => resolve(exitCode)));
    pty.write('\u0004');
    expect(await left).toBe(0);
  });
});
