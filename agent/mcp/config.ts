// What config.yaml may say about foreign MCP servers: section `mcp_servers`, one entry per server. Times are in seconds.
import { z } from 'zod';

const seconds = (most: number, usual: number, what: string) =>
  z.number().positive().max(most).default(usual).describe(`${what}, in seconds. Default ${usual}.`);

const globs = (what: string) => z.array(z.string().trim().min(1).max(200)).max(500).default([]).describe(what);

const oauth = z.strictObject({
  grant: z
    .enum(['authorization_code', 'client_credentials'])
    .default('authorization_code')
    .describe(
      'authorization_code: a person logs in with a browser. client_credentials: id and secret are enough. Default authorization_code.',
    ),
  client_id: z.string().min(1).optional().describe('Id of Herald there. Default: Herald registers itself.'),
  client_secret: z.string().min(1).optional().describe('Secret to client_id. Keep it in .env.'),
  private_key: z
    .string()
    .min(1)
    .optional()
    .describe('Private key (PEM) that proves client_id instead of a secret, for client_credentials. Keep it in .env.'),
  signing_algorithm: z.string().min(1).max(20).default('ES256').describe('Algorithm of private_key. Default ES256.'),
  client_metadata_url: z
    .string()
    .url()
    .startsWith('https://')
    .optional()
    .describe('Address of a client metadata document of yours, for servers that know clients by it. Default: none.'),
  issuer: z
    .string()
    .url()
    .optional()
    .describe(
      'Address of the login server that client_id belongs to; no other gets it. Default: whichever the server names.',
    ),
  scope: z.string().min(1).max(2000).optional().describe('Rights to ask for, when the server names none.'),
  redirect_port: z
    .int()
    .min(0)
    .max(65_535)
    .default(0)
    .describe('Port on this machine that the browser comes back to; 0 takes any free one. Default 0.'),
});

const sampling = z.strictObject({
  enabled: z
    .boolean()
    .default(false)
    .describe('Whether the server may have texts written by the model, at the cost of who called it. Default false.'),
  model: z.string().min(1).optional().describe('Model for it. Default: that of the session.'),
  allowed_models: z
    .array(z.string().trim().min(1).max(200))
    .max(100)
    .default([])
    .describe('Models that the server may ask for by name. Default: [].'),
  max_tokens_cap: z.int().min(1).max(1_000_000).default(4096).describe('Most tokens of one such text. Default 4096.'),
  timeout: seconds(600, 30, 'Longest wait for one such text'),
  max_rpm: z.int().min(1).max(600).default(10).describe('Most such texts in a minute. Default 10.'),
  max_tool_rounds: z
    .int()
    .min(0)
    .max(50)
    .default(5)
    .describe('How often one request may call tools of the server before it must end. Default 5.'),
});

const elicitation = z.strictObject({
  enabled: z.boolean().default(true).describe('Whether the server may ask the person something. Default true.'),
  timeout: seconds(3600, 300, 'How long the person has to answer'),
});

const isPlain = (text: string) => {
  const url = URL.parse(text);
  return url !== null && (url.protocol === 'https:' || (url.protocol === 'http:' && isNear(url.hostname)));
};

/** This machine, or addresses and names that are not routed on the internet. */
function isNear(host: string): boolean {
  return (
    /^(localhost|127\.\d+\.\d+\.\d+|\[::1\]|10\.\d+\.\d+\.\d+|192\.168\.\d+\.\d+|\[f[cd][0-9a-f:]*\])$/.test(host) ||
    /^172\.(1[6-9]|2\d|3[01])\.\d+\.\d+$/.test(host) ||
    /\.(local|lan|internal|localhost)$/.test(host)
  );
}

const server = z
  .strictObject({
    enabled: z.boolean().default(true).describe('Whether it is used. Default true.'),
    command: z.string().min(1).optional().describe('Program to start; it speaks MCP on its standard input and output.'),
    args: z.array(z.string().max(10_000)).max(200).default([]).describe('Arguments of the program. Default: [].'),
    env: z
      .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), z.string())
      .default({})
      .describe('Environment of the program, beside PATH, HOME and the like. Nothing else of ours gets there.'),
    url: z
      .string()
      .refine(isPlain, 'write https://…, or http:// for an address of this machine or network')
      .optional()
      .describe('Address of a server that is reached over HTTP.'),
    headers: z
      .record(z.string().regex(/^[A-Za-z0-9-]+$/), z.string())
      .default({})
      .describe('Headers of every request to it. Default: {}.'),
    auth: z.enum(['none', 'oauth']).default('none').describe('How Herald proves who it is. Default none.'),
    oauth: oauth.prefault({}).describe('Settings of auth: oauth.'),
    timeout: seconds(3600, 120, 'Longest tool call'),
    connect_timeout: seconds(600, 30, 'Longest start or connection'),
    idle_timeout_seconds: seconds(86_400, 300, 'How long an unused connection stays open'),
    supports_parallel_tool_calls: z
      .boolean()
      .default(false)
      .describe('Whether several calls may run at once. Default false: one after the other.'),
    tools: z
      .strictObject({
        include: globs('Tools that are offered, with * and ?. Default: all.'),
        exclude: globs('Tools that are not offered; beats include. Default: [].'),
      })
      .prefault({})
      .describe('Which of its tools are offered.'),
    resources: z.boolean().default(true).describe('Whether its resources can be listed and read. Default true.'),
    prompts: z.boolean().default(true).describe('Whether its prompts can be listed and read. Default true.'),
    sampling: sampling.prefault({}).describe('Texts that the server has written by the model.'),
    elicitation: elicitation.prefault({}).describe('Questions of the server to the person.'),
    roots: z
      .boolean()
      .default(false)
      .describe('Tells the server the folder of the person; each person then has a connection. Default false.'),
    roles: z
      .array(z.enum(['owner', 'admin', 'member']))
      .min(1)
      .default(['owner', 'admin'])
      .describe('Who may use it: it acts with the rights that you gave it. Default: owner and admin.'),
    trust: z
      .boolean()
      .default(false)
      .describe(
        'Believe what it says about its tools (reading only, repeatable, changed descriptions). Default false.',
      ),
  })
  .refine((own) => (own.command === undefined) !== (own.url === undefined), 'give either command or url')
  .refine((own) => own.auth === 'none' || own.url !== undefined, 'auth: oauth needs a url')
  .refine(
    ({ oauth: { grant, client_id, client_secret, private_key } }) =>
      grant === 'authorization_code' || (client_id !== undefined && (client_secret ?? private_key) !== undefined),
    'client_credentials needs client_id, and client_secret or private_key',
  );

/** Section `mcp_servers`. Names are part of the names of tools. */
export const mcpServersSection = z
  .record(z.string().regex(/^[a-z0-9][a-z0-9_-]{0,31}$/, 'use lower-case letters, digits, _ and -, 32 at most'), server)
  .default({})
  .describe('MCP servers whose tools the agent may use. Default: {}.');

export type McpServers = Readonly<z.output<typeof mcpServersSection>>;
export type McpServerConfig = Readonly<z.output<typeof server>>;
