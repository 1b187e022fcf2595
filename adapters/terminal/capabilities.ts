// What the terminal client can show.
import type { Capabilities } from '../capabilities.ts';
import { LOCAL_CHAT_CAPABILITIES } from '../local-chat/capabilities.ts';

export const TERMINAL_CAPABILITIES: Capabilities = {
  ...LOCAL_CHAT_CAPABILITIES,
  promptHint:
    'Your answer is read in a terminal: prefer short paragraphs, lists and code blocks to wide tables. Files that you send are saved, and their path is shown.',
};
