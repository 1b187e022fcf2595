// Setting a webhook up: an address of theirs, a secret of ours, and what their program has to do.
import { randomBytes } from 'node:crypto';
import type { LoginIo, LoginResult } from '../login.ts';

export async function loginWebhook(io: LoginIo): Promise<LoginResult> {
  const url = await io.ask({
    key: 'url',
    label: 'Address to which answers are posted',
    hint: 'Of your program, such as http://127.0.0.1:9000/herald.',
    initial: typeof io.current?.['url'] === 'string' ? io.current['url'] : undefined,
    check: (text) => (/^https?:\/\/[^\s/]/.test(text) && URL.canParse(text) ? undefined : 'A web address, please.'),
  });
  const secret = `whsec_${randomBytes(32).toString('base64')}`;
  io.show({
    kind: 'text',
    text: [
      `secret: ${secret}`,
      'post messages to: <this gateway>/webhook/default/messages',
      'body: {"id": "unique", "user": "ann", "name": "Ann", "text": "hello"}',
      'headers: webhook-id, webhook-timestamp, webhook-signature (https://www.standardwebhooks.com)',
    ].join('\n'),
    caption: 'For your program. The secret is kept in .env and not shown again.',
  });
  return { name: new URL(url).host, settings: { url }, secrets: { secret } };
}
