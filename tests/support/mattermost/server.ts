// A Mattermost server on loopback: its API v4 and WebSocket over a world that people act in.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { FaultPlan, type Fault } from './faults.ts';
import { readRequest, type ApiRequest } from './http.ts';
import { answer, ApiError } from './routes.ts';
import { SocketHub } from './sockets.ts';
import { World, type Channel, type Post, type User } from './world.ts';

export interface MattermostServer {
  url: string;
  token: string;
  world: World;
  hub: SocketHub;
  bot: User;
  ann: User;
  dm: Channel;
  town: Channel;
  teamId: string;
  /** Requests that came, as `METHOD /path`. */
  requests: readonly string[];
  fail(fault: Fault): () => void;
  /** Posts of the bot in a channel, oldest first, with what is deleted left out. */
  ours(channel: string): readonly Post[];
  /** Resolves once the bot has said something with `part` in it. */
  waitForText(channel: string, part: string, timeoutMs?: number): Promise<Post>;
  /** Nothing listens any more, until `comeBack`. */
  goAway(): Promise<void>;
  comeBack(): Promise<void>;
  close(): Promise<void>;
}

export async function startMattermost(): Promise<MattermostServer> {
  const world = new World();
  const bot = world.addUser('herald', { is_bot: true });
  const ann = world.addUser('ann', { first_name: 'Ann', last_name: 'Ames' });
  const teamId = world.addTeam('crew');
  const dm = world.direct(bot.id, ann.id);
  const town = world.addChannel('O', [bot.id, ann.id], { display_name: 'Town Square', team_id: teamId });
  const token = `tok${bot.id.slice(3)}`;
  const faults = new FaultPlan();
  const requests: string[] = [];
  const hub = new SocketHub((given) => (given === token ? bot.id : undefined));
  world.onEvent((event) => hub.tell(event));

  const take = (incoming: IncomingMessage, outgoing: ServerResponse) =>
    void serve({ world, bot, token, faults, requests }, incoming, outgoing);
  const listen = async (port: number): Promise<Server> => {
    const server = createServer(take);
    hub.attach(server);
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return server;
  };
  let http = await listen(0);
  const address = http.address();
  if (address === null || typeof address === 'string') throw new Error('the server does not listen');
  const { port } = address;
  const stop = async () => {
    if (!http.listening) return;
    const closed = once(http, 'close');
    http.close();
    hub.dropAll();
    http.closeAllConnections();
    await closed;
  };

  const ours = (channel: string) =>
    world.posts.filter((post) => post.channel_id === channel && post.user_id === bot.id && post.delete_at === 0);
  return {
    url: `http://127.0.0.1:${port}`,
    token,
    world,
    hub,
    bot,
    ann,
    dm,
    town,
    teamId,
    requests,
    ours,
    fail: (fault) => faults.add(fault),
    async waitForText(channel, part, timeoutMs = 10_000) {
      const until = performance.now() + timeoutMs;
      while (performance.now() < until) {
        const post = ours(channel).find(({ message }) => message.includes(part));
        if (post) return post;
        await new Promise((resolve) => setTimeout(resolve, 15));
      }
      throw new Error(
        `not said: ${part}. Said: ${JSON.stringify(ours(channel).map(({ message }) => message.slice(0, 200)))}`,
      );
    },
    goAway: stop,
    async comeBack() {
      http = await listen(port);
    },
    close: stop,
  };
}

interface Stage {
  world: World;
  bot: User;
  token: string;
  faults: FaultPlan;
  requests: string[];
}

async function serve(stage: Stage, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const request = await readRequest(incoming).catch(() => undefined);
  if (!request) return;
  const name = `${request.method} ${request.path}`;
  stage.requests.push(name);
  const fault = stage.faults.take(name);
  if (fault?.drop === 'before') return void incoming.socket.destroy();
  if (fault?.text !== undefined) return void outgoing.writeHead(fault.status ?? 502).end(fault.text);
  if (fault?.status !== undefined)
    return sendJson(outgoing, fault.status, makeError(fault.status, fault.id ?? 'test.fault'), fault.headers);
  const reply = handle(stage, request);
  await fault?.hold;
  if (fault?.drop === 'after') return void incoming.socket.destroy();
  if (reply.bytes) outgoing.writeHead(200, { 'content-type': 'application/octet-stream' }).end(reply.bytes);
  else sendJson(outgoing, reply.status, reply.body);
}

function handle(stage: Stage, request: ApiRequest): { status: number; body?: unknown; bytes?: Uint8Array } {
  const { world, bot } = stage;
  if (request.path === '/system/ping') return { status: 200, body: { status: 'OK' } };
  if (request.token !== stage.token)
    return { status: 401, body: makeError(401, 'api.context.session_expired.app_error') };
  const file = /^\/files\/([a-z0-9]{26})$/.exec(request.path)?.[1];
  const found = file === undefined ? undefined : world.files.get(file);
  if (request.method === 'GET' && found) return { status: 200, bytes: found.bytes };
  try {
    const body = answer(world, bot, request);
    return isAnswer(body) ? body : { status: 200, body };
  } catch (error) {
    if (error instanceof ApiError) return { status: error.status, body: makeError(error.status, error.id) };
    throw error;
  }
}

function isAnswer(value: unknown): value is { status: number; body: unknown } {
  return typeof value === 'object' && value !== null && 'status' in value && typeof value.status === 'number';
}

function makeError(status: number, id: string): unknown {
  return { id, message: `Refused (${id}).`, detailed_error: '', request_id: 'x', status_code: status };
}

function sendJson(
  outgoing: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  outgoing.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}
