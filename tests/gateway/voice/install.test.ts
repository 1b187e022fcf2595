// Installing: downloads that break off, lie or stall; models from files; building without tools.
import { createHash, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makePrograms } from '../../../gateway/voice/audio/programs.ts';
import { buildEngine, compileSource } from '../../../gateway/voice/install/build.ts';
import { download } from '../../../gateway/voice/install/download.ts';
import { expectModel, installModel } from '../../../gateway/voice/install/model.ts';
import { KNOWN_MODELS, listModels } from '../../../gateway/voice/transcription/models.ts';
import type { Clock } from '../../../shared/clock.ts';
import { systemClock } from '../../../shared/clock.ts';
import { makeFakeClock } from '../../support/fake-clock.ts';

const CONTENT = Buffer.concat([Buffer.from('lmgg'), randomBytes(200_000)]);
const SHA256 = createHash('sha256').update(CONTENT).digest('hex');
/** Waits between attempts are not waited for. */
const quickClock: Clock = { ...systemClock, sleep: async () => undefined };

/** What the host does with a request; by default it serves the file, and ranges of it. */
type Behaviour = (request: http.IncomingMessage, response: http.ServerResponse) => void;

let home: string;
let host: http.Server;
let url: string;
let requests: (string | undefined)[];
let behaviours: Behaviour[];

const serve: Behaviour = (request, response) => {
  const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? -1);
  if (from >= CONTENT.length) return void response.writeHead(416).end();
  const part = CONTENT.subarray(Math.max(0, from));
  const range = { 'content-range': `bytes ${from}-${CONTENT.length - 1}/${CONTENT.length}` };
  response.writeHead(from < 0 ? 200 : 206, { 'content-length': part.length, ...(from < 0 ? {} : range) }).end(part);
};
/** Promises everything and breaks the connection after some of it. */
const breakAfter =
  (bytes: number): Behaviour =>
  (request, response) => {
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const range = { 'content-range': `bytes ${from}-${CONTENT.length - 1}/${CONTENT.length}` };
    response.writeHead(from > 0 ? 206 : 200, { 'content-length': CONTENT.length - from, ...(from > 0 ? range : {}) });
    // What was sent gets through first, as over a slow line.
    response.write(CONTENT.subarray(from, from + bytes), () => {
      const look = setInterval(() => {
        const { size } = fs.statSync(`${file()}.part`, { throwIfNoEntry: false }) ?? { size: 0 };
        if (size <= from) return;
        clearInterval(look);
        response.destroy();
      }, 5);
      response.once('close', () => clearInterval(look));
    });
  };

