// The one list of platforms. A manifest loads no SDK, so listing them all costs nothing.
import { apiManifest } from './http-api/manifest.ts';
import type { AdapterManifest } from './contract.ts';
import { discordManifest } from './discord/manifest.ts';
import { emailManifest } from './email/manifest.ts';
import { homeAssistantManifest } from './homeassistant/manifest.ts';
import { ircManifest } from './irc/manifest.ts';
import { mattermostManifest } from './mattermost/manifest.ts';
import { matrixManifest } from './matrix/manifest.ts';
import { signalManifest } from './signal/manifest.ts';
import { slackManifest } from './slack/manifest.ts';
import { smsManifest } from './sms/manifest.ts';
import { telegramManifest } from './telegram/manifest.ts';
import { terminalManifest } from './terminal/manifest.ts';
import { webManifest } from './web/manifest.ts';
import { webhookManifest } from './webhook/manifest.ts';
import { whatsappManifest } from './whatsapp/manifest.ts';

export const manifests: readonly AdapterManifest[] = [
  webManifest,
  terminalManifest,
  apiManifest,
  telegramManifest,
  discordManifest,
  slackManifest,
  mattermostManifest,
  whatsappManifest,
  signalManifest,
  smsManifest,
  emailManifest,
  homeAssistantManifest,
  ircManifest,
  matrixManifest,
  webhookManifest,
];
