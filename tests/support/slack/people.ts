// People in the workspace, who act through their own clients, and what the app is told of it.
import { BOT_USER, type Emulator } from './emulator.ts';
import { asJson, asList, asText, type Json } from './json.ts';
import { channelInfo, nextTs, rawMessages, type World } from './methods.ts';
import { changeEvent, dressMessage, eventBody, mentionEvent, messageEvent, pressBody, slashBody } from './payloads.ts';
import type { EnvelopeType } from './socket-hub.ts';

export interface SaidFile {
  name: string;
  mime: string;
  bytes: Uint8Array;
  /** slack_audio: recorded in Slack. */
  subtype?: string | undefined;
}

export interface Said {
  thread?: string | undefined;
  file?: SaidFile | undefined;
  /** Text as Slack stores it, with its markup; else special characters are escaped, as a client does. */
  isRaw?: boolean | undefined;
  /** Attachments, such as a shared message. */
  attachments?: readonly Json[] | undefined;
  /** The app is not told: its connection is down, or Slack lost it. */
  isUntold?: boolean | undefined;
}

export interface Person {
  id: string;
  name: string;
  /** Resolves with the message's ts. */
  say(channel: string, text: string, said?: Said): Promise<string>;
  edit(channel: string, ts: string, text: string): Promise<void>;
  delete(channel: string, ts: string): Promise<void>;
  press(channel: string, ts: string, data: string): Promise<void>;
  slash(channel: string, command: string, text: string): void;
  /** The DM between this person and the app. */
  dm: string;
}

export interface PersonDeps {
  world: World;
  emulator: Emulator;
  /** How the app is told. */
  push(type: EnvelopeType, payload: unknown): void;
  /** Kinds of files that people recorded, by id. */
  subtypes: Map<string, string>;
}

export async function makePerson(deps: PersonDeps, name: string): Promise<Person> {
  const { emulator, world } = deps;
  const token = emulator.tokens[name] ?? '';
  const id = asText((await emulator.call('auth.test', token))['user_id']);
  const opened = await emulator.call('conversations.open', token, { users: BOT_USER });
  const dm = asText(asJson(opened['channel'])['id']);
  const tell = (event: Json) => deps.push('events_api', eventBody(event));

  async function find(channel: string, ts: string): Promise<Json> {
    const found = (await rawMessages(world, channel, token)).find((message) => message['ts'] === ts);
    if (!found) throw new Error(`there is no message ${ts} in ${channel}`);
    return found;
  }

  async function upload(channel: string, text: string, file: SaidFile, thread: string | undefined): Promise<Json> {
    const args = { filename: file.name, length: file.bytes.length };
    const ticket = await emulator.call('files.getUploadURLExternal', token, args);
    const url = asText(ticket['upload_url']).replace('localhost', '127.0.0.1');
    const body = Buffer.from(file.bytes);
    await fetch(url, { method: 'POST', body: new Uint8Array(body) });
    await emulator.call('files.completeUploadExternal', token, {
      files: [{ id: ticket['file_id'] }],
      channel_id: channel,
      initial_comment: text,
      ...(thread !== undefined && { thread_ts: thread }),
    });
    if (file.subtype !== undefined) deps.subtypes.set(asText(ticket['file_id']), file.subtype);
    const all = await rawMessages(world, channel, token);
    const made = all.findLast((one) => asList(one['files']).some((raw) => asJson(raw)['id'] === ticket['file_id']));
    if (!made) throw new Error('the upload made no message');
    return made;
  }

  async function parentOf(channel: string, thread: string | undefined): Promise<string | undefined> {
    if (thread === undefined) return undefined;
    const parent = await find(channel, thread).catch((): Json => ({}));
    return asText(parent['user']);
  }

  return {
    id,
    name,
    dm,
    async say(channel, text, said = {}) {
      const { thread, file, attachments, isRaw = false } = said;
      const stored = isRaw ? text : escape(text);
      const made = file
        ? await upload(channel, stored, file, thread)
        : asJson(
            (
              await emulator.call('chat.postMessage', token, {
                channel,
                text: stored,
                ...(thread !== undefined && { thread_ts: thread }),
                ...(attachments && { attachments }),
              })
            )['message'],
          );
      const message = withSubtypes(dressMessage(made, await parentOf(channel, thread)), deps.subtypes);
      if (said.isUntold) return asText(made['ts']);
      const info = await channelInfo(world, channel);
      tell(messageEvent(message, info));
      if (info.type !== 'im' && stored.includes(`<@${BOT_USER}>`)) tell(mentionEvent(message, info));
      return asText(made['ts']);
    },
    async edit(channel, ts, text) {
      const previous = await find(channel, ts);
      const answer = await emulator.call('chat.update', token, { channel, ts, text: escape(text) });
      const message = dressMessage(
        asJson(answer['message']),
        await parentOf(channel, asText(previous['thread_ts']) || undefined),
      );
      tell(
        changeEvent({
          subtype: 'message_changed',
          ts: nextTs(),
          message,
          previous: dressMessage(previous),
          channel: await channelInfo(world, channel),
        }),
      );
    },
    async delete(channel, ts) {
      const previous = dressMessage(await find(channel, ts));
      await emulator.call('chat.delete', token, { channel, ts });
      tell(
        changeEvent({ subtype: 'message_deleted', ts: nextTs(), previous, channel: await channelInfo(world, channel) }),
      );
    },
    async press(channel, ts, data) {
      const message = dressMessage(await find(channel, ts));
      const buttons = asList(message['blocks'])
        .map(asJson)
        .filter((block) => block['type'] === 'actions')
        .flatMap((block) => asList(block['elements']).map(asJson));
      const action = buttons.find((button) => button['value'] === data);
      if (!action) throw new Error(`there is no button for ${data}`);
      deps.push('interactive', pressBody({ user: id, channel, message, action, at: nextTs() }));
    },
    slash(channel, command, text) {
      deps.push('slash_commands', slashBody({ command, text, user: id, userName: name, channel }));
    },
  };
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function withSubtypes(message: Json, subtypes: ReadonlyMap<string, string>): Json {
  if (message['files'] === undefined) return message;
  const files = asList(message['files'])
    .map(asJson)
    .map((file) => {
      const subtype = subtypes.get(asText(file['id']));
      return subtype === undefined ? file : { ...file, subtype, duration_ms: 2_300 };
    });
  return { ...message, files };
}
