// The client of the conformance suite: connects to the suite's server as the agent would, logs in when that is asked for, and calls every
// tool. What the suite looks at is what arrives at its own server. Runs in the process of the test: conformance-shim.mjs brings it there.
import { createServer, type Server } from 'node:net';
import { z } from 'zod';
import type { McpPorts } from '../../../agent/mcp/ports.ts';
import { callTool, openRig, type McpRig } from './rig.ts';

const SERVER = 'suite';
const MAX_LOGINS = 3;

const requestSchema = z.object({ url: z.string(), scenario: z.string(), context: z.string().optional() });
const contextSchema = z.looseObject({
  client_id: z.string().optional(),
  client_secret: z.string().optional(),
  private_key_pem: z.string().optional(),
  signing_algorithm: z.string().optional(),
});

const ports: McpPorts = {
  // A browser: follows the address until it leads back to this machine's listener.
  async showLogin(_, address) {
    const answer = await fetch(address, { redirect: 'manual' });
    const back = answer.headers.get('location');
    if (back !== null) await fetch(back);
  },
  askPerson: async () => ({ action: 'accept', content: {} }),
};

/** Answers each line of a connection (a scenario) with "ok" or what went wrong. */
export function serveScenarios(socketPath: string): Promise<Server> {
  const server = createServer((socket) => {
    let text = '';
    socket.setEncoding('utf8');
    socket.on('error', () => undefined);
    socket.on('data', (chunk: string) => {
      text += chunk;
      if (!text.endsWith('\n')) return;
      void runScenario(requestSchema.parse(JSON.parse(text))).then(
        () => socket.end('ok'),
        (error: unknown) => socket.end(error instanceof Error ? (error.stack ?? error.message) : String(error)),
      );
    });
  });
  return new Promise((resolve) => server.listen(socketPath, () => resolve(server)));
}

async function runScenario({ url, scenario, context }: z.output<typeof requestSchema>): Promise<void> {
  const oauth = oauthSettings(scenario, contextSchema.parse(JSON.parse(context ?? '{}')));
  const config = { url, ...(scenario.startsWith('auth/') ? { auth: 'oauth', oauth } : {}) };
  const rig = await openRig({ [SERVER]: config }, { ports });
  try {
    await useEverything(rig);
  } finally {
    await rig.close();
  }
}

function oauthSettings(scenario: string, context: z.output<typeof contextSchema>) {
  if (scenario === 'auth/basic-cimd')
    return { client_metadata_url: 'https://conformance-test.local/client-metadata.json' };
  const { client_id, client_secret, private_key_pem: private_key, signing_algorithm } = context;
  if (client_id === undefined) return {};
  const grant = scenario.startsWith('auth/client-credentials') ? 'client_credentials' : 'authorization_code';
  return { client_id, client_secret, private_key, signing_algorithm, grant };
}

async function useEverything(rig: McpRig): Promise<void> {
  const signal = AbortSignal.timeout(20_000);
  let logins = 0;
  const logIn = async () => {
    if (rig.mcp.status()[0]?.state !== 'needs-login' || ++logins > MAX_LOGINS) return false;
    await rig.mcp.login(SERVER, signal);
    return true;
  };
  for (let attempt = 0; attempt <= MAX_LOGINS; attempt++) {
    try {
      await rig.mcp.refresh(SERVER, signal);
      break;
    } catch (error) {
      if (!(await logIn())) throw error;
    }
  }
  for (const tool of rig.mcp.tools()) {
    const args = tool.name.endsWith('add_numbers') ? { a: 5, b: 3 } : {};
    for (let attempt = 0; attempt <= MAX_LOGINS; attempt++) {
      const result = await callTool(tool, args);
      if (result.isError !== true || !(await logIn())) break;
    }
  }
}
