// A whole Slack for one test: a workspace with people, the Web API, Socket Mode and calls to a request URL.
import { BOT_ID, BOT_USER, startEmulator } from './emulator.ts';
import type { FaultRule } from './faults.ts';
import { asJson, asList, asText, type Json } from './json.ts';
import { channelInfo, DEFAULT_SCOPES, rawMessages, type World } from './methods.ts';
import { dressMessage, eventBody, messageEvent } from './payloads.ts';
import { makePerson, type Person } from './people.ts';
import { makeRequestUrl, type RequestUrl } from './request-url.ts';
import { startServer, type RecordedCall } from './server.ts';
import { makeSocketHub, type SocketHub } from './socket-hub.ts';

export const BOT_TOKEN = 'xoxb-1234567890-abcdefghijkl';
export const APP_TOKEN = 'xapp-1-A0HERALD01-1234567890-abcdef';
export const SIGNING_SECRET = '0123456789abcdef0123456789abcdef';

export interface SlackWorkspace {
  /** For the setting api_root. */
  apiRoot: string;
  origin: string;
  ada: Person;
  eve: Person;
  /** A public channel, a private one, and a group of people, all with the app in them. */
  general: string;
  secret: string;
  trio: string;
  hub: SocketHub;
  /** Set by `useRequestUrl`. */
  requestUrl: RequestUrl | undefined;
  calls: readonly RecordedCall[];
  violations: readonly string[];
  statuses: ReadonlyMap<string, string>;
  /** From now on the app is called over HTTP. */
  useRequestUrl(target: string): RequestUrl;
  /** The app is told of an event that nothing in the workspace has world. */
  tell(event: Json): void;
  tellRaw(payload: unknown): void;
  /** The program `Robot` says something in a channel. */
  sayAsRobot(channel: string, text: string): void;
  /** Something that our own app says from elsewhere. Resolves with the message's ts. */
  sayAsSelf(channel: string, text: string): Promise<string>;
  /** Messages of the app in a channel, threads included, oldest first. */
  ours(channel: string): Promise<readonly Json[]>;
  /** Resolves with the first message of the app that holds `part`. */
  waitForText(channel: string, part: string, timeoutMs?: number): Promise<Json>;
  fail(rule: FaultRule): () => void;
  /** From now on every call is refused with this error; undefined: no more. */
  refuseAll(error: string | undefined): void;
  goAway(): Promise<void>;
  comeBack(): Promise<void>;
  close(): Promise<void>;
}

export interface WorkspaceOptions {
  scopes?: readonly string[] | undefined;
}

