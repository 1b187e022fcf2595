// What the configuration says, as the agent is told it.
import { join } from 'node:path';
import { memorySettings } from '../../../agent/memory/config.ts';
import { readPriceOverrides } from '../../../agent/providers/prices.ts';
import { chooseModel, resolveOthers, resolveProviders, type ResolveDeps } from '../../../agent/providers/resolve.ts';
import type { AgentSettings, ModelLimits } from '../../../agent/settings.ts';
import type { Preset } from '../../../agent/subagents/spec.ts';
import type { LoadedConfig } from '../../../config/load.ts';
import { sha256Hex } from '../../../shared/digest.ts';
import type { Clock } from '../../../shared/clock.ts';
import { leanFetch } from '../../http/lean-fetch.ts';

/** Rejects with AppError `config_invalid` when the configured model cannot be used. */
export async function agentSettings(
  loaded: LoadedConfig,
  clock: Clock,
): Promise<{ settings: AgentSettings; explanation: string }> {
  const { config, home } = loaded;
  const { agent, budget, providers } = config;
  const deps: ResolveDeps = { fetch: leanFetch, clock, lookup: (name) => loaded.lookup(name), providers };
  const models = await resolveProviders(config.model, config.fallback_models, deps);
  const auxiliary = await resolveOthers('auxiliary model', config.model_auxiliary, deps);
  const small = await resolveOthers('small model', config.model_small, deps);
  const vision = await resolveOthers('vision model', config.model_vision, deps);
  const settings: AgentSettings = {
    home,
    workspaceOf: ({ space }) => join(home, 'workspaces', folderName(space)),
    models: { ...models, auxiliary: auxiliary.links, small: small.links, vision: vision.links },
    chooseModel: (name) => chooseModel(models, name, deps),
    modelLimits: modelLimits(loaded, models.chain[0]?.model),
    maxOutputTokens: agent.max_output_tokens,
    reasoningEffort: agent.reasoning_effort,
    maxIterations: agent.max_iterations,
    timezone: agent.timezone ?? Intl.DateTimeFormat().resolvedOptions().timeZone,
    personality: agent.personality,
    personalities: config.personalities,
    tools: {
      disabled: agent.tools.disabled,
      byPlatform: agent.tools.by_platform,
      byRole: agent.tools.by_role,
      timeoutMs: agent.tools.timeout_ms,
      maxParallel: agent.tools.max_parallel,
      maxResultChars: agent.tools.max_result_chars,
      approvalTtlMs: Math.round(config.approvals.ttl_minutes * 60_000),
    },
    approvals: { mode: config.approvals.mode },
    memory: memorySettings(config.memory),
    workers: {
      maxParallel: config.workers.max_parallel,
      maxDepth: config.workers.max_depth,
      maxIterations: config.workers.max_iterations,
      presets: workerPresets(config.workers.presets),
    },
    caps: {
      turnMicroUsd: microUsd(budget.per_turn_usd),
      personDayMicroUsd: microUsd(budget.per_person_day_usd),
      dayMicroUsd: microUsd(budget.per_day_usd),
      spaceDayMicroUsd: microUsd(budget.per_chat_day_usd),
      spaceDayTokens: budget.per_chat_day_tokens,
      turnTokens: budget.per_turn_tokens,
      personDayTokens: budget.per_person_day_tokens,
      dayTokens: budget.per_day_tokens,
    },
    prices: readPriceOverrides(config.providers),
  };
  const explanation = [models.explanation, ...auxiliary.skipped, ...small.skipped, ...vision.skipped].join(' ');
  return { settings, explanation };
}

function modelLimits(loaded: LoadedConfig, first: string | undefined): Readonly<Record<string, ModelLimits>> {
  const { config } = loaded;
  const limits: Record<string, ModelLimits> = {};
  for (const [id, provider] of Object.entries(config.providers))
    for (const [model, entry] of Object.entries(provider.models))
      limits[`${id}/${model}`] = {
        contextTokens: entry.context_length,
        maxOutputTokens: entry.max_output_tokens,
        vision: entry.vision,
      };
  const { fallback_models, model_auxiliary, model_small, model_vision } = config;
  for (const model of [config.model, ...fallback_models, ...model_auxiliary, ...model_small, ...model_vision]) {
    const name = model.name ?? (model === config.model ? first : undefined);
    if (name === undefined) continue;
    const key = model.provider === undefined ? name : `${model.provider}/${name}`;
    limits[key] = {
      contextTokens: model.context_length ?? limits[key]?.contextTokens,
      maxOutputTokens: model.max_tokens ?? limits[key]?.maxOutputTokens,
      vision: model.vision ?? limits[key]?.vision,
    };
  }
  return limits;
}

function microUsd(usd: number | null): number | null {
  return usd === null ? null : Math.round(usd * 1_000_000);
}

function workerPresets(presets: LoadedConfig['config']['workers']['presets']): AgentSettings['workers']['presets'] {
  const made: Record<string, Preset> = {};
  for (const [name, { description = '', prompt = '', tools, model }] of Object.entries(presets))
    made[name] = { description, prompt, tools, model };
  return made;
}

/** A name that people can type and every system takes; spaces that differ have folders that differ. */
function folderName(space: string): string {
  const own = /^p:([0-9A-Za-z]+)$/.exec(space)?.[1];
  return own?.toLowerCase() ?? `group-${sha256Hex(space, 16)}`;
}
