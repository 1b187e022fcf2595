// What watched devices led to, as messages: foreign text that speaks for nobody. Pure.
import type { AccountId } from '../../../shared/ids.ts';
import { messageId } from '../../../shared/ids.ts';
import { preview } from '../../../shared/text.ts';
import { EVENTS_CHAT, EVENTS_USER } from '../addresses.ts';
import type { InboundMessage } from '../../contract.ts';
import { eventId, eventTime, type HomeEvent } from './event-schema.ts';
import type { Rule } from './rules.ts';
import type { HomeState } from './states.ts';

const MAX_VALUE_CHARS = 255;
const MAX_NAME_CHARS = 100;
const MAX_DATA_CHARS = 1_000;

export interface Change {
  rule: Rule;
  state: HomeState;
  /** Undefined: it was before we came. */
  before: string | undefined;
  after: string;
}

/** The same change has the same id, whichever rule tells it and however often Home Assistant is asked. */
export function makeChangeMessage(change: Change, account: AccountId): InboundMessage {
  const { rule, state } = change;
  const { attribute } = rule.watched;
  const at = attribute === undefined ? `${state.changedAt}` : `${attribute}/${state.updatedAt}`;
  return makeMessage(account, {
    id: `${state.entity}/${at}/${state.state.slice(0, 64)}`,
    sentAt: Math.round((attribute === undefined ? state.changedAt : state.updatedAt) * 1_000),
    text: describeChange(change),
  });
}

export function makeEventMessage(event: HomeEvent, at: { account: AccountId; now: number }): InboundMessage {
  const data = JSON.stringify(event.data);
  const text = data === '{}' ? '' : `: ${preview(data, MAX_DATA_CHARS)}`;
  return makeMessage(at.account, {
    id: eventId(event),
    sentAt: eventTime(event, at.now),
    text: `Event ${event.event_type}${text}`,
  });
}

/** Such as `binary_sensor.door changed from off to on (Front door)`. Begins with the entity, so it can never be read as a command. */
function describeChange({ rule, state, before, after }: Change): string {
  const { attribute, above, below } = rule.watched;
  const { unit_of_measurement: unit, friendly_name: name } = state.attributes;
  const subject = attribute === undefined ? state.entity : `${state.entity} (${attribute})`;
  const limits = [
    ...(above === undefined ? [] : [`above ${above}`]),
    ...(below === undefined ? [] : [`below ${below}`]),
  ].join(' and ');
  const measure = typeof unit === 'string' && attribute === undefined ? ` ${preview(unit, 20)}` : '';
  const to = `${preview(after, MAX_VALUE_CHARS)}${measure}`;
  const how = limits ? ` (${limits})` : '';
  const what = before === undefined ? `is now ${to}` : `changed from ${preview(before, MAX_VALUE_CHARS)} to ${to}`;
  const label = typeof name === 'string' && name !== '' ? ` (${preview(name, MAX_NAME_CHARS)})` : '';
  return `${subject} ${what}${how}${label}`;
}

function makeMessage(
  account: AccountId,
  { id, sentAt, text }: { id: string; sentAt: number; text: string },
): InboundMessage {
  return {
    kind: 'message',
    account,
    chat: EVENTS_CHAT,
    chatKind: 'dm',
    chatTitle: 'Home Assistant events',
    id: messageId(id),
    revision: '',
    sender: { id: EVENTS_USER, name: 'Home Assistant', bot: false },
    sentAt,
    text,
    attachments: [],
    addressed: true,
    foreign: true,
  };
}