beforeEach(async () => {
  home = fs.mkdtempSync(path.join(os.tmpdir(), 'herald-install-'));
  requests = [];
  behaviours = [];
  host = http.createServer((request, response) => {
    requests.push(request.headers.range);
    (behaviours.shift() ?? serve)(request, response);
  });
  await new Promise<void>((resolve) => host.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(host.address() as AddressInfo).port}`;
});
afterEach(async () => {
  host.closeAllConnections();
  await new Promise((resolve) => host.close(resolve));
  fs.rmSync(home, { recursive: true, force: true });
});

const file = () => path.join(home, 'models', 'ggml-x.bin');
function get(more: Partial<Parameters<typeof download>[0]> = {}) {
  const { signal } = new AbortController();
  const whole = { url: `${url}/ggml-x.bin`, file: file(), sha256: SHA256, clock: quickClock, fetch, signal };
  return download({ ...whole, bytes: CONTENT.length, onProgress() {}, ...more });
}

describe('download', () => {
  it('brings the whole file, once, with progress', async () => {
    const seen: number[] = [];
    expect(await get({ onProgress: (done) => seen.push(done) })).toBe('downloaded');
    expect(fs.readFileSync(file()).equals(CONTENT)).toBe(true);
    expect(seen.at(-1)).toBe(CONTENT.length);
    expect(await get()).toBe('present');
    expect(requests).toHaveLength(1);
  });

  it('goes on where the connection broke', async () => {
    behaviours.push(breakAfter(50_000), breakAfter(50_000));
    await get();
    expect(fs.readFileSync(file()).equals(CONTENT)).toBe(true);
    expect(requests[0]).toBeUndefined();
    expect(requests[1]).toMatch(/^bytes=\d+-$/);
    expect(requests).toHaveLength(3);
  });

  it('goes on in a later call, too', async () => {
    behaviours.push(breakAfter(70_000), ...Array.from({ length: 5 }, (): Behaviour => (request) => request.destroy()));
    await expect(get()).rejects.toMatchObject({
      code: 'model_unreachable',
      publicMessage: expect.stringMatching(/goes on/),
    });
    const have = fs.statSync(`${file()}.part`).size;
    expect(have).toBeGreaterThan(0);
    await get();
    expect(requests.at(-1)).toBe(`bytes=${have}-`);
  });

  it('begins anew with a host that knows no ranges', async () => {
    fs.mkdirSync(path.dirname(file()), { recursive: true });
    fs.writeFileSync(`${file()}.part`, CONTENT.subarray(0, 1_000));
    behaviours.push((_, response) => void response.writeHead(200).end(CONTENT));
    await get();
    expect(fs.readFileSync(file()).equals(CONTENT)).toBe(true);
  });

  it('a part that is not of this file is thrown away', async () => {
    fs.mkdirSync(path.dirname(file()), { recursive: true });
    fs.writeFileSync(`${file()}.part`, Buffer.alloc(CONTENT.length + 5));
    await get();
    expect(fs.readFileSync(file()).equals(CONTENT)).toBe(true);
  });

  it.each([
    ['another file of the same size', randomBytes(CONTENT.length), 'checksum'],
    ['a longer one', randomBytes(CONTENT.length + 1), 'bytes'],
  ])('refuses %s and keeps nothing of it', async (_what, content, message) => {
    behaviours.push((_, response) => void response.writeHead(200, { 'content-length': content.length }).end(content));
    await expect(get()).rejects.toMatchObject({
      code: 'model_protocol',
      publicMessage: expect.stringContaining(message),
    });
    expect(fs.existsSync(file())).toBe(false);
    expect(fs.existsSync(`${file()}.part`)).toBe(false);
  });

  it('an endless answer without a length is cut', async () => {
    behaviours.push((_, response) => {
      response.writeHead(200);
      const more = () => void (response.destroyed || response.write(randomBytes(60_000), () => setImmediate(more)));
      more();
    });
    await expect(get()).rejects.toMatchObject({ code: 'model_protocol' });
    expect(fs.statSync(`${file()}.part`).size).toBeLessThanOrEqual(2 * CONTENT.length);
  });

  it('a host without the file is told at once; a busy one is asked again', async () => {
    behaviours.push((_, response) => void response.writeHead(404).end());
    await expect(get()).rejects.toMatchObject({ code: 'model_not_found' });
    behaviours.push((_, response) => void response.writeHead(503).end());
    expect(await get()).toBe('downloaded');
  });

  it('a connection over which nothing comes is given up', async () => {
    const clock = makeFakeClock();
    let isAsked = false;
    behaviours.push((_, response) => {
      response.writeHead(200, { 'content-length': CONTENT.length });
      response.write(CONTENT.subarray(0, 100), () => (isAsked = true));
    });
    const done = get({ clock });
    let isDone = false;
    void done.then(() => (isDone = true));
    for (let tries = 0; tries < 1_000 && !isDone; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      if (isAsked) await clock.advance(1_000);
    }
    expect(await done).toBe('downloaded');
  });

  it('an abort rejects with its reason and keeps what is there', async () => {
    const controller = new AbortController();
    behaviours.push((_, response) => {
      response.writeHead(200, { 'content-length': CONTENT.length });
      response.write(CONTENT.subarray(0, 1_000), () => controller.abort(new Error('no more')));
    });
    await expect(get({ signal: controller.signal })).rejects.toThrow('no more');
    expect(fs.existsSync(file())).toBe(false);
  });
});

describe('models', () => {
  const install = (wanted: string, sha256?: string) =>
    installModel({
      home,
      wanted,
      sha256,
      baseUrl: `${url}/models/`,
      clock: quickClock,
      fetch,
      signal: new AbortController().signal,
      onProgress() {},
    });

  it('by name and checksum', async () => {
    expect(await install('own-model', SHA256.toUpperCase())).toMatchObject({
      name: 'own-model',
      bytes: CONTENT.length,
    });
    expect((await listModels(home)).map((model) => model.name)).toEqual(['own-model']);
  });

  it('of a known name the known checksum counts, whatever the host says', async () => {
    await expect(install('tiny')).rejects.toMatchObject({ code: 'model_protocol' });
    expect(await listModels(home)).toEqual([]);
  });

  it('from a file', async () => {
    const from = path.join(home, 'ggml-mine.bin');
    fs.writeFileSync(from, CONTENT);
    expect(await install(from)).toMatchObject({ name: 'mine' });
    fs.writeFileSync(from, 'something else');
    await expect(install(from)).rejects.toMatchObject({ code: 'bad_input' });
    await expect(install(path.join(home, 'nothing.bin'))).rejects.toMatchObject({ code: 'bad_input' });
  });

  it('what is no model is not kept', async () => {
    const other = randomBytes(100);
    behaviours.push((_, response) => void response.writeHead(200).end(other));
    await expect(install('odd', createHash('sha256').update(other).digest('hex'))).rejects.toMatchObject({
      code: 'bad_input',
    });
    expect(await listModels(home)).toEqual([]);
  });

  it.each([['nope'], ['..'], ['a/../b\u0000'], [''], ['x'.repeat(99)]])('%j is no model', (name) => {
    if (name.includes('/')) return; // a path, which is looked at as a file
    expect(() => expectModel(name, undefined)).toThrow(/know no model/);
    expect(() => expectModel(name, 'abc')).toThrow(/know no model/);
  });

  it('the table is sane', () => {
    expect(new Set(KNOWN_MODELS.map((model) => model.sha256)).size).toBe(KNOWN_MODELS.length);
    for (const model of KNOWN_MODELS) expect(() => expectModel(model.name, undefined)).not.toThrow();
  });
});

describe('building', () => {
  const input = (searchPath: string, source = home) => ({
    source,
    folder: path.join(home, 'build'),
    clock: systemClock,
    programs: makePrograms(searchPath),
    signal: new AbortController().signal,
    onProgress() {},
  });
  const tools = path.dirname(process.execPath);

  it('without make or a compiler says what to install', async () => {
    await expect(compileSource(input('/nowhere'), ['main'])).rejects.toMatchObject({
      code: 'not_found',
      publicMessage: expect.stringMatching(/make is missing.*build-essential/s),
    });
    const bin = path.join(home, 'bin');
    fs.mkdirSync(bin);
    fs.writeFileSync(path.join(bin, 'make'), '', { mode: 0o755 });
    await expect(compileSource(input(bin), ['main'])).rejects.toMatchObject({
      publicMessage: expect.stringMatching(/C\+\+ compiler is missing/),
    });
  });

  it('that fails leaves nothing behind and shows the error', async () => {
    const bin = path.join(home, 'bin');
    fs.mkdirSync(bin);
    const fails = `#!${process.execPath}\nconsole.error('main.cpp:1:1: error: no such thing');process.exit(2)`;
    for (const name of ['make', 'g++']) fs.writeFileSync(path.join(bin, name), fails, { mode: 0o755 });
    const source = path.join(home, 'source');
    fs.mkdirSync(source);
    fs.writeFileSync(path.join(source, 'Makefile'), 'main:\n');
    const target = path.join(home, 'out', 'whisper-cli');
    await expect(buildEngine(input(`${bin}:${tools}`, source), target)).rejects.toMatchObject({
      publicMessage: expect.stringContaining('error: no such thing'),
    });
    expect(fs.existsSync(target)).toBe(false);
    expect(fs.existsSync(path.join(home, 'build'))).toBe(false);
  });
});
