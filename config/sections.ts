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
import { agentSettings, budgetSettings, workerSettings } from './sections/agent.ts';
import { gatewaySettings } from './sections/gateway.ts';
import { modelSettings, providerSettings } from './sections/models.ts';
import { voiceSection } from './voice.ts';

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
  workers: workerSettings.prefault({}).describe('Workers, which the agent gives pieces of work to.'),
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
