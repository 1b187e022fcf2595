// What Slack refuses, as far as it is documented (or was measured: adapters/slack/outbound/render.ts names the sources). The workspace
// behind the proxy takes nearly everything.
import { asJson, asList, asText, isJson, type Json } from './json.ts';

/** Arguments of the methods that Herald calls: https://docs.slack.dev/reference/methods, read 2026-11-21. */
const ARGUMENTS: Readonly<Record<string, readonly string[]>> = {
  'auth.test': [],
  'apps.connections.open': [],
  'chat.postMessage': ['channel', 'text', 'blocks', 'thread_ts', 'metadata', 'unfurl_links', 'unfurl_media', 'mrkdwn'],
  'chat.update': ['channel', 'ts', 'text', 'blocks', 'metadata', 'parse', 'link_names'],
  'conversations.history': ['channel', 'oldest', 'latest', 'inclusive', 'limit', 'cursor', 'include_all_metadata'],
  'conversations.replies': [
    'channel',
    'ts',
    'oldest',
    'latest',
    'inclusive',
    'limit',
    'cursor',
    'include_all_metadata',
  ],
  'conversations.info': ['channel'],
  'conversations.open': ['users', 'return_im'],
  'users.info': ['user'],
  'users.conversations': ['types', 'exclude_archived', 'limit', 'cursor'],
  'reactions.add': ['channel', 'timestamp', 'name'],
  'reactions.remove': ['channel', 'timestamp', 'name'],
  'reactions.get': ['channel', 'timestamp', 'full'],
  'files.info': ['file'],
  'files.getUploadURLExternal': ['filename', 'length'],
  'files.completeUploadExternal': ['files', 'channel_id', 'thread_ts', 'blocks', 'initial_comment'],
  'assistant.threads.setStatus': ['channel_id', 'thread_ts', 'status'],
};

/** What is wrong with the names of a call's arguments; undefined: nothing. */
export function checkArguments(method: string, args: Json): string | undefined {
  const known = ARGUMENTS[method];
  if (!known) return `${method} is not known to the fake`;
  const odd = Object.keys(args).filter((name) => !known.includes(name));
  return odd.length > 0 ? `${method} has unknown arguments: ${odd.join(', ')}` : undefined;
}

const MAX_BLOCKS = 50;
const MAX_BLOCKS_CHARS = 13_200;
const MAX_UPDATE_BYTES = 4_000;
const MAX_POST_CHARS = 40_000;

/** The error code with which Slack would refuse a message; undefined: none. */
export function checkMessage(method: string, args: Json): string | undefined {
  const text = asText(args['text']);
  if (method === 'chat.update' && Buffer.byteLength(text) > MAX_UPDATE_BYTES) return 'msg_too_long';
  if (text.length > MAX_POST_CHARS) return 'msg_too_long';
  // A raw < in what we send would be a mention or a link.
  if (/<|>/.test(text)) return 'invalid_text_of_the_fake';
  const blocks = asList(args['blocks']);
  if (blocks.length > MAX_BLOCKS) return 'invalid_blocks';
  if (JSON.stringify(blocks).length > MAX_BLOCKS_CHARS) return 'msg_blocks_too_long';
  if (blocks.filter((block) => asJson(block)['type'] === 'table').length > 1) return 'invalid_attachments';
  if (!blocks.every(isGoodBlock)) return 'invalid_blocks';
  if (method === 'files.completeUploadExternal')
    return blocks.every((block) => asJson(block)['type'] === 'rich_text') ? undefined : 'internal_error';
  return text === '' && blocks.length === 0 ? 'no_text' : undefined;
}

function hasOnly(value: Json, keys: readonly string[]): boolean {
  return Object.keys(value).every((key) => keys.includes(key));
}

function isGoodBlock(raw: unknown): boolean {
  const block = asJson(raw);
  switch (block['type']) {
    case 'rich_text':
      return hasOnly(block, ['type', 'elements', 'block_id']) && isFilled(block['elements'], isGoodElement);
    case 'table':
      return hasOnly(block, ['type', 'rows', 'column_settings', 'block_id']) && isGoodTable(block);
    case 'actions':
      return hasOnly(block, ['type', 'elements', 'block_id']) && isGoodActions(asList(block['elements']));
    default:
      return false;
  }
}

function isFilled(value: unknown, check: (element: unknown) => boolean): boolean {
  const list = asList(value);
  return list.length > 0 && list.every(check);
}

function isGoodElement(raw: unknown): boolean {
  const element = asJson(raw);
  const { type } = element;
  if (type === 'rich_text_list') {
    const indent = Number(element['indent'] ?? 0);
    return (
      hasOnly(element, ['type', 'style', 'indent', 'offset', 'border', 'elements']) &&
      ['bullet', 'ordered'].includes(asText(element['style'])) &&
      indent >= 0 &&
      indent <= 8 &&
      isFilled(element['elements'], (one) => asJson(one)['type'] === 'rich_text_section' && isGoodElement(one))
    );
  }
  const isKnown = ['rich_text_section', 'rich_text_quote', 'rich_text_preformatted'].includes(asText(type));
  return isKnown && hasOnly(element, ['type', 'elements', 'border']) && isFilled(element['elements'], isGoodInline);
}

function isGoodInline(raw: unknown): boolean {
  const inline = asJson(raw);
  const style = asJson(inline['style']);
  if (!Object.entries(style).every(([key, on]) => ['bold', 'italic', 'strike', 'code'].includes(key) && on === true))
    return false;
  if (inline['type'] === 'text') return hasOnly(inline, ['type', 'text', 'style']) && asText(inline['text']) !== '';
  const url = asText(inline['url']);
  return (
    inline['type'] === 'link' &&
    hasOnly(inline, ['type', 'url', 'text', 'style']) &&
    URL.canParse(url) &&
    url.length <= 3_000 &&
    inline['text'] !== ''
  );
}

function isGoodTable(table: Json): boolean {
  const rows = asList(table['rows']).map(asList);
  const isCell = (cell: unknown) => asJson(cell)['type'] === 'rich_text' && isGoodBlock(cell);
  return (
    rows.length > 0 &&
    rows.length <= 100 &&
    asList(table['column_settings']).length <= 20 &&
    rows.every((row) => row.length > 0 && row.length <= 20 && row.length === rows[0]?.length && row.every(isCell))
  );
}

function isGoodActions(elements: readonly unknown[]): boolean {
  const ids = elements.map((element) => asText(asJson(element)['action_id']));
  const isButton = (raw: unknown) => {
    const button = asJson(raw);
    const label = asJson(button['text']);
    const words = asText(label['text']);
    return (
      button['type'] === 'button' &&
      label['type'] === 'plain_text' &&
      words.length > 0 &&
      words.length <= 75 &&
      asText(button['value']).length <= 2_000
    );
  };
  return elements.length > 0 && elements.length <= 25 && new Set(ids).size === ids.length && elements.every(isButton);
}

/** Whether an argument that is `true` in a form or in JSON is that. */
export function isTrue(value: unknown): boolean {
  return value === true || value === 'true';
}

export function isMessage(value: unknown): value is Json & { ts: string } {
  return isJson(value) && typeof value['ts'] === 'string';
}
