// The sections of config.yaml other than `platforms`, with their defaults. Keys are snake_case, as they stand in the file.
import { z } from 'zod';
import { mcpServersSection } from '../agent/mcp/config.ts';
import { memorySchema } from '../agent/memory/config.ts';
import { terminalSettings } from '../agent/terminal/config.ts';
import { browserSchema } from '../agent/tools/browser/config.ts';
import { codeSchema } from '../agent/tools/code/config.ts';
import { imagesSchema } from '../agent/tools/media/config.ts';
import { webSchema } from '../agent/tools/web/config.ts';
import { reviewSchema } from '../agent/review/config.ts';
import { schedulerSchema } from '../scheduler/config.ts';
import { skillsSchema } from '../skills/config.ts';
import { voiceSection } from './voice.ts';

const HOUR_MS = 3_600_000;

const webAddress = z
  .string()
  .refine(
    (text) => /^https?:\/\/[^\s/]/.test(text) && URL.canParse(text),
    'write a web address such as http://127.0.0.1:11434/v1',
  );

const timeZone = z.string().refine(isTimeZone, 'write a time zone such as Europe/Vienna or UTC');

const apiMode = z
  .enum(['chat_completions', 'responses', 'anthropic_messages'])
  .describe(
    'How the model server is spoken to: OpenAI chat completions, OpenAI Responses or Anthropic Messages. Default: as the provider needs.',
  );

const price = (what: string) =>
  z.number().min(0).optional().describe(`US dollars per million ${what} tokens. Default: the bundled price table.`);

/** Text entries such as user ids. Numbers in the file are taken digit for digit as written. */
export const textList = (what: string) =>
  z.array(z.string().trim().min(1).max(256)).max(1000).default([]).describe(what);

const tokenCount = z.int().min(1).max(100_000_000);

const modelSettings = z.strictObject({
  provider: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Preset or key of `providers`. Default: the first one with a key in the environment, else a local Ollama, else the demo model.',
    ),
  name: z.string().min(1).optional().describe("The provider's id of the model. Default: the provider's usual one."),
  base_url: webAddress
    .optional()
    .describe('Address of an OpenAI- or Anthropic-compatible server. Default: as the provider preset says.'),
  api_mode: apiMode.optional(),
  context_length: tokenCount.optional().describe('Tokens that fit the model. Default: from the bundled model table.'),
  max_tokens: tokenCount
    .optional()
    .describe('Most tokens of one reply of this model. Default: agent.max_output_tokens.'),
  vision: z.boolean().optional().describe('Whether the model sees images; false: model_vision does. Default true.'),
  api_key: z
    .string()
    .min(1)
    .optional()
    .describe('Discouraged: keep keys in .env. Default: the environment name of the provider.'),
});

const modelEntry = z.strictObject({
  context_length: tokenCount.optional().describe('Tokens that fit the model.'),
  max_output_tokens: tokenCount.optional().describe('Most tokens that the model can answer.'),
  vision: z.boolean().optional().describe('Whether the model sees images. Default true.'),
  input_usd_per_million: price('input'),
  output_usd_per_million: price('output'),
  cache_read_usd_per_million: price('cache read'),
  cache_write_usd_per_million: price('cache write'),
});

const providerSettings = z.strictObject({
  base_url: webAddress.optional().describe('Address of the API. Default: as the preset of that name says.'),
  api_mode: apiMode.optional(),
  key_env: z
    .array(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'name environment variables, not keys'))
    .max(32)
    .optional()
    .describe(
      'Environment names that hold keys of this provider; several are used in turn. Default: as the preset of that name says.',
    ),
  models: z
    .record(z.string().min(1), modelEntry)
    .default({})
    .describe('What the bundled tables do not know about its models. Default: {}.'),
});

const gatewaySettings = z.strictObject({
  host: z
    .string()
    .min(1)
    .default('127.0.0.1')
    .describe('Address that the HTTP server listens on. Default 127.0.0.1: this machine only.'),
  port: z
    .int()
    .min(0)
    .max(65_535)
    .default(7420)
    .describe('Port of the HTTP server; 0 takes any free one. Default 7420.'),
  allowed_hosts: textList('Host names under which the HTTP server may be called besides loopback names. Default: [].'),
  allowed_users: textList('User ids that may talk on every platform without pairing. Default: [].'),
  allow_all_users: z
    .boolean()
    .default(false)
    .describe('Lets everybody talk on every platform without pairing. Default false.'),
  max_concurrent_turns: z
    .int()
    .min(1)
    .max(1000)
    .default(4)
    .describe('Turns that run at the same time, over all sessions. Default 4.'),
  debounce_ms: z
    .int()
    .min(0)
    .max(60_000)
    .default(600)
    .describe('How long a burst of messages is collected before it is answered, in ms. Default 600.'),
  queue_mode: z
    .enum(['queue', 'steer', 'collect', 'interrupt'])
    .default('queue')
    .describe('What a message during a turn does, unless the chat chose otherwise. Default queue.'),
  receipts: z
    .boolean()
    .default(false)
    .describe('A message gets a reaction while I work on it, where the platform has reactions. Default false.'),
  turn_timeout_ms: z
    .int()
    .min(1000)
    .max(24 * HOUR_MS)
    .default(4 * HOUR_MS)
    .describe('Longest turn, waiting for your answers included, in ms. Default 14400000 (4 hours).'),
  answer_ttl_hours: z
    .number()
    .positive()
    .max(720)
    .default(24)
    .describe('How old an unsent answer may be and still be sent, in hours. Default 24.'),
  backfill_hours: z
    .number()
    .positive()
    .max(720)
    .default(24)
    .describe('How old a message may be that came while Herald was away and is still read, in hours. Default 24.'),
  backfill_messages: z
    .int()
    .min(1)
    .max(10_000)
    .default(200)
    .describe('Most messages of one chat that are read after Herald was away, the latest ones. Default 200.'),
  max_upload_mb: z
    .number()
    .positive()
    .max(2048)
    .default(50)
    .describe('Largest file that is taken in, in MB (1024 * 1024 bytes). Default 50.'),
  drain_ms: z
    .int()
    .min(0)
    .max(600_000)
    .default(10_000)
    .describe('How long a stopping gateway waits for running turns, in ms. Default 10000.'),
});

