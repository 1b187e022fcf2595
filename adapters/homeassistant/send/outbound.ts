// Sends and edits: a notification in Home Assistant or on a phone, and the event herald_answer for scripts that show answers themselves.
import { z } from 'zod';
import type { Address } from '../../../shared/messages.ts';
import type { MessageId } from '../../../shared/ids.ts';
import type { Clock } from '../../../shared/clock.ts';
import type { Redactor } from '../../../shared/redact.ts';
import { plainText } from '../../markdown.ts';
import { measureText } from '../../../shared/text.ts';
import type { OutboundMessage, SendResult } from '../../contract.ts';
import { notificationId, readParty, writeAction, type Party } from '../addresses.ts';
import { MAX_ACTIONS, MOBILE_MAX_BYTES, type Target } from '../capabilities.ts';
import { UnsendableError } from '../../transport/failures.ts';
import { CommandError, explainFailure } from '../errors.ts';
import type { Calls } from '../connection/calls.ts';
import type { Link } from '../connection/link.ts';
import type { Exchanges } from '../receive/exchanges.ts';
import type { Names } from '../receive/names.ts';
import type { HomeAssistantSettings } from '../settings.ts';
import { disarmTemplates, renderMarkdown, renderPlain } from './render.ts';

export const ANSWER_EVENT = 'herald_answer';
const TITLE = 'Herald';
/** Room for what a reply button and buttons told as text add to a text of the largest size. */
const MOBILE_SPARE_BYTES = 1_000;

export interface OutboundDeps {
  settings: HomeAssistantSettings;
  link: Pick<Link, 'call'>;
  calls: Calls;
  exchanges: Exchanges;
  names: Names;
  redactor: Redactor;
  clock: Clock;
}

export interface Route {
  target: Target;
  /** Notify actions that are called, such as `notify.mobile_app_phone`. */
  services: readonly string[];
}

/** Where messages for a chat are shown. Undefined for what is no chat of ours. */
export function routeOf(settings: HomeAssistantSettings, chat: string): Route | undefined {
  const party = readParty(chat);
  if (!party) return undefined;
  if (party.kind === 'device') return { target: 'event', services: [] };
  const { notify } = settings;
  const services = notify[party.kind === 'user' ? party.id : 'events'] ?? notify['default'] ?? [];
  if (services.length === 0) return { target: 'persistent', services };
  const isMobile = services.every((service) => service.startsWith('notify.mobile_app_'));
  return { target: isMobile ? 'mobile' : 'notify', services };
}

/** Never rejects. */
export async function sendMessage(
  deps: OutboundDeps,
  to: Address,
  message: OutboundMessage,
  signal: AbortSignal,
): Promise<SendResult> {
  const id = notificationId(message.key);
  let isBegun = false;
  try {
    const { route, party } = expectRoute(deps, to);
    expectContent(message);
    const exchange = await deps.exchanges.get(to.chat, deps.clock.now());
    if (!exchange?.isQuiet || !deps.settings.conversation)
      for (const notify of makeNotifications(deps, route, party, message)) {
        await notify(signal);
        isBegun = true;
      }
    await fireAnswer(deps, { to, route, party, message, conversation: exchange?.conversation }, signal);
    return { ok: true, ids: [id] };
  } catch (error) {
    const failure = explainFailure(error, deps.redactor);
    // Some of it is out: to say 'no' would be wrong.
    return isBegun ? { ...failure, reached: 'maybe' } : failure;
  }
}

/** Replaces a notification of Home Assistant's own. Never rejects. */
export async function editMessage(
  deps: OutboundDeps,
  { to, id, message }: { to: Address; id: MessageId; message: OutboundMessage },
  signal: AbortSignal,
): Promise<SendResult> {
  try {
    const { route, party } = expectRoute(deps, to);
    expectContent(message);
    if (route.target !== 'persistent') throw new UnsendableError('unsupported', 'This notification cannot be changed.');
    const shown = await deps.link.call({ type: 'persistent_notification/get' }, notificationsSchema, signal);
    if (!shown.some((one) => one.notification_id === id))
      throw new UnsendableError('not_found', 'The notification is gone.');
    await createNotification(deps, { id, party, message }, signal);
    const exchange = await deps.exchanges.get(to.chat, deps.clock.now());
    await fireAnswer(deps, { to, route, party, message, conversation: exchange?.conversation }, signal);
    return { ok: true, ids: [id] };
  } catch (error) {
    return explainFailure(error, deps.redactor);
  }
}

