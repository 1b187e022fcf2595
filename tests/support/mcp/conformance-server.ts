// What the conformance suite expects of a server: its tools, resources and prompts, by its own descriptions. Behind the transport, the
// keys and the sessions of Herald's MCP server, which is what is tried.
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import {
  CallToolRequestSchema,
  CompleteRequestSchema,
  CreateMessageResultSchema,
  ElicitResultSchema,
  GetPromptRequestSchema,
  ListPromptsRequestSchema,
  ListResourcesRequestSchema,
  ListResourceTemplatesRequestSchema,
  ListToolsRequestSchema,
  ReadResourceRequestSchema,
  SubscribeRequestSchema,
  UnsubscribeRequestSchema,
  type CallToolRequest,
  type CallToolResult,
  type ContentBlock,
  type ServerNotification,
  type ServerRequest,
} from '@modelcontextprotocol/sdk/types.js';
import type { RequestHandlerExtra } from '@modelcontextprotocol/sdk/shared/protocol.js';

const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==';
const WAV = 'UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA=';

type Extra = RequestHandlerExtra<ServerRequest, ServerNotification>;
type Args = NonNullable<CallToolRequest['params']['arguments']>;
type Run = (args: Args, extra: Extra) => Promise<ContentBlock[]>;

const say = (text: string): ContentBlock[] => [{ type: 'text', text }];
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const image: ContentBlock = { type: 'image', data: PNG, mimeType: 'image/png' };
const embedded: ContentBlock = {
  type: 'resource',
  resource: { uri: 'test://embedded', mimeType: 'text/plain', text: 'Embedded.' },
};

const NO_ARGUMENTS = { type: 'object' as const, properties: {} };
/** The schema that the suite looks for, with the words of JSON Schema 2020-12. */
const MODERN = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object' as const,
  $defs: { address: { type: 'object', properties: { street: { type: 'string' }, city: { type: 'string' } } } },
  properties: { name: { type: 'string' }, address: { $ref: '#/$defs/address' } },
  additionalProperties: false,
};

const titled = [1, 2, 3].map((n) => ({ const: `value${n}`, title: `Option ${n}` }));
const FORMS = {
  test_elicitation: {
    username: { type: 'string', description: "User's response" },
    email: { type: 'string', description: "User's email address" },
  },
  test_elicitation_sep1034_defaults: {
    name: { type: 'string', default: 'John Doe' },
    age: { type: 'integer', default: 30 },
    score: { type: 'number', default: 95.5 },
    status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
    verified: { type: 'boolean', default: true },
  },
  test_elicitation_sep1330_enums: {
    untitledSingle: { type: 'string', enum: ['option1', 'option2', 'option3'] },
    titledSingle: { type: 'string', oneOf: titled },
    legacyEnum: { type: 'string', enum: ['opt1', 'opt2'], enumNames: ['Option One', 'Option Two'] },
    untitledMulti: { type: 'array', items: { type: 'string', enum: ['option1', 'option2', 'option3'] } },
    titledMulti: { type: 'array', items: { anyOf: titled } },
  },
};

async function askForm(form: object, message: string, extra: Extra): Promise<ContentBlock[]> {
  const answer = await extra.sendRequest(
    {
      method: 'elicitation/create',
      params: { message, requestedSchema: { type: 'object', properties: { ...form }, required: [] } },
    },
    ElicitResultSchema,
  );
  return say(`Elicitation completed: action=${answer.action}, content=${JSON.stringify(answer.content)}`);
}

const TOOLS: Record<string, Run> = {
  test_simple_text: async () => say('This is a simple text response for testing.'),
  test_image_content: async () => [image],
  test_audio_content: async () => [{ type: 'audio', data: WAV, mimeType: 'audio/wav' }],
  test_embedded_resource: async () => [embedded],
  test_multiple_content_types: async () => [...say('Multiple content types test:'), image, embedded],
  test_error_handling: async () => {
    throw new Error('This tool intentionally returns an error for testing');
  },
  json_schema_2020_12_tool: async () => say('ok'),
  async test_tool_with_logging(_, extra) {
    for (const data of ['Tool execution started', 'Tool processing data', 'Tool execution completed']) {
      await extra.sendNotification({ method: 'notifications/message', params: { level: 'info', data } });
      await pause(20);
    }
    return say('Logged.');
  },
  async test_tool_with_progress(_, extra) {
    const progressToken = extra._meta?.progressToken;
    for (const progress of [0, 50, 100]) {
      if (progressToken !== undefined)
        await extra.sendNotification({
          method: 'notifications/progress',
          params: { progressToken, progress, total: 100 },
        });
      await pause(20);
    }
    return say('Done.');
  },
  async test_sampling({ prompt }, extra) {
    const content = { type: 'text' as const, text: String(prompt) };
    const reply = await extra.sendRequest(
      { method: 'sampling/createMessage', params: { messages: [{ role: 'user', content }], maxTokens: 100 } },
      CreateMessageResultSchema,
    );
    return say(`LLM response: ${reply.content.type === 'text' ? reply.content.text : ''}`);
  },
  test_elicitation: ({ message }, extra) => askForm(FORMS.test_elicitation, String(message), extra),
  test_elicitation_sep1034_defaults: (_, extra) => askForm(FORMS.test_elicitation_sep1034_defaults, 'Defaults', extra),
  test_elicitation_sep1330_enums: (_, extra) => askForm(FORMS.test_elicitation_sep1330_enums, 'Enums', extra),
  async test_reconnection(_, extra) {
    extra.closeSSEStream?.();
    await pause(50);
    return say('Back again.');
  },
};

