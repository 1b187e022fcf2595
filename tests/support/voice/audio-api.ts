// A loopback server that speaks OpenAI's two audio routes: /v1/audio/transcriptions, answered by whisper.cpp's own HTTP server, and
// /v1/audio/speech, answered with real audio. It refuses what OpenAI refuses, and fails when asked to.
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { freePort } from '../free-port.ts';
import { FFMPEG, makeWav } from './audio.ts';

export interface AudioCall {
  path: string;
  authorization: string | undefined;
  /** Fields of the form or of the JSON body; files as `{file: {name, type, bytes}}`. */
  body: Record<string, unknown>;
}

export interface AudioApi {
  /** With /v1. */
  url: string;
  calls: AudioCall[];
  /** Answers of the next calls instead of real ones; `hang` answers never. */
  failures: ({ status: number; headers?: Record<string, string>; body?: string } | 'hang' | 'cut')[];
  close(): Promise<void>;
}

export interface AudioApiOptions {
  key?: string;
  /** whisper.cpp's server and its model; without them every recording is heard as `text`. */
  whisper?: { server: string; model: string };
  text?: string;
  /** Where the requests are recorded for the contract check. */
  recordTo?: string;
}

/** https://developers.openai.com/api/docs/guides/speech-to-text (read 2026-11-21). */
const ENDINGS = new Set(['flac', 'm4a', 'mp3', 'mp4', 'mpeg', 'mpga', 'oga', 'ogg', 'wav', 'webm']);
const MAX_INPUT_CHARS = 4_096;
const READY_TRIES = 400;

