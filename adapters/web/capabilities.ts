// What the page can show.
import type { Capabilities } from '../capabilities.ts';
import { LOCAL_CHAT_CAPABILITIES } from '../local-chat/capabilities.ts';

export const WEB_CAPABILITIES: Capabilities = {
  ...LOCAL_CHAT_CAPABILITIES,
  buttons: 'full',
  promptHint:
    'Your answer is read on a web page. Markdown is shown formatted: headings, lists, tables, code blocks with language, links. Remote images are shown as links.',
};