const agentSettings = z.strictObject({
  max_iterations: z.int().min(1).max(1000).default(90).describe('Model calls in one turn. Default 90.'),
  personality: z
    .string()
    .min(1)
    .optional()
    .describe('Personality of new sessions, one of `personalities` or a built-in one. Default: none.'),
  max_output_tokens: tokenCount.default(8192).describe('Most tokens of one model reply. Default 8192.'),
  reasoning_effort: z
    .enum(['none', 'low', 'medium', 'high'])
    .optional()
    .describe("How long the model thinks. Default: the provider's."),
  timezone: timeZone.optional().describe('Time zone of dates in prompts and schedules. Default: that of the machine.'),
  tools: z
    .strictObject({
      disabled: textList('Tools and toolsets that the model does not get. Default: [].'),
      by_platform: z
        .record(z.string().min(1).max(64), textList('Tools and toolsets that are off there.'))
        .default({})
        .describe('Tools and toolsets that are off in all chats of a platform, by its id. Default: {}.'),
      by_role: z
        .partialRecord(
          z.enum(['owner', 'admin', 'member', 'guest']),
          textList('Tools and toolsets that are off for them.'),
        )
        .default({})
        .describe('Tools and toolsets that are off for people of a role: owner, admin, member or guest. Default: {}.'),
      timeout_ms: z
        .int()
        .min(100)
        .max(HOUR_MS)
        .default(120_000)
        .describe('Longest run of one tool call, in ms. Default 120000.'),
      max_parallel: z
        .int()
        .min(1)
        .max(64)
        .default(4)
        .describe('Tool calls that run at the same time in one turn. Default 4.'),
      max_result_chars: z
        .int()
        .min(1000)
        .max(10_000_000)
        .default(20_000)
        .describe('Longest tool result that the model sees, in UTF-16 units. Default 20000.'),
    })
    .prefault({})
    .describe('Limits of tools.'),
});

const limitUsd = (usd: number, what: string) =>
  z.number().min(0).nullable().default(usd).describe(`${what}, in US dollars; null = no limit. Default ${usd}.`);
const limitTokens = (tokens: number, what: string) =>
  z
    .int()
    .min(0)
    .nullable()
    .default(tokens)
    .describe(`${what}, in tokens in and out; null = no limit. Default ${tokens}.`);

const budgetSettings = z.strictObject({
  per_turn_usd: limitUsd(2, 'Most that one turn may cost'),
  per_person_day_usd: limitUsd(10, 'Most that one person may cost per day'),
  per_day_usd: limitUsd(25, 'Most that all together may cost per day'),
  per_chat_day_usd: z
    .number()
    .min(0)
    .nullable()
    .default(null)
    .describe(
      'Most that one conversation (a person in direct chats, or a group) may cost per day, in US dollars. Default null: no limit.',
    ),
  per_chat_day_tokens: z
    .int()
    .min(0)
    .nullable()
    .default(null)
    .describe('Most that one conversation may use per day, in tokens in and out. Default null: no limit.'),
  per_turn_tokens: limitTokens(2_000_000, 'Most that one turn may use'),
  per_person_day_tokens: limitTokens(20_000_000, 'Most that one person may use per day'),
  per_day_tokens: limitTokens(50_000_000, 'Most that all together may use per day'),
});

