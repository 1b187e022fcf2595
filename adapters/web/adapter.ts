// The chat page: one person per browser, known by a cookie. Pairing is the core's: here everybody may write, and see their own chat.
import { chatId, userId } from '../../shared/ids.ts';
import type { Adapter, AdapterHost, AdapterInput } from '../contract.ts';
import { makeLocalChatAdapter, type LocalChatRoute } from '../local-chat/adapter.ts';
import { loadKey } from '../local-chat/files.ts';
import { json, problem } from '../local-chat/requests.ts';
import { describeBrowser, makeDeviceCookie, newDeviceId } from './auth.ts';
import { WEB_CAPABILITIES } from './capabilities.ts';
import { loadPageFiles } from './page-files.ts';
import { handlePanel } from './panels.ts';
import { renderHtml } from './render.ts';
import { handleSetup } from './setup.ts';

export interface WebSettings {
  /** Largest file that can be sent from the page, in MiB. */
  max_upload_mb: number;
}

export function makeWebAdapter({ platform, account, settings }: AdapterInput<WebSettings>): Adapter {
  return makeLocalChatAdapter({
    platform,
    account,
    capabilities: WEB_CAPABILITIES,
    maxUploadBytes: settings.max_upload_mb * 1024 * 1024,
    renderHtml,
    root: true,
    openRoute,
  });
}

async function openRoute(host: AdapterHost): Promise<LocalChatRoute> {
  const page = await loadPageFiles();
  const cookie = makeDeviceCookie(await loadKey(host.cursor, 'cookie-key'));
  return async (request, _meta, chat) => {
    const file = page(request);
    if (file !== undefined) return file;
    const known = cookie.read(request);
    if (`${request.method} ${new URL(request.url).pathname}` === 'POST /session') {
      // Asked for by the page's script and not with the page itself: a visit from a link elsewhere does not carry a
      // SameSite=Strict cookie, and must not replace it by a new one.
      const answer = json(200, { device: known === undefined ? 'new' : 'known' });
      answer.headers.set('set-cookie', cookie.write(known ?? newDeviceId(), request));
      return answer;
    }
    if (known === undefined) return problem(401, 'no_device', 'This browser is not known yet. Reload the page.');
    const user = userId(known);
    const setup = await handleSetup(host, request, user);
    if (setup !== undefined) return setup;
    const panel = await handlePanel(host, request, user);
    if (panel !== undefined) return panel;
    const answer = await chat.handle(request, {
      chat: chatId(known),
      user,
      name: describeBrowser(request),
    });
    return answer ?? problem(404, 'not_found', 'There is nothing at this address.');
  };
}
