// The terminal chat: whoever can open the gateway's local socket (mode 0600) is the owner of this machine account.
import { userInfo } from 'node:os';
import { chatId } from '../../shared/ids.ts';
import type { Adapter, AdapterInput } from '../contract.ts';
import { makeLocalChatAdapter, type LocalChatRoute } from '../local-chat/adapter.ts';
import { problem } from '../local-chat/requests.ts';
import { TERMINAL_CAPABILITIES } from './capabilities.ts';
import { TERMINAL_OWNER } from './manifest.ts';

export interface TerminalSettings {
  /** Largest file that can be sent from the terminal, in MiB. */
  max_upload_mb: number;
}

const CHAT_NAME = /^[A-Za-z0-9._-]{1,64}$/;

export function makeTerminalAdapter({ platform, account, settings }: AdapterInput<TerminalSettings>): Adapter {
  return makeLocalChatAdapter({
    platform,
    account,
    capabilities: TERMINAL_CAPABILITIES,
    maxUploadBytes: settings.max_upload_mb * 1024 * 1024,
    root: false,
    openRoute: async () => route,
  });
}

const route: LocalChatRoute = async (request, meta, chat) => {
  if (!meta.local)
    return problem(403, 'not_allowed', 'The terminal chat is reached over the local socket only: herald chat.');
  const name = new URL(request.url).searchParams.get('chat') ?? 'local';
  if (!CHAT_NAME.test(name))
    return problem(400, 'bad_input', 'Name the chat with up to 64 letters, digits, dots, _ and -.');
  const answer = await chat.handle(request, { chat: chatId(name), user: TERMINAL_OWNER, name: userInfo().username });
  return answer ?? problem(404, 'not_found', 'There is nothing at this address.');
};
