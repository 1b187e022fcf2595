// A server that speaks the API of Daytona as its software kit uses it: sandboxes, the toolbox of each (files, sessions), and logs over a
// WebSocket. Commands run as ordinary processes of this machine. After the public daemon sources (apps/daemon/pkg/session) of release 0.190 and
// the kit of 0.218: a session is a shell, its output is kept line by line with marks, and deleting it ends its process group and descendants.
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { WebSocketServer } from 'ws';
import { z } from 'zod';
import { startPlayedShell, type PlayedShell } from './daytona-session.ts';
import { endPlayedProcesses } from './played-processes.ts';

const API_KEY = 'dtn_test_key';

interface Box {
  id: string;
  name: string;
  state: 'started' | 'stopped' | 'stopping' | 'error';
  labels: Record<string, string>;
  folder: string;
  created: z.output<typeof createRequest>;
  sessions: Map<string, PlayedShell>;
}

const createRequest = z.looseObject({
  name: z.string().min(1),
  labels: z.record(z.string(), z.string()),
  target: z.string(),
  snapshot: z.string().optional(),
  buildInfo: z.looseObject({ dockerfileContent: z.string() }).optional(),
  cpu: z.int().positive().optional(),
  memory: z.int().positive().optional(),
  disk: z.int().positive().optional(),
  autoStopInterval: z.int().min(0),
  autoArchiveInterval: z.int().min(0),
  autoDeleteInterval: z.int(),
  networkBlockAll: z.boolean(),
});

export interface DaytonaServer {
  apiUrl: string;
  apiKey: string;
  /** What sandboxes were asked for, in order. */
  created: z.output<typeof createRequest>[];
  /** Daytona stops it by itself. */
  stopByItself(): void;
  /** Somebody deletes all sandboxes in the dashboard. */
  deleteAll(): void;
  /** Closes the connections that logs come over. */
  dropLogs(): void;
  /** Sessions that were not deleted. */
  openSessions(): number;
  states(): string[];
  close(): Promise<void>;
}

