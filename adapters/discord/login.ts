// Walks a person from nothing to a bot that is invited: what to create in the developer portal, which switch to set, the token checked by
// a real call, the link that invites it.
import { systemClock } from '../../shared/clock.ts';
import { withDeadline } from '../../shared/deadline.ts';
import type { LoginIo, LoginResult } from '../login.ts';
import { askIdentity, type Identity } from './identity.ts';
import { DEFAULT_API_ROOT, discordSettings } from './settings.ts';

const PORTAL = 'https://discord.com/developers/applications';
const CHECK_TIMEOUT_MS = 20_000;

/** https://docs.discord.com/developers/topics/permissions#permissions-bitwise-permission-flags, read 2026-11-21. */
const PERMISSIONS: readonly bigint[] = [
  1n << 6n, // ADD_REACTIONS
  1n << 10n, // VIEW_CHANNEL
  1n << 11n, // SEND_MESSAGES
  1n << 14n, // EMBED_LINKS
  1n << 15n, // ATTACH_FILES
  1n << 16n, // READ_MESSAGE_HISTORY: without it nothing that was missed can be fetched
  1n << 38n, // SEND_MESSAGES_IN_THREADS
  1n << 46n, // SEND_VOICE_MESSAGES
];

/** Rejects with AppError `cancelled` when the person breaks off. */
export async function logIn(io: LoginIo): Promise<LoginResult> {
  io.show({
    kind: 'url',
    url: PORTAL,
    caption:
      'Create the bot: New Application, give it a name. Then under Bot: Reset Token, and copy it; and under Privileged Gateway Intents switch on "Message Content Intent" and save.',
  });
  const { token, identity } = await askToken(io);
  await askIntent(io, token, identity);
  io.show({
    kind: 'url',
    url: inviteUrl(identity.application),
    caption:
      'Invite the bot to a server of yours. After that, everyone who shares a server with it can also write to it directly.',
  });
  return { name: identity.username, settings: {}, secrets: { token } };
}

async function askToken(io: LoginIo): Promise<{ token: string; identity: Identity }> {
  for (;;) {
    const answer = await io.ask({
      key: 'token',
      label: 'Bot token',
      hint: `${PORTAL}, your application, Bot, Reset Token. It is shown once.`,
      secret: true,
      check: (text) => readToken(text).problem,
    });
    const { token } = readToken(answer);
    const result = await check(io, token);
    if (result.ok) {
      io.say(`This is the token of ${result.identity.username}.`);
      return { token, identity: result.identity };
    }
    io.say(
      result.reason === 'auth'
        ? 'Discord does not know this token. Reset it in the developer portal and copy the new one.'
        : `Discord could not be asked (${result.why}). Check the network and give the token again.`,
    );
  }
}

async function askIntent(io: LoginIo, token: string, identity: Identity): Promise<void> {
  for (let known = identity; !known.readsMessages;) {
    io.show({
      kind: 'url',
      url: `${PORTAL}/${known.application}/bot`,
      caption: 'The bot may not read messages yet: switch on "Message Content Intent" here, and save.',
    });
    const next = await io.choose({
      key: 'intent',
      label: 'Message Content Intent',
      options: [
        { value: 'check', label: 'It is on, look again' },
        { value: 'later', label: 'Go on without it', hint: 'The bot connects only once it is on.' },
      ],
    });
    if (next === 'later') return;
    const again = await check(io, token);
    if (again.ok) known = again.identity;
    else io.say(`Discord could not be asked (${again.why}).`);
  }
}

function check(io: LoginIo, token: string) {
  return withDeadline({ clock: systemClock, timeoutMs: CHECK_TIMEOUT_MS, parent: io.signal }, (signal) =>
    askIdentity({ token, apiRoot: DEFAULT_API_ROOT, fetch: io.fetch, signal }),
  );
}

function readToken(text: string): { token: string; problem: string | undefined } {
  const parsed = discordSettings.shape.token.safeParse(text);
  return parsed.success
    ? { token: parsed.data, problem: undefined }
    : { token: text, problem: `The token ${parsed.error.issues[0]?.message ?? 'is not one'}.` };
}

function inviteUrl(application: string): string {
  const permissions = PERMISSIONS.reduce((sum, flag) => sum | flag, 0n);
  const query = new URLSearchParams({
    client_id: application,
    scope: 'bot applications.commands',
    permissions: String(permissions),
  });
  return `https://discord.com/oauth2/authorize?${query.toString()}`;
}
