// Home Assistant, through its WebSocket.
import { defineManifest } from '../contract.ts';
import { EVENTS_USER } from './addresses.ts';
import { homeAssistantSettings, type HomeAssistantSettings } from './settings.ts';

export const homeAssistantManifest = defineManifest<HomeAssistantSettings>({
  id: 'homeassistant',
  title: 'Home Assistant',
  secrets: [{ key: 'token', env: 'HASS_TOKEN', required: true }],
  settings: homeAssistantSettings,
  builtin: false,
  // Only what the owner chose to watch is sent by it, and its text is foreign.
  ownerUser: EVENTS_USER,
  load: async () => (await import('./adapter.ts')).makeHomeAssistantAdapter,
  verify: async ({ settings, fetch }, signal) => {
    const { checkHome } = await import('./setup/verify.ts');
    return checkHome(settings, { fetch, signal, needsAdmin: settings.conversation });
  },
  login: async () => (await import('./setup/login.ts')).login,
});
