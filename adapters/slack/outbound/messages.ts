// Sends and edits as calls of the Web API.
import type { OutboundMessage, SendResult } from '../../contract.ts';
import { plainText, type Block } from '../../markdown.ts';
import { messageId, type MessageId } from '../../../shared/ids.ts';
import type { Address, Button } from '../../../shared/messages.ts';
import { takePrefix } from '../../../shared/text.ts';
import { MAX_TEXT_CHARS } from '../capabilities.ts';
import { partlySent, UnsendableError } from '../../transport/failures.ts';
import { errorCodeOf, explainFailure } from '../errors.ts';
import { expectFile } from '../../transport/files.ts';
import type { ActionsBlock, MessageBlock, RichTextBlock } from './blocks.ts';
import type { OutboundDeps } from './deps.ts';
import { fallbackText, wholeText } from './fallback-text.ts';
import { plainBlocks, renderBlocks, type RenderOptions } from './render.ts';
import { findShared, shareFiles } from './uploads.ts';

/** "alphanumeric" (https://docs.slack.dev/messaging/message-metadata). */
export const METADATA_TYPE = 'herald';
/** "Maximum length for the text in this field is 75 characters" (button element). */
const MAX_LABEL_CHARS = 75;
/** "Maximum length for this field is 2000 characters" (button's `value`). */
const MAX_VALUE_CHARS = 2_000;
/** "There is a maximum of 25 elements in each action block." */
const MAX_ROW_BUTTONS = 25;
/** "You can include up to 50 blocks in each message"; rows of buttons leave room for the text. */
const MAX_BUTTON_ROWS = 40;
/** A rate limit between the pieces of one message is waited for up to here, so that it need not stay half sent. */
const MAX_PIECE_WAIT_MS = 30_000;

/** Codes with which Slack refuses blocks that it may take in a simpler form. */
const REFUSED_BLOCKS = new Set(['invalid_blocks', 'invalid_blocks_format', 'invalid_attachments', 'block_mismatch']);

export async function sendMessage(
  deps: OutboundDeps,
  to: Address,
  message: OutboundMessage,
  signal: AbortSignal,
): Promise<SendResult> {
  const ids: MessageId[] = [];
  try {
    for (const file of message.files) await expectFile(file);
    const hasText = plainText(message.body).trim() !== '';
    const hasButtons = message.buttons.some((row) => row.length > 0);
    if (!hasText && message.files.length === 0) throw new UnsendableError('bad_request', 'The message is empty.');
    expectSize(message.body);
    // A message with files has no buttons, so that text with buttons follows as one of its own.
    const isComment = hasText && !hasButtons;
    if (message.files.length > 0) {
      const comment = isComment ? commentBlocks(message) : [];
      const isWhole = !hasText || comment.length > 0;
      const { key, files } = message;
      // Sent by an attempt whose answer got lost: known by the key.
      const shared = await findShared(deps, key);
      const request = { key, channel: to.chat, thread: to.thread, files, comment, isWhole };
      ids.push(shared?.id ?? (await shareFiles(deps, request, signal)));
      if (isWhole) return { ok: true, ids };
    }
    ids.push(await postInTime(deps, to, message, { signal, mayWait: ids.length > 0 }));
    return { ok: true, ids };
  } catch (error) {
    return partlySent(ids, explainFailure(error, deps.redactor));
  }
}

/** Text beside files; [] when it does not fit there and needs a message of its own. */
function commentBlocks(message: OutboundMessage): readonly RichTextBlock[] {
  if (message.plain) return plainBlocks(plainText(message.body));
  const blocks = renderBlocks(message.body, { tables: 'text' }) ?? [];
  return blocks.filter((block) => block.type === 'rich_text');
}

/** Refuses here what would be cut or refused there. */
function expectSize(body: readonly Block[]): void {
  const chars = plainText(body).length;
  if (chars > MAX_TEXT_CHARS)
    throw new UnsendableError('too_long', `The text has ${chars} characters; ${MAX_TEXT_CHARS} are allowed.`);
}

async function postInTime(
  deps: OutboundDeps,
  to: Address,
  message: OutboundMessage,
  { signal, mayWait }: { signal: AbortSignal; mayWait: boolean },
): Promise<MessageId> {
  try {
    return await postText(deps, to, message, signal);
  } catch (error) {
    const { code, retryAfterMs = 0 } = explainFailure(error, deps.redactor);
    if (!mayWait || code !== 'rate_limited' || retryAfterMs > MAX_PIECE_WAIT_MS) throw error;
    await deps.clock.sleep(retryAfterMs, signal);
    return postText(deps, to, message, signal);
  }
}

