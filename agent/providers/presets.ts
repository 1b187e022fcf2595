// The model services that Herald knows by name: where they are, how they are spoken to and what they do differently.
// A new service is a row here, never a branch in a provider.
import type { JsonValue } from './types.ts';

export const API_MODES = ['chat_completions', 'responses', 'anthropic_messages'] as const;
export type ApiMode = (typeof API_MODES)[number];

/** Differences between services that speak "the same" API. */
export interface ProviderQuirks {
  /** Field of the output limit; newer models of OpenAI reject `max_tokens`. */
  maxTokensField: 'max_tokens' | 'max_completion_tokens';
  /** Understands `stream_options.include_usage`. */
  streamUsage: boolean;
  /** Understands `prompt_cache_key`. */
  promptCacheKey: boolean;
  /** How a wanted reasoning effort is written: `reasoning_effort`, `reasoning.effort`, `thinking.type`, or not at all. */
  reasoning: 'reasoning_effort' | 'reasoning_object' | 'thinking_type' | 'ignore';
  /** Field of assistant messages in which earlier reasoning must come back. */
  replayReasoning: 'reasoning_content' | 'reasoning_details' | 'none';
  /** Takes images in user messages; otherwise a line of text says that one was left out. */
  images: boolean;
  /** Form that ids of tool calls must have; ids made by another service are rewritten. */
  toolIds: 'any' | 'alnum9';
  /** Serves weak models whose tool calls and reasoning may arrive as text. */
  repairText: boolean;
  /** Refuses a user message right after a tool result (a person's word that arrived in between); a filler goes between. */
  fillerAfterTool: boolean;
  /** Passes `cache_control` on to Claude models. */
  claudeCache: boolean;
  /** Sent with every request as it is. */
  extraBody: { [key: string]: JsonValue };
  headers: { [name: string]: string };
}

export interface ProviderPreset {
  id: string;
  title: string;
  /** Empty for `custom`: the configuration must name it. */
  baseUrl: string;
  apiMode: ApiMode;
  /** Names of environment variables that may hold a key, in order of preference. Empty: no key is needed. */
  keyEnv: readonly string[];
  /** Undefined: the first model that the server lists. */
  defaultModel: string | undefined;
  /** Runs on the person's own machine: costs nothing and works without a key. */
  local: boolean;
  quirks: ProviderQuirks;
}

export const DEFAULT_QUIRKS: ProviderQuirks = {
  maxTokensField: 'max_tokens',
  streamUsage: true,
  promptCacheKey: false,
  reasoning: 'reasoning_effort',
  replayReasoning: 'none',
  images: true,
  toolIds: 'any',
  repairText: true,
  fillerAfterTool: false,
  claudeCache: false,
  extraBody: {},
  headers: {},
};