const notificationsSchema = z.array(z.looseObject({ notification_id: z.string() }));

function expectRoute(deps: OutboundDeps, to: Address): { route: Route; party: Party } {
  const route = routeOf(deps.settings, to.chat);
  const party = readParty(to.chat);
  if (!route || !party) throw new UnsendableError('not_found', 'There is no such chat in Home Assistant.');
  return { route, party };
}

function expectContent(message: OutboundMessage): void {
  if (plainText(message.body).trim() === '' && message.files.length === 0)
    throw new UnsendableError('bad_request', 'The message is empty.');
}

type Notify = (signal: AbortSignal) => Promise<unknown>;

function makeNotifications(
  deps: OutboundDeps,
  route: Route,
  party: Party,
  message: OutboundMessage,
): readonly Notify[] {
  switch (route.target) {
    case 'event':
      return [];
    case 'persistent':
      return [(signal) => createNotification(deps, { id: notificationId(message.key), party, message }, signal)];
    case 'mobile':
    case 'notify':
      return route.services.map((name) => {
        const service = name.slice('notify.'.length);
        const isMobile = service.startsWith('mobile_app_');
        const data = isMobile
          ? makeMobileData(message)
          : { title: TITLE, message: disarmTemplates(renderPlain(message, 0)) };
        return (signal) => deps.calls.service({ domain: 'notify', service, data }, signal);
      });
  }
}

function createNotification(
  deps: OutboundDeps,
  { id, party, message }: { id: MessageId; party: Party; message: OutboundMessage },
  signal: AbortSignal,
): Promise<unknown> {
  const name = party.kind === 'user' ? deps.names.of(party.id) : undefined;
  // All users of the home see it, so it says for whom it is.
  const shown = renderMarkdown(message, name === undefined ? TITLE : `${TITLE} for ${name}`);
  const data = { ...shown, notification_id: id };
  return deps.calls.service({ domain: 'persistent_notification', service: 'create', data }, signal);
}

/** https://companion.home-assistant.io/docs/notifications/notifications-basic and …/actionable-notifications, read 2026-11-21. */
function makeMobileData(message: OutboundMessage): Record<string, unknown> {
  const id = notificationId(message.key);
  const buttons = message.buttons.flat();
  const shown = buttons.slice(0, MAX_ACTIONS);
  const text = renderPlain(message, shown.length);
  if (measureText(text, 'utf8-byte') > MOBILE_MAX_BYTES + MOBILE_SPARE_BYTES)
    throw new UnsendableError('too_long', 'The text is too long for a notification.');
  const actions: Record<string, unknown>[] = shown.map(({ label, data }) => ({
    action: writeAction({ kind: 'press', message: id, data }),
    title: disarmTemplates(label),
  }));
  if (actions.length < MAX_ACTIONS)
    actions.push({ action: writeAction({ kind: 'reply', message: id }), title: 'Reply', behavior: 'textInput' });
  return {
    title: TITLE,
    message: disarmTemplates(text),
    data: {
      tag: id,
      group: 'herald',
      actions,
      ...(message.silent && { push: { 'interruption-level': 'passive' }, importance: 'low' }),
    },
  };
}

interface Answer {
  to: Address;
  route: Route;
  party: Party;
  message: OutboundMessage;
  conversation: string | undefined;
}

/**
 * For scripts that wait for the answer; needs an administrator, as everything of the conversation does. What is silent (the preview of an
 * answer in the making) is not the answer.
 */
async function fireAnswer(deps: OutboundDeps, answer: Answer, signal: AbortSignal): Promise<void> {
  const { to, route, party, message, conversation } = answer;
  if (!deps.settings.conversation) {
    if (route.target === 'event') throw new UnsendableError('unsupported', 'conversation is switched off.');
    return;
  }
  if (message.silent && route.target !== 'event') return;
  const data = {
    text: renderPlain(message, 0),
    key: message.key,
    chat: to.chat,
    ...(party.kind === 'user' && { user_id: party.id }),
    ...(party.kind === 'device' && { device_id: party.id }),
    ...(conversation !== undefined && { conversation_id: conversation }),
  };
  try {
    await deps.calls.fire(ANSWER_EVENT, data, signal);
  } catch (error) {
    // The notification is out, and who may not fire events was told so when the connection began.
    const isRefused = error instanceof CommandError && error.code === 'unauthorized';
    if (!isRefused || route.target === 'event') throw error;
  }
}
