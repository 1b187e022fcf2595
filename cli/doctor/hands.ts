// What the agent works with: where commands run and what keeps them apart, the browser, MCP servers, and programs that tools use. All of
// it is looked at here too when no gateway runs.
import { access, constants } from 'node:fs/promises';
import path from 'node:path';
import { findChromium } from '../../agent/tools/browser/find-chromium.ts';
import { openConfiguredBackend } from '../../gateway/compose/hands/backend.ts';
import { withDeadline } from '../../shared/deadline.ts';
import { asAppError } from '../../shared/errors.ts';
import { callControl } from '../client.ts';
import { fail, ok, warn, type Check, type Finding } from './finding.ts';

/** An engine or a machine far away has to answer. */
const CHECK_MS = 20_000;
/** Where scripts of the agent look for Python: what stands in a folder of the person's own is not theirs to see. */
const SYSTEM_PATH = '/usr/local/bin:/usr/bin:/bin';

export const checkTerminal: Check = async ({ context, loaded }) => {
  if (!loaded) return [];
  const { backend: id } = loaded.config.terminal;
  try {
    const backend = await openConfiguredBackend(loaded, context.clock);
    const { ok: works, detail } = await withDeadline({ clock: context.clock, timeoutMs: CHECK_MS }, (signal) =>
      backend.check(signal),
    );
    const message = `${id}: ${detail}`;
    if (!works)
      return [
        fail('commands', message, 'Mend that, or choose another place: herald config set terminal.backend local'),
      ];
    if (id === 'local' && backend.isolation?.files !== true)
      return [
        warn(
          'commands',
          message,
          'Install a sandbox (apt install bubblewrap), or run commands in containers: herald config set terminal.backend docker',
        ),
      ];
    return [ok('commands', message)];
  } catch (error) {
    return [fail('commands', `${id}: ${asAppError(error).publicMessage}`, 'herald config get terminal')];
  }
};

export const checkBrowser: Check = async ({ loaded }) => {
  if (!loaded) return [];
  const { cdp_url: remote, executable } = loaded.config.browser;
  if (remote !== undefined) return [ok('browser', `the one at ${withoutSecrets(remote)} (browser.cdp_url)`)];
  try {
    return [ok('browser', await findChromium(executable))];
  } catch (error) {
    const fix = executable === undefined ? 'apt install chromium' : 'herald config unset browser.executable';
    return [warn('browser', asAppError(error).publicMessage, fix)];
  }
};

export const checkServers: Check = async ({ context, loaded, status }) => {
  if (!loaded) return [];
  const servers = Object.entries(loaded.config.mcp_servers).filter(([, { enabled }]) => enabled);
  if (servers.length === 0) return [];
  if (status) {
    const known = await callControl(context.home, 'mcp.servers', {}).catch(asAppError);
    if (!(known instanceof Error)) return known.map(serverFinding);
    return [warn('mcp', `the gateway does not tell of its MCP servers: ${known.publicMessage}`, 'herald restart')];
  }
  return Promise.all(
    servers.map(async ([name, { command }]): Promise<Finding> => {
      if (command === undefined) return ok('mcp', `${name}: over HTTP, looked at when the gateway runs`);
      const file = await findProgram(command, loaded.lookup('PATH'));
      if (file !== undefined) return ok('mcp', `${name}: ${file}, looked at when the gateway runs`);
      return fail(
        'mcp',
        `${name}: there is no program ${command}`,
        `Install it, or correct it: herald config get mcp_servers.${name}.command`,
      );
    }),
  );
};

interface ServerState {
  name: string;
  state: string;
  lines: readonly string[];
  heldBack: readonly string[];
  problem?: string | undefined;
}

function serverFinding({ name, state, lines, heldBack, problem }: ServerState): Finding {
  const message = lines.map((line) => line.trim()).join('; ');
  if (state === 'needs-login') return warn('mcp', message, `herald mcp login ${name}`);
  if (state === 'failed' || problem !== undefined)
    return warn('mcp', message, `Look for the cause: herald logs --level warn, then herald mcp refresh ${name}`);
  if (heldBack.length > 0) return warn('mcp', message, `If you know these tools as harmless: herald mcp allow ${name}`);
  return ok('mcp', message);
}

export const checkPrograms: Check = async ({ loaded }) => {
  if (!loaded) return [];
  const rg = await findProgram('rg', loaded.lookup('PATH'));
  const python = await findProgram('python3', SYSTEM_PATH);
  return [
    rg === undefined
      ? warn('search', 'ripgrep is missing: files are searched by a slower way', 'apt install ripgrep')
      : ok('search', rg),
    python === undefined
      ? warn(
          'python',
          `there is no python3 in ${SYSTEM_PATH}: scripts in Python do not run, and Python files are not checked`,
          'apt install python3',
        )
      : ok('python', python),
  ];
};

/** Absolute path of a program; undefined when there is none. */
async function findProgram(name: string, search: string | undefined): Promise<string | undefined> {
  const files = name.includes('/')
    ? [name]
    : (search ?? '').split(path.delimiter).map((folder) => path.join(folder, name));
  for (const file of files) {
    const isThere = await access(file, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isThere) return file;
  }
  return undefined;
}

/** Addresses of browsers may carry a token. */
function withoutSecrets(address: string): string {
  return URL.canParse(address) ? new URL(address).origin : 'a remote address';
}