/** Order is the order in which keys are looked for when nothing is configured. */
export const PRESETS: readonly ProviderPreset[] = [
  // https://platform.claude.com/docs/en/api/overview; models: /docs/en/about-claude/models/overview (read 2026-11-21)
  preset({
    id: 'anthropic',
    title: 'Anthropic',
    baseUrl: 'https://api.anthropic.com',
    apiMode: 'anthropic_messages',
    keyEnv: ['ANTHROPIC_API_KEY'],
    defaultModel: 'claude-sonnet-5-5',
    quirks: { repairText: false },
  }),
  // https://developers.openai.com/api/docs/models/gpt-6.1-sol; address and model ids as in the openai package 7.57.0
  preset({
    id: 'openai',
    title: 'OpenAI',
    baseUrl: 'https://api.openai.com/v1',
    apiMode: 'responses',
    keyEnv: ['OPENAI_API_KEY'],
    defaultModel: 'gpt-6.1-sol',
    quirks: { maxTokensField: 'max_completion_tokens', promptCacheKey: true, repairText: false },
  }),
  // https://openrouter.ai/docs/api-reference/overview; model: /docs/cookbook/evaluate-and-optimize/model-migrations/claude-5-5 (read 2026-11-21)
  preset({
    id: 'openrouter',
    title: 'OpenRouter',
    baseUrl: 'https://openrouter.ai/api/v1',
    keyEnv: ['OPENROUTER_API_KEY'],
    defaultModel: 'anthropic/claude-sonnet-5.5',
    quirks: {
      reasoning: 'reasoning_object',
      replayReasoning: 'reasoning_details',
      claudeCache: true,
      headers: { 'X-Title': 'Herald' },
    },
  }),
  // Address as in Nous' own client, github.com/NousResearch/hermes-agent hermes_cli/auth_constants.py; models:
  // https://docs.cline.bot/provider-config/nousresearch (both read 2026-11-21)
  preset({
    id: 'nous',
    title: 'Nous Portal',
    baseUrl: 'https://inference-api.nousresearch.com/v1',
    keyEnv: ['NOUS_API_KEY'],
    defaultModel: 'Hermes-4-405B',
    quirks: { reasoning: 'reasoning_object', replayReasoning: 'reasoning_details' },
  }),
  // https://ai.google.dev/gemini-api/docs/openai (read 2026-11-21)
  preset({
    id: 'gemini',
    title: 'Google Gemini',
    baseUrl: 'https://generativelanguage.googleapis.com/v1beta/openai',
    keyEnv: ['GEMINI_API_KEY', 'GOOGLE_API_KEY'],
    defaultModel: 'gemini-3.5-flash',
    quirks: { repairText: false },
  }),
  // https://platform.kimi.ai/docs/api/chat: thinking models want reasoning_content back (read 2026-11-21 through models.dev)
  preset({
    id: 'kimi',
    title: 'Kimi (Moonshot AI)',
    baseUrl: 'https://api.moonshot.ai/v1',
    keyEnv: ['MOONSHOT_API_KEY', 'KIMI_API_KEY'],
    defaultModel: 'kimi-k3',
    quirks: { reasoning: 'thinking_type', replayReasoning: 'reasoning_content' },
  }),
  // https://platform.minimax.io/docs/api-reference/text-openai-api: reasoning_split keeps thinking out of the text (read
  // 2026-11-21 through java.agentscope.io/v2/en/integration/model/minimax)
  preset({
    id: 'minimax',
    title: 'MiniMax',
    baseUrl: 'https://api.minimax.io/v1',
    keyEnv: ['MINIMAX_API_KEY'],
    defaultModel: 'MiniMax-M3',
    quirks: {
      maxTokensField: 'max_completion_tokens',
      reasoning: 'ignore',
      replayReasoning: 'reasoning_details',
      extraBody: { reasoning_split: true },
    },
  }),
  // https://docs.z.ai/guides/capabilities/thinking (read 2026-11-21 through models.dev)
  preset({
    id: 'zai',
    title: 'Z.AI',
    baseUrl: 'https://api.z.ai/api/paas/v4',
    keyEnv: ['ZAI_API_KEY', 'ZHIPU_API_KEY', 'GLM_API_KEY'],
    defaultModel: 'glm-5.2',
    quirks: { reasoning: 'thinking_type', replayReasoning: 'reasoning_content' },
  }),
  // https://api-docs.deepseek.com/guides/thinking_mode: tool calls want reasoning_content back; text only (read 2026-11-21 through models.dev)
  preset({
    id: 'deepseek',
    title: 'DeepSeek',
    baseUrl: 'https://api.deepseek.com',
    keyEnv: ['DEEPSEEK_API_KEY'],
    defaultModel: 'deepseek-v4-flash',
    quirks: { reasoning: 'thinking_type', replayReasoning: 'reasoning_content', images: false },
  }),
  // https://docs.x.ai/docs/models; address: https://docs.agora.io/en/conversational-ai/models/llm/xai (read 2026-11-21)
  preset({
    id: 'xai',
    title: 'xAI',
    baseUrl: 'https://api.x.ai/v1',
    keyEnv: ['XAI_API_KEY'],
    defaultModel: 'grok-4.3',
    quirks: { repairText: false },
  }),
  // https://docs.mistral.ai/api/; refusals: github.com/anomalyco/opencode/issues/1680 and docs.rs/swink-agent-adapters
  // src/mistral.rs: ids of nine letters or digits, no stream_options, no user message after a tool result (read 2026-11-21)
  preset({
    id: 'mistral',
    title: 'Mistral',
    baseUrl: 'https://api.mistral.ai/v1',
    keyEnv: ['MISTRAL_API_KEY'],
    defaultModel: 'mistral-large-latest',
    quirks: { streamUsage: false, reasoning: 'ignore', toolIds: 'alnum9', fillerAfterTool: true },
  }),
  // https://console.groq.com/docs/reasoning (read 2026-11-21 through models.dev)
  preset({
    id: 'groq',
    title: 'Groq',
    baseUrl: 'https://api.groq.com/openai/v1',
    keyEnv: ['GROQ_API_KEY'],
    defaultModel: 'openai/gpt-oss-120b',
    quirks: { maxTokensField: 'max_completion_tokens' },
  }),
  // https://docs.together.ai/reference/chat-completions (read 2026-11-21 through models.dev)
  preset({
    id: 'together',
    title: 'Together AI',
    baseUrl: 'https://api.together.ai/v1',
    keyEnv: ['TOGETHER_API_KEY'],
    defaultModel: 'moonshotai/Kimi-K2.6',
  }),
  // https://huggingface.co/docs/inference-providers/en/tasks/chat-completion (read 2026-11-21 through models.dev)
  preset({
    id: 'huggingface',
    title: 'Hugging Face',
    baseUrl: 'https://router.huggingface.co/v1',
    keyEnv: ['HF_TOKEN'],
    defaultModel: 'MiniMaxAI/MiniMax-M3',
  }),
  // https://docs.ollama.com/api/openai-compatibility; port 11434 also at https://developer.4d.com/docs (read 2026-11-21)
  preset({ id: 'ollama', title: 'Ollama', baseUrl: 'http://127.0.0.1:11434/v1', local: true }),
  // https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html
  preset({ id: 'vllm', title: 'vLLM', baseUrl: 'http://127.0.0.1:8000/v1', local: true }),
  // https://mintlify.com/sgl-project/sglang/quickstart (read 2026-11-21)
  preset({ id: 'sglang', title: 'SGLang', baseUrl: 'http://127.0.0.1:30000/v1', local: true }),
  // https://lmstudio.ai/docs/api/endpoints/openai
  preset({ id: 'lmstudio', title: 'LM Studio', baseUrl: 'http://127.0.0.1:1234/v1', local: true }),
  preset({ id: 'custom', title: 'Custom endpoint', baseUrl: '', keyEnv: ['CUSTOM_API_KEY'] }),
];

export function findPreset(id: string): ProviderPreset | undefined {
  return PRESETS.find((entry) => entry.id === id);
}

/** True for services on the person's own machine, whose calls cost nothing. */
export function isLocalProvider(id: string): boolean {
  return findPreset(id)?.local ?? false;
}

function preset(row: PresetRow): ProviderPreset {
  return {
    apiMode: 'chat_completions',
    keyEnv: [],
    defaultModel: undefined,
    local: false,
    ...row,
    quirks: { ...DEFAULT_QUIRKS, ...row.quirks },
  };
}

type PresetRow = Pick<ProviderPreset, 'id' | 'title' | 'baseUrl'> &
  Partial<Pick<ProviderPreset, 'apiMode' | 'keyEnv' | 'defaultModel' | 'local'>> & { quirks?: Partial<ProviderQuirks> };
