// Hands the messages of webhook requests to the core, one after the other in the order of their arrival: stored first, answered then.
import type { AdapterHost } from '../../contract.ts';
import type { Clock } from '../../../shared/clock.ts';
import type { AccountId } from '../../../shared/ids.ts';
import type { Gaps } from '../gaps.ts';
import { dmOf, type Identities } from '../identity.ts';
import type { RecentMessages } from '../recent.ts';
import { digitsOf } from '../settings.ts';
import { problemOf } from './errors.ts';
import { makeInbound, readSender, reasonToIgnore } from './inbound.ts';
import {
  changeSchema,
  contactSchema,
  messageSchema,
  statusSchema,
  webhookSchema,
  type CloudChange,
  type CloudContact,
} from './webhook-schema.ts';

export interface Receiver {
  /** Resolves when all messages of the request are stored or of no use; rejects when one could not be stored. */
  take(body: unknown): Promise<void>;
}

export interface ReceiverDeps {
  host: AdapterHost;
  account: AccountId;
  clock: Clock;
  phoneNumberId: string;
  identities: Identities;
  recent: RecentMessages;
  gaps: Gaps;
  /** Called with each message that was stored. */
  onStored(id: string): void;
}

export function makeReceiver(deps: ReceiverDeps): Receiver {
  const { host, clock } = deps;
  let last: Promise<unknown> = Promise.resolve();

  async function takeMessage(raw: unknown, own: string, contacts: readonly CloudContact[]): Promise<void> {
    const parsed = messageSchema.safeParse(raw);
    if (!parsed.success) {
      const paths = parsed.error.issues.slice(0, 5).map((issue) => issue.path.join('.') || 'message');
      host.log.warn({ reason: `unexpected ${[...new Set(paths)].join(', ')}` }, 'message could not be read');
      return;
    }
    const message = parsed.data;
    const sender = readSender(message, contacts);
    const reason = sender ? reasonToIgnore(message, own) : 'no sender';
    if (!sender || reason !== undefined) {
      host.log.debug({ reason }, 'message ignored');
      return;
    }
    const user = await deps.identities.resolve(sender.address, true);
    const chat = dmOf(user);
    const sentAt = Number(message.timestamp) * 1_000;
    if (sentAt < clock.now() - host.backfill.maxAgeMs) {
      deps.gaps.add({ id: chat, kind: 'dm' }, sentAt);
      return;
    }
    const quoted = message.context?.id === undefined ? undefined : deps.recent.find(chat, message.context.id);
    const inbound = makeInbound(message, sender, { account: deps.account, sender: user, chat, own, quoted });
    await host.receive(inbound);
    if (inbound.kind !== 'message') return;
    const text = inbound.text === '' ? `[${inbound.attachments[0]?.kind ?? 'file'}]` : inbound.text;
    await deps.recent
      .add({ id: message.id, chat, author: user, text, name: sender.name, at: clock.now() })
      .catch(() => host.log.warn({}, 'a message could not be kept for quoting'));
    deps.onStored(message.id);
  }

  function takeStatus(raw: unknown): void {
    const parsed = statusSchema.safeParse(raw);
    if (!parsed.success || parsed.data.status !== 'failed') return;
    const code = parsed.data.errors?.[0]?.code ?? -1;
    const { message } = problemOf(code, 400);
    // What was accepted can still be refused later; the reader sees nothing of it, so the owner is told.
    host.log.warn({ code }, `a message was not delivered: ${message}`);
    host.status('online', `A message was not delivered: ${message}`);
  }

  async function takeChange({ field, value }: CloudChange): Promise<void> {
    // An app can serve several numbers, all of which call one webhook.
    if (field !== 'messages' || value.metadata.phone_number_id !== deps.phoneNumberId) return;
    const own = digitsOf(value.metadata.display_phone_number ?? '');
    const contacts = (value.contacts ?? []).flatMap((raw) => {
      const parsed = contactSchema.safeParse(raw);
      return parsed.success ? [parsed.data] : [];
    });
    for (const raw of value.messages ?? []) await takeMessage(raw, own, contacts);
    for (const raw of value.statuses ?? []) takeStatus(raw);
  }

  async function takeAll(body: unknown): Promise<void> {
    const parsed = webhookSchema.safeParse(body);
    if (!parsed.success) {
      host.log.warn({}, 'webhook request could not be read');
      return;
    }
    for (const raw of parsed.data.entry.flatMap(({ changes }) => changes)) {
      const change = changeSchema.safeParse(raw);
      if (change.success) await takeChange(change.data);
      else host.log.debug({}, 'webhook change ignored');
    }
  }

  return {
    take(body) {
      const next = last.then(() => takeAll(body));
      last = next.catch(() => undefined);
      return next;
    },
  };
}
