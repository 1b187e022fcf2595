// Slack's text as a person meant it: without the mention that addressed us, with names for ids and the targets of links.
// https://docs.slack.dev/messaging/formatting-message-text, read 2026-11-21.

export interface TextContext {
  /** Our own user id. */
  bot: string;
  botName: string;
  /** Names of people by id, as far as they are known. */
  names: ReadonlyMap<string, string>;
}

export interface ReadText {
  text: string;
  /** True when the text names us. */
  isAddressed: boolean;
}

/** Stands for our own mention while the text around it is looked at; private use, so nobody types it. */
const US = '\ue000';
const TOKEN = /<([^<>\n]{1,4000})>/g;

export function readText(raw: string, context: TextContext): ReadText {
  const text = decode(raw.replaceAll(US, ''), context);
  if (!text.includes(US)) return { text, isAddressed: false };
  return { text: cutMention(text, context.botName), isAddressed: true };
}

/** Ids of people whom the text mentions. */
export function mentionedUsers(raw: string): readonly string[] {
  return [...raw.matchAll(/<@([A-Z0-9]{2,30})(?:\|[^<>]*)?>/g)].flatMap((match) => match[1] ?? []);
}

/** All characters that are markup are escaped in what people write, so a `<` begins a token. */
function decode(raw: string, context: TextContext): string {
  let out = '';
  let at = 0;
  for (const match of raw.matchAll(TOKEN)) {
    out += unescape(raw.slice(at, match.index)) + readToken(match[1] ?? '', context);
    at = match.index + match[0].length;
  }
  return out + unescape(raw.slice(at));
}

function unescape(text: string): string {
  return text.replace(/&(amp|lt|gt);/g, (_, name: string) => ({ amp: '&', lt: '<', gt: '>' })[name] ?? '');
}

function readToken(token: string, context: TextContext): string {
  const bar = token.indexOf('|');
  const target = bar === -1 ? token : token.slice(0, bar);
  const label = bar === -1 ? '' : unescape(token.slice(bar + 1));
  const id = target.slice(1);
  switch (target[0]) {
    case '@':
      if (id === context.bot) return US;
      return `@${context.names.get(id) ?? (label.replace(/^@/, '') || id)}`;
    case '#':
      return `#${label.replace(/^#/, '') || id}`;
    case '!':
      return readSpecial(id, label);
    default:
      return /^[a-z][a-z0-9+.-]*:/i.test(target) ? readLink(unescape(target), label) : `<${unescape(token)}>`;
  }
}

function readSpecial(target: string, label: string): string {
  if (/^(?:here|channel|everyone)$/.test(target)) return `@${target}`;
  if (target.startsWith('subteam^')) return label === '' ? '@group' : `@${label.replace(/^@/, '')}`;
  return label === '' ? `<!${target}>` : label;
}

/** A link that people typed as text has that text as its label. */
function readLink(url: string, label: string): string {
  const bare = url.replace(/^(?:https?:\/\/|mailto:|tel:)/i, '').replace(/\/$/, '');
  if (label === '' || label === url) return url;
  return label.replace(/\/$/, '') === bare ? label : `${label} (${url})`;
}

/** A mention at either end goes with the white space and punctuation that set it off; one inside a sentence is a part of it. */
function cutMention(text: string, botName: string): string {
  const led = text.replace(new RegExp(`^(?:\\s*${US}[\\s,:;–—-]*)+`), '');
  const at = led.lastIndexOf(US);
  const isAtEnd = at !== -1 && /^[\s.!?]*$/.test(led.slice(at + 1));
  // By hand: an expression that ends in white space costs quadratic time where there is much of it.
  let end = at;
  while (isAtEnd && end > 0 && /[\s,]/.test(led[end - 1] ?? '')) end--;
  const tailed = isAtEnd ? led.slice(0, end) + led.slice(at + 1) : led;
  return tailed.replaceAll(US, `@${botName}`);
}
