// Buttons as reply buttons (up to three) or lists (up to ten rows each),
// https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/interactive-reply-buttons-messages and …/interactive-list-messages, read 2026-11-21.
import type { Button } from '../../../shared/messages.ts';
import { takePrefix } from '../../../shared/text.ts';

const MAX_BUTTONS = 3;
const MAX_BUTTON_CHARS = 20;
const MAX_BUTTON_BODY_CHARS = 1_024;
const MAX_ROWS = 10;
const MAX_ROW_CHARS = 24;
const MAX_ROW_DETAIL_CHARS = 72;
/** Body of a list message. */
const MAX_LIST_BODY_CHARS = 4_096;

export interface Interactive {
  /** What does not fit beside the buttons and goes before them. */
  before?: string | undefined;
  parts: readonly Record<string, unknown>[];
}

export function makeInteractive(text: string, buttons: readonly Button[]): Interactive {
  const fits = buttons.length <= MAX_BUTTONS && buttons.every(({ label }) => label.length <= MAX_BUTTON_CHARS);
  const max = fits ? MAX_BUTTON_BODY_CHARS : MAX_LIST_BODY_CHARS;
  const isLong = text.length > max;
  const body = isLong ? 'Please choose:' : text;
  if (fits) return { ...(isLong && { before: text }), parts: [replyButtons(body, buttons)] };
  const parts: Record<string, unknown>[] = [];
  for (let at = 0; at < buttons.length; at += MAX_ROWS)
    parts.push(list(at === 0 ? body : 'More choices:', buttons.slice(at, at + MAX_ROWS)));
  return { ...(isLong && { before: text }), parts };
}

function replyButtons(text: string, buttons: readonly Button[]): Record<string, unknown> {
  return {
    type: 'button',
    body: { text },
    action: { buttons: buttons.map(({ label, data }) => ({ type: 'reply', reply: { id: data, title: label } })) },
  };
}

function list(text: string, buttons: readonly Button[]): Record<string, unknown> {
  const rows = buttons.map(({ label, data }) => {
    if (label.length <= MAX_ROW_CHARS) return { id: data, title: label };
    const title = `${takePrefix(label, MAX_ROW_CHARS - 1, 'utf16')}…`;
    return { id: data, title, description: takePrefix(label, MAX_ROW_DETAIL_CHARS, 'utf16') };
  });
  return { type: 'list', body: { text }, action: { button: 'Choose', sections: [{ rows }] } };
}
