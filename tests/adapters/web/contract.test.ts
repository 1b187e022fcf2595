// The web platform keeps the adapter contract.
import { makeWebAdapter } from '../../../adapters/web/adapter.ts';
import { WEB_CAPABILITIES } from '../../../adapters/web/capabilities.ts';
import { accountId } from '../../../shared/ids.ts';
import { describeAdapter } from '../../contracts/adapter-contract.ts';
import { makeLocalChatHarness } from '../local-chat/harness.ts';
import { makeBrowserTransport } from '../local-chat/rig.ts';

const account = accountId('default');

describeAdapter(
  'web',
  makeLocalChatHarness({
    platform: 'web',
    account,
    capabilities: WEB_CAPABILITIES,
    make: () => makeWebAdapter({ platform: 'web', account, settings: { max_upload_mb: 5 }, fetch }),
    transport: (server) => makeBrowserTransport(() => server().http.url),
    pathOf: (target) => `/${target}`,
    secretCursors: ['file-key', 'cookie-key'],
  }),
);
