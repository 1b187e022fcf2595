// One person in the chats of many platforms at once, each on a loopback server that keeps the platform's protocol.
import { whyNoMailServer } from '../support/mail/server.ts';
import type { OpenChat, PersonsChat } from './chat.ts';
import { discord } from './chats/discord.ts';
import { email } from './chats/email.ts';
import { homeassistant } from './chats/homeassistant.ts';
import { httpApi } from './chats/http-api.ts';
import { irc } from './chats/irc.ts';
import { matrix } from './chats/matrix.ts';
import { mattermost } from './chats/mattermost.ts';
import { signal } from './chats/signal.ts';
import { slack } from './chats/slack.ts';
import { sms } from './chats/sms.ts';
import { terminal } from './chats/terminal.ts';
import { telegram } from './chats/telegram.ts';
import { web } from './chats/web.ts';
import { webhook } from './chats/webhook.ts';
import { whatsapp } from './chats/whatsapp.ts';

/** Why the person has no mail here; undefined when they have. */
export const MAIL_MISSING = whyNoMailServer();

const platforms: readonly OpenChat[] = [
  web,
  terminal,
  telegram,
  discord,
  slack,
  mattermost,
  whatsapp,
  signal,
  sms,
  ...(MAIL_MISSING === undefined ? [email] : []),
  homeassistant,
  irc,
  matrix,
  webhook,
  httpApi,
];

/** Opens them all; what was opened is closed again when one of them fails. */
export async function openChats(gatewayUrl: string): Promise<readonly PersonsChat[]> {
  const opened: PersonsChat[] = [];
  try {
    for (const open of platforms) opened.push(await open(gatewayUrl));
    return opened;
  } catch (error) {
    await Promise.all(opened.map((chat) => chat.close()));
    throw error;
  }
}
