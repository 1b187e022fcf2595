// The terminal platform keeps the adapter contract.
import { makeTerminalAdapter } from '../../../adapters/terminal/adapter.ts';
import { TERMINAL_CAPABILITIES } from '../../../adapters/terminal/capabilities.ts';
import { makeSocketTransport } from '../../../cli/tui/socket-transport.ts';
import { accountId } from '../../../shared/ids.ts';
import { describeAdapter } from '../../contracts/adapter-contract.ts';
import { makeLocalChatHarness } from '../local-chat/harness.ts';

const account = accountId('default');

describeAdapter(
  'terminal',
  makeLocalChatHarness({
    platform: 'terminal',
    account,
    capabilities: TERMINAL_CAPABILITIES,
    make: () => makeTerminalAdapter({ platform: 'terminal', account, settings: { max_upload_mb: 5 }, fetch }),
    transport: (_server, socketPath) => makeSocketTransport(socketPath),
    pathOf: (target) => `/terminal/default/${target}${target.includes('?') ? '&' : '?'}chat=local`,
    secretCursors: ['file-key'],
  }),
);
