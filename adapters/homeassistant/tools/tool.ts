// What the tools have in common: they need a connection, and their failures are told without the token.
import type { z } from 'zod';
import type { AccountId } from '../../../shared/ids.ts';
import type { Redactor } from '../../../shared/redact.ts';
import type { PlatformTool } from '../../contract.ts';
import { NotCalledError } from '../../transport/failures.ts';
import { toAppError } from '../errors.ts';
import type { Calls } from '../connection/calls.ts';
import type { Link } from '../connection/link.ts';
import type { HomeAssistantSettings } from '../settings.ts';

export interface Home {
  link: Pick<Link, 'call'>;
  calls: Pick<Calls, 'service'>;
}

export interface ToolDeps {
  settings: HomeAssistantSettings;
  account: AccountId;
  redactor: Redactor;
  /** Undefined while the adapter does not run. */
  home(): Home | undefined;
}

interface HomeToolDefinition<Args> extends Pick<PlatformTool, 'name' | 'description' | 'effect'> {
  parameters: z.ZodType<Args>;
  summarize(args: Args): string;
  run(args: Args, link: Home['link'], signal: AbortSignal, calls: Home['calls']): Promise<string>;
}

export function defineHomeTool<Args>(deps: ToolDeps, definition: HomeToolDefinition<Args>): PlatformTool {
  const { name, description, parameters, effect } = definition;
  return {
    name: `${name}${suffixOf(deps.account)}`,
    description,
    parameters,
    effect,
    summarize: (args) => definition.summarize(parameters.parse(args)),
    async run(args, signal) {
      try {
        const home = deps.home();
        if (!home) throw new NotCalledError('Home Assistant is not connected.');
        return await definition.run(parameters.parse(args), home.link, signal, home.calls);
      } catch (error) {
        throw toAppError(error, deps.redactor);
      }
    },
  };
}

/** A second home needs names of its own. */
function suffixOf(account: AccountId): string {
  return account === 'default' ? '' : `_${account.replace(/[^A-Za-z0-9]+/g, '_').slice(0, 20)}`;
}
