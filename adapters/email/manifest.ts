// A mailbox, through IMAP and SMTP.
import { defineManifest } from '../contract.ts';
import { emailSettings, type EmailSettings } from './settings.ts';

export const emailManifest = defineManifest<EmailSettings>({
  id: 'email',
  title: 'Email',
  secrets: [{ key: 'password', env: 'EMAIL_PASSWORD', required: true }],
  settings: emailSettings,
  builtin: false,
  accountOf: (settings) => settings.address,
  load: async () => {
    const { makeEmailAdapter } = await import('./adapter.ts');
    return (input) => makeEmailAdapter(input);
  },
  // Both log in for real, so they need the mail libraries; nothing of those is loaded before.
  verify: async (input, signal) => (await import('./setup/check.ts')).checkAccount(input.settings, signal),
  login: async () => (await import('./setup/login.ts')).logIn,
});