export function makeSuiteServer(): Server {
  const server = new Server(
    { name: 'suite', version: '1.0.0' },
    { capabilities: { tools: {}, resources: { subscribe: true }, prompts: {}, logging: {}, completions: {} } },
  );
  server.setRequestHandler(ListToolsRequestSchema, () => ({
    tools: Object.keys(TOOLS).map((name) => ({
      name,
      description: `The suite's ${name}`,
      inputSchema: name === 'json_schema_2020_12_tool' ? MODERN : NO_ARGUMENTS,
    })),
  }));
  server.setRequestHandler(CallToolRequestSchema, async ({ params }, extra): Promise<CallToolResult> => {
    try {
      const run = TOOLS[params.name];
      if (!run) throw new Error(`no tool ${params.name}`);
      return { content: await run(params.arguments ?? {}, extra) };
    } catch (error) {
      return { isError: true, content: say(error instanceof Error ? error.message : 'failed') };
    }
  });
  addResources(server);
  addPrompts(server);
  server.setRequestHandler(CompleteRequestSchema, () => ({ completion: { values: ['test'], total: 1 } }));
  return server;
}

function addResources(server: Server): void {
  const description = 'Of the suite';
  server.setRequestHandler(ListResourcesRequestSchema, () => ({
    resources: ['static-text', 'static-binary', 'watched-resource'].map((name) => ({
      uri: `test://${name}`,
      name,
      description,
      mimeType: 'text/plain',
    })),
  }));
  server.setRequestHandler(ListResourceTemplatesRequestSchema, () => ({
    resourceTemplates: [{ uriTemplate: 'test://template/{id}/data', name: 'template', description }],
  }));
  server.setRequestHandler(ReadResourceRequestSchema, ({ params: { uri } }) => {
    if (uri === 'test://static-binary') return { contents: [{ uri, mimeType: 'image/png', blob: PNG }] };
    const id = /^test:\/\/template\/(.+)\/data$/.exec(uri)?.[1];
    const text = id === undefined ? 'This is the content.' : JSON.stringify({ id, templateTest: true });
    return { contents: [{ uri, mimeType: id === undefined ? 'text/plain' : 'application/json', text }] };
  });
  server.setRequestHandler(SubscribeRequestSchema, () => ({}));
  server.setRequestHandler(UnsubscribeRequestSchema, () => ({}));
}

function addPrompts(server: Server): void {
  const wanted = (...names: string[]) => names.map((name) => ({ name, description: name, required: true }));
  const prompts = [
    { name: 'test_simple_prompt', arguments: [] },
    { name: 'test_prompt_with_arguments', arguments: wanted('arg1', 'arg2') },
    { name: 'test_prompt_with_embedded_resource', arguments: wanted('resourceUri') },
    { name: 'test_prompt_with_image', arguments: [] },
  ];
  server.setRequestHandler(ListPromptsRequestSchema, () => ({
    prompts: prompts.map((prompt) => ({ ...prompt, description: 'Of the suite' })),
  }));
  server.setRequestHandler(GetPromptRequestSchema, ({ params }) => {
    const { arg1, arg2, resourceUri } = params.arguments ?? {};
    const content: Record<string, ContentBlock[]> = {
      test_simple_prompt: say('This is a simple prompt for testing.'),
      test_prompt_with_arguments: say(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`),
      test_prompt_with_embedded_resource: [
        { type: 'resource', resource: { uri: String(resourceUri), mimeType: 'text/plain', text: 'Embedded.' } },
      ],
      test_prompt_with_image: [image],
    };
    return { messages: (content[params.name] ?? []).map((block) => ({ role: 'user' as const, content: block })) };
  });
}
