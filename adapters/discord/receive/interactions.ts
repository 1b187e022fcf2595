// Tells Discord that a press or a command has arrived, within the 3 s after which it shows a failure. The answer itself is a message in
// the chat like any other: it is kept and repeated like one, which a token of 15 minutes could not be.
// https://docs.discord.com/developers/interactions/receiving-and-responding, read 2026-11-21.
import { InteractionResponseType, MessageFlags } from 'discord.js';
import type { AdapterHost } from '../../contract.ts';
import type { Redactor } from '../../../shared/redact.ts';
import type { ApiRequest, DiscordApi } from '../api.ts';
import { describe } from '../errors.ts';
import type { DiscordInteraction } from './schema.ts';

const COMMAND = 2;

export interface AnswererDeps {
  api: DiscordApi;
  host: AdapterHost;
  redactor: Redactor;
  signal: AbortSignal;
}

export interface Answerer {
  /** In the background; a loss does no harm. */
  acknowledge(interaction: DiscordInteraction): void;
  settle(): Promise<void>;
}

export function makeAnswerer({ api, host, redactor, signal }: AnswererDeps): Answerer {
  const running = new Set<Promise<void>>();

  async function answer({ id, token, type, application_id: app }: DiscordInteraction): Promise<void> {
    const run = (request: Omit<ApiRequest, 'signal'>) => api.run({ ...request, signal });
    const callback = `/interactions/${id}/${encodeURIComponent(token)}/callback` as const;
    if (type !== COMMAND) {
      await run({ method: 'POST', route: callback, body: { type: InteractionResponseType.DeferredMessageUpdate } });
      return;
    }
    // Only the person sees "thinking…", and that is taken back at once: nothing stays but the command's answer.
    await run({
      method: 'POST',
      route: callback,
      body: {
        type: InteractionResponseType.DeferredChannelMessageWithSource,
        data: { flags: MessageFlags.Ephemeral },
      },
    });
    await run({ method: 'DELETE', route: `/webhooks/${app}/${encodeURIComponent(token)}/messages/@original` });
  }

  return {
    acknowledge(interaction) {
      const answering: Promise<void> = answer(interaction)
        .catch((error: unknown) => {
          host.log.debug({ problem: describe(error, redactor).message }, 'an interaction could not be acknowledged');
        })
        .finally(() => running.delete(answering));
      running.add(answering);
    },
    async settle() {
      await Promise.all(running);
    },
  };
}