export async function startAudioApi(options: AudioApiOptions = {}): Promise<AudioApi> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'herald-audio-api-'));
  const engine = options.whisper && (await startWhisper(options.whisper));
  const calls: AudioCall[] = [];
  const failures: AudioApi['failures'] = [];
  const server = http.createServer((request, response) => {
    void answer(request, response).catch((error: unknown) => {
      response.writeHead(500).end(String(error));
    });
  });

  async function answer(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const contentType = request.headers['content-type'] ?? '';
    const { body, file } = await readBody(Buffer.concat(chunks), contentType);
    const call = { path: request.url ?? '', authorization: request.headers.authorization, body };
    calls.push(call);
    record(options.recordTo, { method: request.method ?? '', path: call.path, query: '', contentType, body });
    const failure = failures.shift();
    if (failure === 'hang') return;
    if (failure === 'cut') return void request.socket.destroy();
    if (failure) return void response.writeHead(failure.status, failure.headers).end(failure.body ?? '{}');
    const refused = refuse(call, options.key);
    if (refused) {
      sendJson(response, refused.status, { error: { message: refused.message, type: 'invalid_request_error' } });
      return;
    }
    if (call.path === '/v1/audio/speech') return void response.writeHead(200).end(makeSpeech(folder, body));
    const text = engine && file ? await engine.hear(folder, file) : (options.text ?? 'the text of the loopback');
    sendJson(response, 200, { text });
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/v1`,
    calls,
    failures,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await engine?.close();
      fs.rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function readBody(raw: Buffer, contentType: string): Promise<{ body: Record<string, unknown>; file?: Buffer }> {
  if (!contentType.startsWith('multipart/'))
    return { body: JSON.parse(raw.toString('utf8')) as Record<string, unknown> };
  const form = await new Response(new Uint8Array(raw), { headers: { 'content-type': contentType } }).formData();
  const body: Record<string, unknown> = {};
  let file: Buffer | undefined;
  for (const [name, value] of form) {
    if (typeof value === 'string') {
      body[name] = value;
      continue;
    }
    body[name] = { file: { name: value.name, type: value.type, bytes: value.size } };
    file = Buffer.from(await value.arrayBuffer());
  }
  return file ? { body, file } : { body };
}

function refuse({ path: route, authorization, body }: AudioCall, key: string | undefined) {
  if (key !== undefined && authorization !== `Bearer ${key}`)
    return { status: 401, message: `Incorrect API key provided: ${authorization ?? ''}.` };
  if (typeof body['model'] !== 'string') return { status: 400, message: 'you must provide a model parameter' };
  if (route === '/v1/audio/transcriptions') {
    const { file } = (body['file'] ?? {}) as { file?: { name: string } };
    const ending = path.extname(file?.name ?? '').slice(1);
    return ENDINGS.has(ending) ? undefined : { status: 400, message: 'Invalid file format.' };
  }
  if (route !== '/v1/audio/speech') return { status: 404, message: 'Unknown request URL' };
  const { input, voice } = body;
  if (typeof input !== 'string' || input.length > MAX_INPUT_CHARS) return { status: 400, message: 'Invalid input' };
  return typeof voice === 'string' ? undefined : { status: 400, message: 'Invalid voice' };
}

/** A tone of a tenth of a second per word. */
function makeSpeech(folder: string, { input, response_format: format = 'mp3' }: Record<string, unknown>): Buffer {
  const from = path.join(folder, 'speech.wav');
  const to = path.join(folder, `speech.${format === 'opus' ? 'ogg' : String(format)}`);
  fs.writeFileSync(from, makeWav({ seconds: 0.1 * String(input).split(' ').length }));
  execFileSync(FFMPEG, ['-nostdin', '-loglevel', 'error', '-y', '-i', from, to]);
  return fs.readFileSync(to);
}

function sendJson(response: http.ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function record(folder: string | undefined, line: Record<string, unknown>): void {
  if (folder === undefined) return;
  fs.mkdirSync(folder, { recursive: true });
  fs.appendFileSync(path.join(folder, 'openai.jsonl'), `${JSON.stringify(line)}\n`);
}

interface WhisperServer {
  hear(folder: string, file: Buffer): Promise<string>;
  close(): Promise<void>;
}

/** whisper.cpp's server takes 16 kHz WAV at /inference; OpenAI takes nearly everything, so what comes is converted first. */
async function startWhisper({ server, model }: { server: string; model: string }): Promise<WhisperServer> {
  const port = await freePort();
  // It writes each upload into its working directory under the uploaded name.
  const cwd = fs.mkdtempSync(path.join(os.tmpdir(), 'herald-whisper-server-'));
  const child = spawn(server, ['-m', model, '--host', '127.0.0.1', '--port', String(port)], { cwd, stdio: 'ignore' });
  await untilListening(port, child);
  return {
    async hear(folder, file) {
      const from = path.join(folder, 'heard.bin');
      const to = path.join(folder, 'heard.wav');
      fs.writeFileSync(from, file);
      const convert = ['-nostdin', '-loglevel', 'error', '-y', '-i', from, '-ar', '16000', '-ac', '1', to];
      execFileSync(FFMPEG, convert);
      const form = new FormData();
      form.set('file', new Blob([new Uint8Array(fs.readFileSync(to))]), 'heard.wav');
      const response = await fetch(`http://127.0.0.1:${port}/inference`, { method: 'POST', body: form });
      return ((await response.json()) as { text: string }).text;
    },
    async close() {
      if (child.exitCode === null && child.signalCode === null) {
        const ended = new Promise((resolve) => child.once('exit', resolve));
        child.kill('SIGKILL');
        await ended;
      }
      fs.rmSync(cwd, { recursive: true, force: true });
    },
  };
}

async function untilListening(port: number, child: ChildProcess): Promise<void> {
  for (let tries = 0; tries < READY_TRIES && child.exitCode === null; tries++) {
    const isThere = await new Promise<boolean>((resolve) => {
      const socket = net.connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false));
      socket.unref();
      setTimeout(() => socket.destroy(), 1_000).unref();
    });
    if (isThere) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  child.kill('SIGKILL');
  throw new Error('whisper.cpp did not begin to listen');
}
