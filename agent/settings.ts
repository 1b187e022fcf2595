// What the agent is told by the configuration; gateway/compose.ts makes it of config.yaml. Read anew at each turn, so that a reload counts
// from the next one on.
import type { Scope } from '../data/scope.ts';
import type { UsageCaps } from '../data/usage.ts';
import type { Role } from '../shared/messages.ts';
import type { MemorySettings } from './memory/config.ts';
import type { ApprovalMode } from './policy/decide.ts';
import type { Preset } from './subagents/spec.ts';
import type { ChainLink } from './providers/fallback.ts';
import type { PriceOverrides } from './providers/prices.ts';
import type { ModelRequest } from './providers/types.ts';

export interface ModelLimits {
  /** Tokens that fit the model. Default: by its family (context/window.ts). */
  contextTokens?: number | undefined;
  /** Most tokens of one reply. Default: `maxOutputTokens` of the settings. */
  maxOutputTokens?: number | undefined;
  /** False: it cannot see images. Default: it can. */
  vision?: boolean | undefined;
}

export interface AgentSettings {
  /** $HERALD_HOME: SOUL.md is looked for there. */
  home: string;
  /** Absolute path of the folder that tools of this person or group work in. */
  workspaceOf(scope: Scope): string;
  /** What agent/providers/resolve.ts found: in order of preference, at least one. */
  models: {
    chain: readonly ChainLink[];
    demo: boolean;
    /** For summaries, titles, rules and judgements; then `chain`. Default: `chain` alone. */
    auxiliary?: readonly ChainLink[] | undefined;
    /** For short questions in short conversations; then `chain`. Default: none. */
    small?: readonly ChainLink[] | undefined;
    /** For requests with images, where the model in use cannot see them. Default: none. */
    vision?: readonly ChainLink[] | undefined;
  };
  /** agent/providers/resolve.ts `chooseModel` with its dependencies. Throws AppError `not_found`. */
  chooseModel(name: string): readonly ChainLink[];
  /** By "provider/model" or by model alone. */
  modelLimits: Readonly<Record<string, ModelLimits>>;
  maxOutputTokens: number;
  reasoningEffort: ModelRequest['reasoningEffort'];
  /** Model calls in one turn. */
  maxIterations: number;
  /** IANA name; days of the caps begin at its midnight. */
  timezone: string;
  /** Personality of sessions that chose none. */
  personality: string | undefined;
  personalities: Readonly<Record<string, string>>;
  tools: {
    /** Names and toolsets; so are those below. */
    disabled: readonly string[];
    /** Off in all chats of a platform, by its id. Default: none. */
    byPlatform?: Readonly<Record<string, readonly string[]>> | undefined;
    /** Off for people of a role. Default: none. */
    byRole?: Readonly<Partial<Record<Role, readonly string[]>>> | undefined;
    timeoutMs: number;
    maxParallel: number;
    /** UTF-16 units. */
    maxResultChars: number;
    /** How long a person has to allow a call. */
    approvalTtlMs: number;
  };
  approvals: {
    mode: ApprovalMode;
  };
  workers: {
    /** At the same time, at each level. */
    maxParallel: number;
    /** Levels below a person's turn. */
    maxDepth: number;
    /** Model calls of one worker. */
    maxIterations: number;
    /** Beside the built-in ones. */
    presets: Readonly<Record<string, Preset>>;
  };
  /** Default: agent/memory/config.ts. */
  memory?: MemorySettings | undefined;
  caps: UsageCaps;
  prices: PriceOverrides;
}

/** The limits of one model of a chain, from the settings, else by its family. */
export function limitsOf(settings: AgentSettings, link: ChainLink): ModelLimits {
  return settings.modelLimits[`${link.provider.id}/${link.model}`] ?? settings.modelLimits[link.model] ?? {};
}