/** All sections but `platforms`. Output types are those of the frozen configuration. */
export const coreSections = {
  model: modelSettings.prefault({}).describe('The model that answers.'),
  fallback_models: z
    .array(modelSettings)
    .max(16)
    .default([])
    .describe('Models that are tried in order when the first one fails. Default: [].'),
  model_auxiliary: z
    .array(modelSettings)
    .max(8)
    .default([])
    .describe(
      'Cheap models for summaries, titles, rules and judgements, tried in order; then the model that answers. Default: [].',
    ),
  model_small: z
    .array(modelSettings)
    .max(8)
    .default([])
    .describe(
      'Cheap models for short questions in short conversations, until a tool is called; then the model that answers. Default: [].',
    ),
  model_vision: z
    .array(modelSettings)
    .max(8)
    .default([])
    .describe('Models for messages with images, when the model that answers has vision: false. Default: [].'),
  providers: z
    .record(z.string().regex(/^[a-z0-9][a-z0-9_-]*$/, 'use lower-case letters, digits, _ and -'), providerSettings)
    .default({})
    .describe('Own providers, and changes to the presets. Default: {}.'),
  gateway: gatewaySettings.prefault({}).describe('The process that holds everything together.'),
  agent: agentSettings.prefault({}).describe('How the agent works.'),
  approvals: z
    .strictObject({
      mode: z
        .enum(['manual', 'smart', 'off'])
        .default('manual')
        .describe(
          'What reaches beyond workspace and sandbox: manual = you are asked. smart = a model may let harmless calls pass. off = it is free. Words of others, standing rules and what is never done are not touched by it. Default manual.',
        ),
      ttl_minutes: z
        .number()
        .positive()
        .max(1440)
        .default(30)
        .describe('How long you have to answer a request, in minutes. Default 30.'),
    })
    .prefault({})
    .describe('When you are asked before a tool runs.'),
  terminal: terminalSettings.prefault({}).describe('Where commands run.'),
  web: webSchema.prefault({}).describe('Searching the web and reading pages.'),
  browser: browserSchema.prefault({}).describe('The browser that the agent may use.'),
  images: imagesSchema.prefault({}).describe('Making images.'),
  execute_code: codeSchema.prefault({}).describe('Scripts that call tools.'),
  mcp_servers: mcpServersSection,
  mcp_server: z
    .strictObject({
      http: z
        .boolean()
        .default(false)
        .describe(
          'Serves MCP at /mcp on the port of the gateway, to programs with a key (`herald keys create`). Default false.',
        ),
    })
    .prefault({})
    .describe('Herald as an MCP server for other programs; `herald mcp serve` needs no setting.'),
  skills: skillsSchema.prefault({}).describe('Skills: what the agent knows how to do.'),
  scheduler: schedulerSchema.prefault({}).describe('Jobs and reminders: what runs by itself.'),
  review: reviewSchema.prefault({}).describe('Looking back at conversations, to keep and learn from them.'),
  workers: z
    .strictObject({
      max_parallel: z
        .int()
        .min(1)
        .max(64)
        .default(4)
        .describe('Workers that run at the same time, at each level. Default 4.'),
      max_depth: z
        .int()
        .min(0)
        .max(4)
        .default(2)
        .describe('Levels of workers: 0 = none, 1 = workers have none of their own. Default 2.'),
      max_iterations: z.int().min(1).max(1000).default(60).describe('Model calls of one worker. Default 60.'),
      presets: z
        .record(
          z.string().regex(/^[a-z0-9][a-z0-9_-]{0,39}$/, 'use lower-case letters, digits, _ and -'),
          z.strictObject({
            description: z.string().max(200).optional().describe('What it is for. Default: none.'),
            prompt: z.string().max(20_000).optional().describe('Added to what the worker is told. Default: nothing.'),
            tools: z
              .array(z.string().min(1))
              .max(100)
              .optional()
              .describe('Tools and toolsets that it gets. Default: all that the person has.'),
            model: z.string().min(1).optional().describe('As for /model. Default: the configured model.'),
          }),
        )
        .default({})
        .describe('Named kinds of workers, beside general, research and review. Default: {}.'),
    })
    .prefault({})
    .describe('Workers, which the agent gives pieces of work to.'),
  budget: budgetSettings.prefault({}).describe('Hard limits, reserved before each model call.'),
  sessions: z
    .strictObject({
      dm_scope: z
        .enum(['person', 'chat'])
        .default('person')
        .describe('person: one conversation over all platforms. chat: one per chat. Default person.'),
    })
    .prefault({})
    .describe('What belongs to one conversation.'),
  pairing: z
    .strictObject({
      unauthorized_dm: z
        .enum(['code', 'ignore'])
        .default('code')
        .describe('What a stranger in a direct message gets: a pairing code, or nothing. Default code.'),
    })
    .prefault({})
    .describe('How strangers become known.'),
  logging: z
    .strictObject({
      level: z
        .enum(['debug', 'info', 'warn', 'error'])
        .default('info')
        .describe('Least level that is logged. Default info.'),
    })
    .prefault({})
    .describe('The log.'),
  voice: voiceSection,
  memory: memorySchema.prefault({}).describe('What is remembered of people and groups.'),
  personalities: z
    .record(
      z.string().regex(/^[A-Za-z0-9_-]{1,32}$/, 'use up to 32 letters, digits, _ and -'),
      z.string().trim().min(1).max(20_000),
    )
    .default({})
    .describe('Texts that /personality puts into the prompt, by name. Default: {}.'),
};

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone.length > 0;
  } catch {
    return false;
  }
}
