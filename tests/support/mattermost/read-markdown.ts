// What a reader of Mattermost sees of a post: its text without marks, and whether any of it is formatted.
import createMarkdownIt from 'markdown-it';

const parser = createMarkdownIt('default', { html: false, breaks: true, linkify: false });
/** marked, which the web app uses, knows these escapes only (mattermost/marked, lib/marked.js). */
const ESCAPABLE = /^[\\`*{}[\]()#+\-.!_>~|]$/;
const QUIET = new Set([
  'paragraph_open',
  'paragraph_close',
  'inline',
  'text',
  'softbreak',
  'hardbreak',
  'text_special',
]);

export function readMarkdown(source: string): { text: string; formatted: boolean } {
  let formatted = false;
  let text = '';
  const read = (tokens: ReturnType<typeof parser.parse>) => {
    for (const token of tokens) {
      if (!QUIET.has(token.type)) formatted = true;
      if (token.type === 'inline') read(token.children ?? []);
      else if (token.type === 'softbreak' || token.type === 'hardbreak') text += '\n';
      else if (token.type === 'text_special' && token.info === 'escape' && !ESCAPABLE.test(token.content))
        text += token.markup;
      else if (token.type === 'paragraph_open' && text !== '') text += '\n';
      else text += token.content;
    }
  };
  read(parser.parse(source, {}));
  return { text, formatted };
}
