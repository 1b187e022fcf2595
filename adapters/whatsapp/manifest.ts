// WhatsApp: as a linked device (device), or through the official Cloud API (cloud).
import { defineManifest } from '../contract.ts';
import { whatsappSettings, type WhatsAppSettings } from './settings.ts';

export const whatsappManifest = defineManifest<WhatsAppSettings>({
  id: 'whatsapp',
  title: 'WhatsApp',
  // Of the Cloud API; a linked device keeps its keys itself.
  secrets: [
    { key: 'access_token', env: 'WHATSAPP_CLOUD_TOKEN', required: false },
    { key: 'app_secret', env: 'WHATSAPP_APP_SECRET', required: false },
    { key: 'verify_token', env: 'WHATSAPP_VERIFY_TOKEN', required: false },
  ],
  settings: whatsappSettings,
  builtin: false,
  load: async () => (await import('./adapter.ts')).makeWhatsAppAdapter,
  verify: async (input, signal) => (await import('./setup/verify.ts')).verify(input, signal),
  login: async () => (await import('./setup/login.ts')).login,
});
