// The one list of platforms. A manifest loads no SDK, so listing them all costs nothing.
import type { AdapterManifest } from './contract.ts';
import { homeAssistantManifest } from './homeassistant/manifest.ts';
import { telegramManifest } from './telegram/manifest.ts';
import { terminalManifest } from './terminal/manifest.ts';
import { webManifest } from './web/manifest.ts';

export const manifests: readonly AdapterManifest[] = [
  webManifest,
  terminalManifest,
  telegramManifest,
  homeAssistantManifest,
];
