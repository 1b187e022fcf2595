// Runs the provider contract for every provider.
import { makeAnthropicProvider } from '../../../agent/providers/anthropic/messages.ts';
import type { ProviderInput } from '../../../agent/providers/connection.ts';
import { makeDemoProvider } from '../../../agent/providers/demo.ts';
import { makeKeyPool } from '../../../agent/providers/keys.ts';
import { makeOpenAiChatProvider } from '../../../agent/providers/openai/chat.ts';
import { makeOpenAiResponsesProvider } from '../../../agent/providers/openai/responses.ts';
import { DEFAULT_QUIRKS } from '../../../agent/providers/presets.ts';
import type { Provider } from '../../../agent/providers/types.ts';
import { systemClock } from '../../../shared/clock.ts';
import {
  describeProvider,
  describeServedProvider,
  SECRET,
  type OpenProvider,
  type ServedProvider,
} from '../../contracts/provider-contract.ts';
import { startModelServer } from '../../support/model-server.ts';

function against(
  make: (input: ProviderInput) => Provider,
  settings: { withV1: boolean; repairText: boolean },
): OpenProvider<ServedProvider> {
  return async ({ script, keys = [SECRET], acceptedKeys }) => {
    const server = await startModelServer({ script, ...(acceptedKeys === undefined ? {} : { keys: acceptedKeys }) });
    const provider = make({
      id: 'tested',
      baseUrl: settings.withV1 ? server.openAiUrl : server.url,
      keys: makeKeyPool(keys, systemClock),
      quirks: { ...DEFAULT_QUIRKS, repairText: settings.repairText },
      fetch,
      clock: systemClock,
    });
    return { provider, server, close: server.close };
  };
}

const chat = against(makeOpenAiChatProvider, { withV1: true, repairText: false });
const repairingChat = against(makeOpenAiChatProvider, { withV1: true, repairText: true });
const responses = against(makeOpenAiResponsesProvider, { withV1: true, repairText: false });
const anthropic = against(makeAnthropicProvider, { withV1: false, repairText: false });

for (const [name, open] of Object.entries({ chat, repairingChat, responses, anthropic })) {
  describeProvider(name, open);
  describeServedProvider(name, open);
}
describeProvider('demo', async () => ({ provider: makeDemoProvider(), close: () => Promise.resolve() }));