export async function startSlack(options: WorkspaceOptions = {}): Promise<SlackWorkspace> {
  const scopes = options.scopes ?? DEFAULT_SCOPES;
  const emulator = await startEmulator({
    people: ['ada', 'eve', 'bob'],
    channels: [{ name: 'town' }, { name: 'vault', isPrivate: true }],
    botToken: BOT_TOKEN,
    scopes,
  });
  const hub = makeSocketHub();
  let requestUrl: RequestUrl | undefined;
  const server = await startServer({ world: () => world, hub });
  const push = (type: 'events_api' | 'slash_commands' | 'interactive', payload: unknown) => {
    if (!requestUrl) return void hub.send(type, payload);
    if (type === 'events_api') return requestUrl.post('json', payload);
    const form =
      type === 'interactive'
        ? new URLSearchParams({ payload: JSON.stringify(payload) })
        : new URLSearchParams(
            Object.entries(asJson(payload)).map(([key, value]): [string, string] => [key, asText(value)]),
          );
    requestUrl.post('form', form.toString());
  };
  const world: World = {
    emulator,
    appToken: APP_TOKEN,
    scopes,
    ticket: () => hub.ticket(server.origin),
    tell: (event) => push('events_api', eventBody(event)),
    statuses: new Map(),
    freshFiles: new Set(),
    refusal: undefined,
  };
  const deps = { world, emulator, push, subtypes: new Map<string, string>() };
  const [ada, eve, bob] = [await makePerson(deps, 'ada'), await makePerson(deps, 'eve'), await makePerson(deps, 'bob')];
  const places = await openPlaces(world, bob);

  const slack: SlackWorkspace = {
    apiRoot: `${server.origin}/api`,
    origin: server.origin,
    ada,
    eve,
    ...places,
    hub,
    requestUrl: undefined,
    calls: server.calls,
    violations: server.violations,
    statuses: world.statuses,
    useRequestUrl(target) {
      requestUrl = makeRequestUrl(target, SIGNING_SECRET);
      slack.requestUrl = requestUrl;
      return requestUrl;
    },
    tell: world.tell,
    tellRaw: (payload) => push('events_api', payload),
    sayAsRobot(channel, text) {
      const ts = `${Math.floor(Date.now() / 1_000)}.777777`;
      const robot = { subtype: 'bot_message', bot_id: 'B0ROBOT', username: 'Robot', text, ts };
      world.tell(messageEvent(robot, { id: channel, type: 'channel' }));
      world.tell(messageEvent({ user: 'U0ROBOT', bot_id: 'B0ROBOT', text, ts }, { id: channel, type: 'channel' }));
    },
    async sayAsSelf(channel, text) {
      const answer = await emulator.call('chat.postMessage', BOT_TOKEN, { channel, text });
      const message = dressMessage(asJson(answer['message']));
      world.tell(messageEvent(message, await channelInfo(world, channel)));
      return asText(message['ts']);
    },
    async ours(channel) {
      const all = await rawMessages(world, channel, BOT_TOKEN);
      return all.filter((message) => message['user'] === BOT_USER || message['bot_id'] === BOT_ID);
    },
    async waitForText(channel, part, timeoutMs = 10_000) {
      const until = performance.now() + timeoutMs;
      for (;;) {
        const found = (await slack.ours(channel)).find((message) => textOf(message).includes(part));
        if (found) return found;
        if (performance.now() > until) {
          const said = (await slack.ours(channel)).map(textOf);
          throw new Error(`waited ${timeoutMs} ms in vain for “${part}”; there is: ${JSON.stringify(said.slice(-5))}`);
        }
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
    fail: (rule) => server.faults.add(rule),
    refuseAll(error) {
      world.refusal = error;
    },
    goAway: () => server.goAway(),
    comeBack: () => server.comeBack(),
    async close() {
      requestUrl?.close();
      await server.close();
      await emulator.close();
    },
  };
  return slack;
}

async function openPlaces(world: World, bob: Person): Promise<{ general: string; secret: string; trio: string }> {
  const { emulator } = world;
  const token = emulator.tokens['ada'] ?? '';
  const listed = await emulator.call('conversations.list', token, { types: 'public_channel,private_channel' });
  const byName = (name: string) =>
    asText(
      asList(listed['channels'])
        .map(asJson)
        .find((channel) => channel['name'] === name)?.['id'],
    );
  const [general, secret] = [byName('town'), byName('vault')];
  for (const channel of [general, secret])
    await emulator.call('conversations.invite', token, { channel, users: BOT_USER });
  const opened = await emulator.call('conversations.open', token, { users: `${BOT_USER},${bob.id}` });
  return { general, secret, trio: asText(asJson(opened['channel'])['id']) };
}

/** Text of a message as its reader sees it. */
export function textOf(message: Json): string {
  const blocks = asList(message['blocks']).map(asJson);
  const shown = blocks.filter((block) => block['type'] !== 'actions').map(blockText);
  if (shown.length > 0) return shown.join('\n');
  return asText(message['text']).replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
}

function blockText(block: Json): string {
  if (block['type'] === 'table')
    return asList(block['rows'])
      .map((row) =>
        asList(row)
          .map((cell) => blockText(asJson(cell)))
          .join(' | '),
      )
      .join('\n');
  return asList(block['elements'])
    .map((element) => elementText(asJson(element)))
    .join('');
}

function elementText(element: Json): string {
  if (element['type'] === 'text') return asText(element['text']);
  if (element['type'] === 'link') return asText(element['text'] ?? element['url']);
  const inner = asList(element['elements']).map((one) => elementText(asJson(one)));
  return element['type'] === 'rich_text_list' ? inner.map((line) => `${line}\n`).join('') : inner.join('');
}

/** Whether a reader sees anything of it formatted. */
export function isFormatted(message: Json): boolean {
  const text = JSON.stringify(message['blocks'] ?? []);
  return /"style":|"rich_text_(?:list|quote|preformatted)"|"type":"(?:link|table)"/.test(text);
}