export async function startDaytonaServer(): Promise<DaytonaServer> {
  const root = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'herald-daytona-')));
  const boxes = new Map<string, Box>();
  const created: z.output<typeof createRequest>[] = [];
  const sockets = new WebSocketServer({ noServer: true });
  const server = http.createServer((request, response) => {
    void answer(request)
      .catch((error: unknown): Answer => ({ status: 500, body: { message: String(error) } }))
      .then(({ status, body }) => {
        response.writeHead(status, { 'content-type': 'application/json' });
        response.end(body === undefined ? '' : JSON.stringify(body));
      });
  });

  interface Answer {
    status: number;
    body?: unknown;
  }
  const failed = (status: number, message: string): Answer => ({ status, body: { statusCode: status, message } });
  const base = () => {
    const address = server.address();
    return `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  };
  const show = (box: Box) => ({
    id: box.id,
    name: box.name,
    organizationId: 'org',
    user: 'daytona',
    env: {},
    labels: box.labels,
    public: false,
    target: box.created.target,
    cpu: box.created.cpu ?? 1,
    gpu: 0,
    memory: box.created.memory ?? 1,
    disk: box.created.disk ?? 3,
    state: box.state,
    networkBlockAll: box.created.networkBlockAll,
    toolboxProxyUrl: `${base()}/toolbox`,
  });
  const stop = (box: Box) => {
    for (const shell of box.sessions.values()) shell.end();
    box.sessions.clear();
    endPlayedProcesses(box.id, box.folder);
    box.state = 'stopped';
  };
  const remove = (box: Box) => {
    stop(box);
    boxes.delete(box.id);
    fs.rmSync(box.folder, { recursive: true, force: true });
  };

  async function answer(request: http.IncomingMessage): Promise<Answer> {
    const { pathname } = new URL(request.url ?? '', base());
    if (request.headers.authorization !== `Bearer ${API_KEY}`) return failed(401, 'Unauthorized');
    const body = await readBody(request);
    const words = pathname.split('/').filter((word) => word !== '');
    if (words[0] === 'toolbox') return toolbox(request, words.slice(1), body);
    if (words[0] !== 'api' || words[1] !== 'sandbox') return failed(404, `Cannot ${request.method} ${pathname}`);
    if (words.length === 2 && request.method === 'POST') return create(body);
    if (words.length === 2 && request.method === 'GET')
      return { status: 200, body: { items: [...boxes.values()].map(show), nextCursor: null } };
    const box = [...boxes.values()].find(({ id, name }) => id === words[2] || name === words[2]);
    if (box === undefined) return failed(404, `Sandbox ${words[2]} not found`);
    return change(box, `${request.method} ${words[3] ?? ''}`);
  }

  function create(body: Buffer): Answer {
    const asked = createRequest.parse(JSON.parse(body.toString('utf8')));
    if ([...boxes.values()].some(({ name }) => name === asked.name))
      return failed(409, `Sandbox with name ${asked.name} already exists`);
    if (asked.buildInfo === undefined && (asked.cpu ?? asked.memory ?? asked.disk) !== undefined)
      return failed(400, 'Cannot specify Sandbox resources when using a snapshot');
    const id = randomUUID();
    const folder = path.join(root, id);
    fs.mkdirSync(folder);
    const box: Box = {
      id,
      name: asked.name,
      state: 'started',
      labels: asked.labels,
      folder,
      created: asked,
      sessions: new Map(),
    };
    boxes.set(id, box);
    created.push(asked);
    return { status: 200, body: show(box) };
  }

  function change(box: Box, what: string): Answer {
    switch (what) {
      case 'GET ':
        return { status: 200, body: show(box) };
      case 'POST start':
        if (box.state === 'started') return failed(400, 'Sandbox is already started');
        box.state = 'started';
        return { status: 200, body: show(box) };
      case 'POST stop':
        // The kit then asks until it has stopped.
        box.state = 'stopping';
        setTimeout(() => stop(box), 50);
        return { status: 200, body: show(box) };
      case 'DELETE ':
        remove(box);
        return { status: 200, body: show(box) };
      default:
        return failed(404, `Cannot ${what}`);
    }
  }

  async function toolbox(request: http.IncomingMessage, words: readonly string[], body: Buffer): Promise<Answer> {
    const box = boxes.get(words[0] ?? '');
    if (box === undefined) return failed(404, 'Sandbox not found');
    if (box.state !== 'started') return failed(400, 'bad request: Sandbox is not started. Is the Sandbox started?');
    const what = `${request.method} ${words.slice(1).join('/')}`;
    if (what === 'POST files/bulk-upload') {
      const contentType = request.headers['content-type'] ?? '';
      const form = await new Response(new Uint8Array(body), { headers: { 'content-type': contentType } }).formData();
      const file = form.get('files[0].file');
      const target = form.get('files[0].path');
      if (!(file instanceof Blob) || typeof target !== 'string') return failed(400, 'expected a file and its path');
      fs.writeFileSync(target, Buffer.from(await file.arrayBuffer()));
      return { status: 200 };
    }
    if (what === 'POST process/session') {
      const { sessionId } = z.strictObject({ sessionId: z.string() }).parse(JSON.parse(body.toString('utf8')));
      if (box.sessions.has(sessionId)) return failed(409, 'session already exists');
      box.sessions.set(sessionId, startPlayedShell(box.id, box.folder));
      return { status: 201 };
    }
    const session = box.sessions.get(words[3] ?? '');
    if (session === undefined) return failed(404, 'session not found');
    if (what === `DELETE process/session/${words[3]}`) {
      session.end();
      box.sessions.delete(words[3] ?? '');
      return { status: 204 };
    }
    if (what !== `POST process/session/${words[3]}/exec`) return failed(404, `Cannot ${what}`);
    const { command } = z
      .strictObject({ command: z.string(), runAsync: z.literal(true) })
      .parse(JSON.parse(body.toString('utf8')));
    return { status: 202, body: { cmdId: session.run(command) } };
  }

  server.on('upgrade', (request, socket, head) => {
    const { pathname, searchParams } = new URL(request.url ?? '', base());
    const found = /^\/toolbox\/([^/]+)\/process\/session\/([^/]+)\/command\/([^/]+)\/logs$/.exec(pathname);
    const session = boxes.get(found?.[1] ?? '')?.sessions.get(found?.[2] ?? '');
    const isAllowed = request.headers.authorization === `Bearer ${API_KEY}` && searchParams.get('follow') === 'true';
    if (session === undefined || !isAllowed) {
      socket.destroy();
      return;
    }
    sockets.handleUpgrade(request, socket, head, (client) => session.follow(found?.[3] ?? '', client));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    apiUrl: `${base()}/api`,
    apiKey: API_KEY,
    created,
    stopByItself: () => boxes.forEach(stop),
    deleteAll: () => boxes.forEach(remove),
    dropLogs: () => sockets.clients.forEach((client) => client.terminate()),
    openSessions: () => [...boxes.values()].reduce((sum, { sessions }) => sum + sessions.size, 0),
    states: () => [...boxes.values()].map(({ state }) => state),
    async close() {
      boxes.forEach(remove);
      sockets.clients.forEach((client) => client.terminate());
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      fs.rmSync(root, { recursive: true, force: true });
    },
  };
}

async function readBody(request: http.IncomingMessage): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of request) if (chunk instanceof Uint8Array) chunks.push(chunk);
  return Buffer.concat(chunks);
}
