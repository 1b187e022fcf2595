// IRC, on any server.
import { defineManifest } from '../contract.ts';
import { ircSettings, type IrcSettings } from './settings.ts';

export const ircManifest = defineManifest<IrcSettings>({
  id: 'irc',
  title: 'IRC',
  secrets: [{ key: 'password', env: 'IRC_PASSWORD', required: false }],
  settings: ircSettings,
  builtin: false,
  load: async () => (await import('./adapter.ts')).makeIrcAdapter,
  verify: async ({ settings }, signal) => (await import('./setup/verify.ts')).checkServer(settings, signal),
  login: async () => (await import('./setup/login.ts')).login,
});
