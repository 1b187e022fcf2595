// What a request costs before anything is said, for the running gateway and for a configuration that none runs.
import { promptSize } from '../../../agent/prompt/size.ts';
import type { AgentSettings } from '../../../agent/settings.ts';
import { makeOwnTools, TOOLS } from '../../../agent/tools/registry.ts';
import { makeSkillTools } from '../../../agent/tools/skills/skill-tools.ts';
import type { Tool } from '../../../agent/tools/tool.ts';
import type { LoadedConfig } from '../../../config/load.ts';
import type { Clock } from '../../../shared/clock.ts';
import { AppError } from '../../../shared/errors.ts';
import { accountId, chatId } from '../../../shared/ids.ts';
import type { Logger } from '../../../shared/log.ts';
import { makeRedactor } from '../../../shared/redact.ts';
import type { PromptPart } from '../../control/operation.ts';
import { agentSettings } from './settings.ts';

/** The bill of a request that says "hi", for a configuration that no gateway runs. Rejects with AppError `config_invalid`. */
export async function measureConfiguredPrompt(
  loaded: LoadedConfig,
  clock: Clock,
  log: Logger,
): Promise<readonly PromptPart[]> {
  const { settings } = await agentSettings(loaded, clock);
  const { openHands } = await import('../hands/hands.ts');
  // To be looked at only: no server is started, nothing is called.
  const config = { ...loaded.config, mcp_servers: {} };
  const hands = await openHands({
    loaded: { ...loaded, config },
    clock,
    log,
    redactor: makeRedactor(loaded.secrets),
    mcpPorts: {},
    notify: async () => undefined,
    openResult: async () => undefined,
    askPerson: async () => ({ state: 'expired' }),
    media: {
      meter: { call: async () => nothingRuns() },
      visionChain: () => settings.models.chain,
      budget: () => settings,
      ports: {},
    },
  });
  try {
    const skills = makeSkillTools({
      settings: () => config.skills,
      system: process.platform,
      hasVariable: () => false,
      library: nothingRuns,
    });
    return await measurePrompt({ settings, clock, log, tools: [...skills, ...hands.tools()] });
  } finally {
    await hands.close();
  }
}

function nothingRuns(): never {
  throw new AppError('internal', 'Nothing is called here.');
}

/** The bill of a request that says "hi" with these tools. */
export async function measurePrompt(input: {
  settings: AgentSettings;
  clock: Clock;
  log: Logger;
  tools: readonly Tool[];
}): Promise<readonly PromptPart[]> {
  const { settings } = input;
  const hi = { role: 'user', content: [{ type: 'text', text: 'hi' }] } as const;
  const address = { platform: '', account: accountId(''), chat: chatId(''), kind: 'dm' } as const;
  const at = { role: 'owner', address, promptHint: '' } as const;
  const tools = [
    ...TOOLS,
    ...input.tools,
    ...makeOwnTools({ runner: undefined, memory: undefined, settings: () => settings }),
  ];
  const bill = await promptSize({ ...input, tools, at, messages: [hi] });
  return bill.lines.map(({ part, tokens, chars }) => ({ name: part, tokens, chars }));
}
