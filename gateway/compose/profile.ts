// The model of the person, put together: what prompts say of it, and the pass that revises it, with a budget of its own.
import type { Meter } from '../../agent/budget/meter.ts';
import type { KnowledgeSource } from '../../agent/knowledge.ts';
import type { revise as Revise } from '../../agent/profile/revise.ts';
import { makeProfileSource } from '../../agent/profile/source.ts';
import { auxiliaryChain } from '../../agent/routing.ts';
import type { AgentSettings } from '../../agent/settings.ts';
import type { Db } from '../../data/db.ts';
import type { Scope } from '../../data/scope.ts';
import type { Logger } from '../../shared/log.ts';
import type { SessionId } from '../../shared/ids.ts';

/** For one person and day: some fifty passes of a cheap model. */
const DAY_CAPS = { microUsd: 50_000, tokens: 200_000 };

export interface ConfiguredProfile {
  source: KnowledgeSource;
  /** Looks back at what the person said since the last time. Rejects with AppError of the database only. */
  revise(at: { scope: Scope; session: SessionId }, signal: AbortSignal): Promise<void>;
}

export function makeConfiguredProfile(input: {
  db: Db;
  log: Logger;
  meter(): Meter;
  agentSettings(): AgentSettings;
}): ConfiguredProfile {
  const { db, log } = input;
  return {
    source: makeProfileSource(db),
    async revise({ scope }, signal) {
      const settings = input.agentSettings();
      const ask: Parameters<typeof Revise>[0]['ask'] = (request, at) =>
        input.meter().call({
          ...at,
          turn: undefined,
          cause: 'profile',
          causeCaps: DAY_CAPS,
          chain: auxiliaryChain(settings),
          request: { ...request, cacheKey: `${at.session}.profile` },
          signal,
        });
      const { revise } = await import('../../agent/profile/revise.ts');
      await revise({ db, log, ask: settings.models.demo ? undefined : ask }, scope);
    },
  };
}
