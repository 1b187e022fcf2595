// What Slack sends to an app: bodies of the Events API, presses, slash commands; shapes as documented on docs.slack.dev, read 2026-11-21.
import { randomUUID } from 'node:crypto';
import { APP_ID, BOT_ID, BOT_USER, TEAM_ID } from './emulator.ts';
import { asJson, asText, type Json } from './json.ts';

export interface ChannelInfo {
  id: string;
  type: 'im' | 'mpim' | 'channel' | 'group';
}

/** A message as Slack shows it: with what marks the app's own, and without metadata unless asked for. */
export function dressMessage(message: Json, parentUser?: string): Json {
  const { metadata: _, client_msg_id: __, ...rest } = message;
  const isOurs = rest['user'] === BOT_USER;
  const root = asText(rest['thread_ts']);
  return {
    ...rest,
    team: TEAM_ID,
    ...(isOurs && {
      bot_id: BOT_ID,
      app_id: APP_ID,
      bot_profile: { id: BOT_ID, app_id: APP_ID, name: 'Herald', deleted: false, team_id: TEAM_ID },
    }),
    ...(root !== '' && root !== rest['ts'] && parentUser !== undefined && { parent_user_id: parentUser }),
  };
}

const TYPES: Readonly<Record<string, string>> = {
  mp3: 'audio/mpeg',
  ogg: 'audio/ogg',
  m4a: 'audio/mp4',
  mp4: 'video/mp4',
  webm: 'audio/webm',
  webp: 'image/webp',
};

/** Slack knows more kinds of files than the workspace behind. */
export function dressFile(file: Json): Json {
  const type = TYPES[asText(file['name']).split('.').at(-1) ?? ''];
  return type === undefined ? file : { ...file, mimetype: type };
}

export function eventBody(event: Json): Json {
  return {
    token: 'verification-token-of-old',
    team_id: TEAM_ID,
    api_app_id: APP_ID,
    type: 'event_callback',
    event_id: `Ev${randomUUID().replaceAll('-', '').slice(0, 10).toUpperCase()}`,
    event_time: Math.floor(Date.now() / 1_000),
    authorizations: [{ enterprise_id: null, team_id: TEAM_ID, user_id: BOT_USER, is_bot: true }],
    is_ext_shared_channel: false,
    event_context: '4-abc',
    event,
  };
}

export function messageEvent(message: Json, channel: ChannelInfo): Json {
  return { ...message, type: 'message', channel: channel.id, channel_type: channel.type, event_ts: message['ts'] };
}

/** Comes beside the message event when the app is named in a channel; it has no channel_type. */
export function mentionEvent(message: Json, channel: ChannelInfo): Json {
  return { ...message, type: 'app_mention', channel: channel.id, event_ts: message['ts'] };
}

export function changeEvent(change: {
  subtype: 'message_changed' | 'message_deleted';
  ts: string;
  message?: Json;
  previous: Json;
  channel: ChannelInfo;
}): Json {
  const { subtype, ts, message, previous, channel } = change;
  return {
    type: 'message',
    subtype,
    hidden: true,
    channel: channel.id,
    channel_type: channel.type,
    ts,
    event_ts: ts,
    previous_message: previous,
    ...(message ? { message } : { deleted_ts: previous['ts'] }),
  };
}

export function pressBody(press: { user: string; channel: string; message: Json; action: Json; at: string }): Json {
  const { user, channel, message, action, at } = press;
  const thread = message['thread_ts'];
  return {
    type: 'block_actions',
    user: { id: user, username: 'ada', name: 'ada', team_id: TEAM_ID },
    api_app_id: APP_ID,
    token: 'verification-token-of-old',
    container: {
      type: 'message',
      message_ts: message['ts'],
      channel_id: channel,
      is_ephemeral: false,
      ...(thread !== undefined && { thread_ts: thread }),
    },
    trigger_id: `1.1.${randomUUID()}`,
    team: { id: TEAM_ID, domain: 'emulate' },
    channel: { id: channel, name: channel.startsWith('D') ? 'directmessage' : 'general' },
    message,
    state: { values: {} },
    response_url: 'https://hooks.slack.com/actions/T1/1/x',
    actions: [{ ...action, type: 'button', block_id: 'b1', text: asJson(action['text']), action_ts: at }],
  };
}

export function slashBody(slash: {
  command: string;
  text: string;
  user: string;
  userName: string;
  channel: string;
}): Record<string, string> {
  return {
    token: 'verification-token-of-old',
    team_id: TEAM_ID,
    team_domain: 'emulate',
    channel_id: slash.channel,
    channel_name: slash.channel.startsWith('D') ? 'directmessage' : 'general',
    user_id: slash.user,
    user_name: slash.userName,
    command: slash.command,
    text: slash.text,
    api_app_id: APP_ID,
    is_enterprise_install: 'false',
    response_url: 'https://hooks.slack.com/commands/T1/1/x',
    trigger_id: `2.2.${randomUUID()}`,
  };
}
