// herald voice and doctor --voice, as people run them: with the real engine, on a model that always hears the same.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { SAMPLE_TEXT } from '../../gateway/voice/sample.ts';
import { builtEngine } from '../../gateway/voice/transcription/local.ts';
import { BUILD_MS, buildOnce, reasonToSkip, type RealEngine } from '../support/voice/engine.ts';
import { writeFixedModel } from '../support/voice/whisper-model.ts';
import { makeTempHome, removeHome } from './run-cli.ts';
import { openCommandRunner } from './run-command.ts';

const commands = openCommandRunner();
afterAll(() => commands.close());
let home: string;
beforeEach(() => {
  home = makeTempHome();
  configure({});
});
afterEach(() => removeHome(home));

const configure = (voice: object) =>
  fs.writeFileSync(path.join(home, 'config.yaml'), JSON.stringify({ gateway: { port: 0 }, voice }));
const herald = (args: string[], env: Record<string, string> = {}) => commands.run(args, { home, env });

describe('herald voice', () => {
  it('status says what is set up, what is missing and how to get it', async () => {
    const { code, stdout } = await herald(['voice', 'status']);
    expect(code).toBe(0);
    expect(stdout).toContain('herald voice install base');
    expect(stdout).toContain('OPENAI_API_KEY');
    const { stdout: json } = await herald(['voice', 'status', '--json'], { GROQ_API_KEY: 'gsk_secret_0123456789' });
    expect(JSON.parse(json)).toMatchObject({
      enabled: true,
      transcription: [{ name: 'api', ready: true, used: true }, {}, {}],
      names: ['Herald'],
    });
    expect(json).not.toContain('gsk_secret');
  });

  it('models lists what there is', async () => {
    fs.mkdirSync(path.join(home, 'models'));
    writeFixedModel(path.join(home, 'models/ggml-mine.bin'), 'hello');
    const { stdout } = await herald(['voice', 'models']);
    expect(stdout).toMatch(/^\* +mine .*installed$/m);
    expect(stdout).toMatch(/^ +large-v3-turbo /m);
  });

  it('install asks for nothing that it could know to be wrong', async () => {
    const { code, stderr } = await herald(['voice', 'install', 'tinny']);
    expect([code, stderr]).toEqual([5, expect.stringContaining('I know no model "tinny"')]);
  });

  it('install without compiler or engine says what is missing', async () => {
    const { code, stderr } = await herald(['voice', 'install', 'tiny'], { PATH: '/nowhere' });
    expect(code).toBe(5);
    expect(stderr).toMatch(/make is missing|optional package whisper-node/);
  });

  it('test tells a recording that is not there, and what cannot be heard', async () => {
    expect(await herald(['voice', 'test', '/nowhere.ogg'])).toMatchObject({ code: 5 });
    const { code, stdout } = await herald(['voice', 'test']);
    expect([code, stdout]).toEqual([1, expect.stringContaining('not set up')]);
  });
});

describe('herald doctor', () => {
  it('does not call anything broken when voice is not set up', async () => {
    const { code, stdout } = await herald(['doctor']);
    expect(code).toBe(0);
    expect(stdout).toContain('transcription is not set up');
    configure({ transcription: { enabled: false } });
    expect((await herald(['doctor'])).stdout).toContain('switched off');
  });

  it('warns of an engine that the configuration asks for and that is not there', async () => {
    configure({ transcription: { engines: ['local'] } });
    const { stdout } = await herald(['doctor']);
    expect(stdout).toMatch(/warn voice .*no model is installed/);
  });
});

const skip = await reasonToSkip();
describe.skipIf(skip !== undefined)(`with the real engine${skip === undefined ? '' : ` (${skip})`}`, () => {
  let engine: RealEngine;
  beforeAll(async () => {
    engine = await buildOnce();
  }, BUILD_MS);
  beforeEach(() => {
    fs.mkdirSync(path.dirname(builtEngine(home)), { recursive: true });
    fs.copyFileSync(engine.main, builtEngine(home));
  });

  it('a model is downloaded with its checksum, then the sample is understood', { timeout: 60_000 }, async () => {
    const model = path.join(home, 'served.bin');
    writeFixedModel(model, SAMPLE_TEXT);
    const content = fs.readFileSync(model);
    const host = http.createServer((request, response) => {
      if (request.url === '/m/ggml-known.en.bin')
        response.writeHead(200, { 'content-length': content.length }).end(content);
      else response.writeHead(404).end();
    });
    await new Promise<void>((resolve) => host.listen(0, '127.0.0.1', resolve));
    configure({ transcription: { models_url: `http://127.0.0.1:${(host.address() as AddressInfo).port}/m` } });
    try {
      const sha256 = createHash('sha256').update(content).digest('hex');
      const wrong = await herald([
        'voice',
        'install',
        'known.en',
        '--sha256',
        sha256.replace(/^./, (c) => (c === '0' ? '1' : '0')),
      ]);
      expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringContaining('checksum')]);
      const right = await herald(['voice', 'install', 'known.en', '--sha256', sha256]);
      expect([right.code, right.stdout]).toEqual([0, expect.stringContaining('Model: known.en')]);
    } finally {
      await new Promise((resolve) => host.close(resolve));
    }
    const { code, stdout } = await herald(['doctor', '--voice']);
    expect(stdout).toContain('the sample was understood by local');
    expect(code).toBe(0);
  });

  it('a model from a file is tried on a recording; one that mishears is told', { timeout: 60_000 }, async () => {
    const model = path.join(home, 'ggml-odd.en.bin');
    writeFixedModel(model, 'something else entirely');
    expect(await herald(['voice', 'install', model])).toMatchObject({ code: 0 });
    expect((await herald(['voice', 'test'])).stdout).toContain('heard: something else entirely');
    expect((await herald(['doctor', '--voice'])).stdout).toMatch(/warn voice .*heard “something else entirely”/);
  });
});
