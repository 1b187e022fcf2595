// The Slack app as its manifest describes it: what a person pastes at api.slack.com/apps → "Create New App" → "From a manifest".
// https://docs.slack.dev/reference/app-manifest, read 2026-11-21.
import { MAIN_COMMAND } from './inbound/interactions.ts';

/** Scopes without which there is no conversation at all. */
export const NEEDED_SCOPES = ['chat:write', 'im:history', 'im:read', 'im:write'] as const;

/** Scopes for the rest: channels, files, names, reactions, slash commands. */
const OTHER_SCOPES = [
  'app_mentions:read',
  'channels:history',
  'channels:read',
  'commands',
  'files:read',
  'files:write',
  'groups:history',
  'groups:read',
  // To find our own messages by the key that they carry.
  'metadata.message:read',
  'mpim:history',
  'mpim:read',
  'reactions:read',
  'reactions:write',
  'users:read',
] as const;

export const ALL_SCOPES: readonly string[] = [...NEEDED_SCOPES, ...OTHER_SCOPES].toSorted();

const EVENTS = [
  'app_mention',
  'app_uninstalled',
  'message.channels',
  'message.groups',
  'message.im',
  'message.mpim',
  'tokens_revoked',
] as const;

/** Commands with an entry of their own in Slack's menu; all others are typed after the main one. */
const MENU: readonly (readonly [name: string, description: string])[] = [
  ['new', 'Start a new conversation'],
  ['stop', 'Stop what is running'],
  ['status', 'Show what is going on'],
  ['model', 'Show or change the model'],
  ['sessions', 'List earlier conversations'],
  ['help', 'Show all commands'],
];

/** `requestUrl`: where Slack calls the gateway; without it the app uses Socket Mode. */
export function makeAppManifest(requestUrl?: string): string {
  const isSocket = requestUrl === undefined;
  const url = isSocket ? {} : { url: requestUrl };
  const called = isSocket ? {} : { request_url: requestUrl };
  const command = (name: string, description: string, hint: string) => ({
    command: name,
    description,
    usage_hint: hint,
    // Mentions then arrive with ids, not as names that several people may have.
    should_escape: true,
    ...url,
  });
  const manifest = {
    display_information: { name: 'Herald', description: 'Your own agent, in the chats you already use' },
    features: {
      app_home: { home_tab_enabled: false, messages_tab_enabled: true, messages_tab_read_only_enabled: false },
      bot_user: { display_name: 'Herald', always_online: true },
      slash_commands: [
        command(MAIN_COMMAND, 'Ask Herald, or give a command', '[command or question]'),
        ...MENU.map(([name, description]) => command(`${MAIN_COMMAND}-${name}`, description, '[arguments]')),
      ],
    },
    oauth_config: { scopes: { bot: ALL_SCOPES } },
    settings: {
      event_subscriptions: { ...called, bot_events: EVENTS },
      interactivity: { is_enabled: true, ...called },
      org_deploy_enabled: false,
      socket_mode_enabled: isSocket,
      token_rotation_enabled: false,
    },
  };
  return JSON.stringify(manifest, null, 2);
}
