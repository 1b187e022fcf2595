// One person in the chats of many platforms at once, each on a loopback server that keeps the platform's protocol.
import type { GatewayProcess } from '../support/gateway-process.ts';
import { whyNoMailServer } from '../support/mail/server.ts';
import { discord } from './chats/discord.ts';
import { homeassistant } from './chats/homeassistant.ts';
import { email } from './chats/email.ts';
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

export interface PersonsChat {
  platform: string;
  /** Its section in config.yaml. */
  settings: Record<string, unknown>;
  /** Lines of .env. */
  secrets: readonly string[];
  say(text: string): Promise<void> | void;
  /** What Herald said there, oldest first, each message once, as it stands now. */
  told(): Promise<readonly string[]> | readonly string[];
  /** True where a message that nobody takes at once is gone: there people write when somebody listens. */
  keepsNothing?: boolean;
  /** True where whoever can write is the owner, so that nothing is to be approved. */
  isOwners?: boolean;
  /** Told where the gateway serves, once it does. */
  gatewayAt?(gateway: Pick<GatewayProcess, 'url' | 'socket'>): void;
  close(): Promise<void>;
}

/** `gatewayUrl`: where the gateway will serve. */
export type OpenChat = (gatewayUrl: string) => Promise<PersonsChat>;

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
