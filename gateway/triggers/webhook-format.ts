// Who signed a webhook's post, which event it tells of, and what makes it unique. Facts:
// https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries, https://docs.gitlab.com/user/project/integrations/webhooks/
// and Standard Webhooks (shared/webhook-signature.ts), read 2026-11-21.
import { createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { isSameSecret, sha256Hex } from '../../shared/digest.ts';
import { secretBytes, verifySigned } from '../../shared/webhook-signature.ts';
import { parseJson } from './template.ts';

const eventSchema = z.looseObject({ type: z.string().max(200) });

export const WEBHOOK_FORMATS = ['github', 'gitlab', 'standard'] as const;
export type WebhookFormat = (typeof WEBHOOK_FORMATS)[number];

export interface WebhookPost {
  headers: Headers;
  body: string;
  /** ms since the epoch. */
  now: number;
}

export type WebhookVerdict =
  | {
      ok: true;
      /** The sender's name for this delivery: the same when it is sent again. */
      delivery: string;
      /** '' where the format has no such thing. */
      event: string;
    }
  | { ok: false; message: string };

export function verifyWebhook(format: WebhookFormat, secret: string, post: WebhookPost): WebhookVerdict {
  switch (format) {
    case 'github':
      return verifyGithub(secret, post);
    case 'gitlab':
      return verifyGitlab(secret, post);
    case 'standard': {
      const verdict = verifySigned(secretBytes(secret) ?? Buffer.alloc(0), post.headers, post);
      return verdict.ok ? { ok: true, delivery: verdict.id, event: typeOf(post.body) } : verdict;
    }
  }
}

function verifyGithub(secret: string, { headers, body }: WebhookPost): WebhookVerdict {
  const given = /^sha256=([0-9a-f]{64})$/.exec(headers.get('x-hub-signature-256') ?? '')?.[1];
  if (given === undefined) return refused('The header X-Hub-Signature-256 is missing or malformed: set a secret.');
  const expected = createHmac('sha256', secret).update(body).digest();
  if (!timingSafeEqual(Buffer.from(given, 'hex'), expected)) return refused(NO_MATCH);
  return {
    ok: true,
    delivery: headers.get('x-github-delivery') || digestOf(body),
    event: headers.get('x-github-event') ?? '',
  };
}

/** GitLab sends the secret itself, or signs as Standard Webhooks do where it has a signing token. */
function verifyGitlab(secret: string, post: WebhookPost): WebhookVerdict {
  const { headers, body } = post;
  const event = (headers.get('x-gitlab-event') ?? '').replace(/ Hook$/, '').toLowerCase();
  if (headers.has('webhook-signature')) {
    const signed = verifySigned(secretBytes(secret) ?? Buffer.alloc(0), headers, post);
    return signed.ok ? { ok: true, delivery: signed.id, event } : signed;
  }
  const given = headers.get('x-gitlab-token');
  if (given === null) return refused('The header X-Gitlab-Token is missing: set the secret token.');
  if (!isSameSecret(given, secret)) return refused(NO_MATCH);
  const delivery = headers.get('idempotency-key') ?? headers.get('x-gitlab-event-uuid');
  return { ok: true, delivery: delivery || digestOf(body), event };
}

const NO_MATCH = 'It was not signed with the secret of this webhook.';

function refused(message: string): WebhookVerdict {
  return { ok: false, message };
}

/** Standard Webhooks name the event in the body. */
function typeOf(body: string): string {
  const parsed = eventSchema.safeParse(parseJson(body));
  return parsed.data?.type ?? '';
}

function digestOf(body: string): string {
  return sha256Hex(body, 40);
}