async function postText(
  deps: OutboundDeps,
  to: Address,
  message: OutboundMessage,
  signal: AbortSignal,
): Promise<MessageId> {
  const answer = await withSimplerBlocks(message, (content) =>
    deps.api.call(
      (client) =>
        client.chat.postMessage({
          channel: to.chat,
          ...(to.thread !== undefined && { thread_ts: to.thread }),
          ...content,
          metadata: metadataOf(message),
          unfurl_links: false,
          unfurl_media: false,
        }),
      { signal },
    ),
  );
  if (answer.ts === undefined) throw new Error('Slack took the message without naming it.');
  return messageId(answer.ts);
}

export async function editMessage(
  deps: OutboundDeps,
  { to, id, message }: { to: Address; id: MessageId; message: OutboundMessage },
  signal: AbortSignal,
): Promise<SendResult> {
  try {
    expectSize(message.body);
    await withSimplerBlocks(message, (content) =>
      deps.api.call(
        (client) =>
          client.chat.update({
            channel: to.chat,
            ts: id,
            text: content.text,
            // Never without blocks: "rich-text blocks cannot be replaced with non-rich-text blocks" (block_mismatch).
            blocks: content.blocks ?? [...plainBlocks(plainText(message.body))],
            metadata: metadataOf(message),
            // "Defaults to client, unlike chat.postMessage": names would become mentions.
            parse: 'none',
            link_names: false,
          }),
        { signal },
      ),
    );
    return { ok: true, ids: [id] };
  } catch (error) {
    return explainFailure(error, deps.redactor);
  }
}

/** What a message says, in the form that chat.postMessage and chat.update share. */
interface Content {
  text: string;
  blocks?: (MessageBlock | ActionsBlock)[];
  mrkdwn?: boolean;
}

/** A refusal of blocks is certain not to have sent anything, so the same is tried once with tables as text. */
async function withSimplerBlocks<T>(message: OutboundMessage, call: (content: Content) => Promise<T>): Promise<T> {
  const content = makeContent(message, { tables: 'native' });
  try {
    return await call(content);
  } catch (error) {
    const simpler = makeContent(message, { tables: 'text' });
    const isRefused = REFUSED_BLOCKS.has(errorCodeOf(error) ?? '');
    if (!isRefused || JSON.stringify(simpler) === JSON.stringify(content)) throw error;
    return call(simpler);
  }
}

function makeContent(message: OutboundMessage, options: RenderOptions): Content {
  const actions = makeActions(message.buttons);
  const text = wholeText(message.body);
  const formatted = message.plain ? undefined : renderBlocks(message.body, options);
  if (formatted) return { text: text ?? fallbackText(message.body), blocks: [...formatted, ...actions] };
  if (text !== undefined && actions.length === 0) return { text, mrkdwn: false };
  const plain = plainBlocks(plainText(message.body));
  return { text: text ?? fallbackText(message.body), blocks: [...plain, ...actions] };
}

function makeActions(rows: readonly (readonly Button[])[]): readonly ActionsBlock[] {
  const shown = rows.filter((row) => row.length > 0);
  if (shown.length > MAX_BUTTON_ROWS || shown.some((row) => row.length > MAX_ROW_BUTTONS))
    throw new UnsendableError('bad_request', 'These are more buttons than Slack shows.');
  return shown.map((row, y) => ({
    type: 'actions',
    elements: row.map(({ label, data }, x) => {
      if (data.length > MAX_VALUE_CHARS)
        throw new UnsendableError('bad_request', `A button carries more than ${MAX_VALUE_CHARS} characters.`);
      const text =
        label.length > MAX_LABEL_CHARS ? `${takePrefix(label, MAX_LABEL_CHARS - 1, 'utf16')}…` : label || ' ';
      return {
        type: 'button',
        action_id: `herald.${y}.${x}`,
        text: { type: 'plain_text', text, emoji: false },
        value: data,
      };
    }),
  }));
}

function metadataOf(message: OutboundMessage): { event_type: string; event_payload: { key: string } } {
  return { event_type: METADATA_TYPE, event_payload: { key: message.key } };
}
