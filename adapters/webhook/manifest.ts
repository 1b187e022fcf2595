// A generic webhook: any program can be a chat. It posts signed messages to us, and gets signed answers at an address of its own.
import { z } from 'zod';
import { defineManifest, type AccountCheck } from '../contract.ts';
import { secretBytes } from '../../shared/webhook-signature.ts';

export const webhookSettings = z.strictObject({
  secret: z
    .string()
    .trim()
    .refine((text) => secretBytes(text) !== undefined, 'must be whsec_ and base64, or plain text, of at least 24 bytes')
    .describe('Signs both ways, as Standard Webhooks has it. Environment: WEBHOOK_SECRET.'),
  url: z
    .url({ protocol: /^https?$/ })
    .describe('Where answers are posted to. Plain http is for this machine and networks that you trust.'),
  max_file_mb: z
    .number()
    .positive()
    .max(100)
    .default(10)
    .describe('Largest file that goes with an answer, in MB (1024 * 1024 bytes). Default 10.'),
});

export type WebhookSettings = z.output<typeof webhookSettings>;

export const webhookManifest = defineManifest<WebhookSettings>({
  id: 'webhook',
  title: 'Webhook',
  secrets: [{ key: 'secret', env: 'WEBHOOK_SECRET', required: true }],
  settings: webhookSettings,
  builtin: false,
  load: async () => (await import('./adapter.ts')).makeWebhookAdapter,
  verify: async ({ settings, fetch }, signal): Promise<AccountCheck> => {
    try {
      // Only whether somebody is there: what is not signed must not be taken, whatever it says.
      const answer = await fetch(settings.url, { method: 'HEAD', redirect: 'manual', signal });
      await answer.body?.cancel();
      return { ok: true, name: new URL(settings.url).host };
    } catch {
      const message = `Nobody answers at ${new URL(settings.url).origin}. Check the address, and that the program runs.`;
      return { ok: false, reason: 'unreachable', message };
    }
  },
  login: async () => (await import('./login.ts')).loginWebhook,
});
