// `herald mcp`: Herald as an MCP server for a program that starts it, and the MCP servers whose tools the agent uses.
import { manifests } from '../../adapters/manifests.ts';
import { setConfigValue } from '../../config/edit.ts';
import { loadConfig } from '../../config/load.ts';
import { callControl, callOperation } from '../client.ts';
import { makeBackend } from '../../gateway/mcp/backend.ts';
import { serveMcpStdio } from '../../gateway/mcp/stdio.ts';
import { makeHeraldServer } from '../../gateway/mcp/tools.ts';
import { AppError } from '../../shared/errors.ts';
import { silentLog } from '../../shared/log.ts';
import type { CliContext, Given } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { printable } from '../output.ts';

/** How long `login` waits for the browser; the gateway gives up at about the same time. */
const LOGIN_MS = 15 * 60_000;
const WAIT_MS = 25_000;

/** On standard input and output, until the client closes them. Nothing else is printed there. */
export async function runMcpServe(context: CliContext, given: Given): Promise<number> {
  if (given.flag('http')) return serveOverHttp(context);
  const person = await personOf(context, given.text('person'));
  const backend = makeBackend((name, input) => callOperation(context.home, name, input), person);
  const ended = new AbortController();
  const end = () => ended.abort();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, end);
  const server = await makeHeraldServer(backend, silentLog);
  context.note('Herald serves MCP on standard input and output.');
  await serveMcpStdio({ server, input: context.stdin, output: context.stdout, signal: ended.signal });
  return EXIT.ok;
}

async function serveOverHttp(context: CliContext): Promise<number> {
  const loaded = await loadConfig({ home: context.home, manifests });
  await setConfigValue(context.home, 'mcp_server.http', true, { manifests });
  const status = await callControl(context.home, 'status', {}).catch(() => undefined);
  const isServed = loaded.config.mcp_server.http;
  const { host, port } = loaded.config.gateway;
  const url = `${status?.url ?? `http://${host}:${port}`}/mcp`;
  context.print({ url, isServed, isRunning: status !== undefined }, () => {
    const next = status === undefined ? 'herald start' : isServed ? undefined : 'herald restart';
    return `MCP at ${url}${next === undefined ? '' : ` after \`${next}\``}. Programs need a key: herald keys create`;
  });
  return EXIT.ok;
}

export async function runMcpList(context: CliContext): Promise<number> {
  const servers = await callControl(context.home, 'mcp.servers', {});
  context.print(servers, () =>
    servers.length === 0
      ? 'No MCP servers are configured. docs/mcp.md shows how: mcp_servers in config.yaml.'
      : servers.flatMap(({ lines }) => lines.map(printable)).join('\n'),
  );
  return EXIT.ok;
}

export async function runMcpLogin(context: CliContext, given: Given): Promise<number> {
  const server = given.need(0);
  const { home } = context;
  const returned = given.text('address');
  if (returned === undefined) {
    const { address } = await callControl(home, 'mcp.login', { server });
    if (address === undefined) {
      context.print({ server, done: true }, () => `${server} needs no login now.`);
      return EXIT.ok;
    }
    context.note(`Open this address in a browser and log in:\n\n${printable(address)}\n`);
    context.note(
      `If the browser is on another machine, it ends at a page that cannot be shown. Give that page's address, in another terminal: herald mcp login ${server} --address '…'`,
    );
  } else await callControl(home, 'mcp.login.complete', { server, address: returned });
  const until = context.clock.now() + LOGIN_MS;
  while (context.clock.now() < until) {
    const { done } = await callControl(home, 'mcp.login.wait', { server, waitMs: WAIT_MS });
    if (!done) continue;
    context.print({ server, done: true }, () => `Logged in to ${server}.`);
    return EXIT.ok;
  }
  throw new AppError('timeout', `Nobody logged in to ${server} in time. Nothing was changed; begin anew.`);
}

export async function runMcpLogout(context: CliContext, given: Given): Promise<number> {
  const server = given.need(0);
  await callControl(context.home, 'mcp.logout', { server });
  context.print({ server }, () => `The tokens of ${server} are deleted here; the server was not told.`);
  return EXIT.ok;
}

export async function runMcpAllow(context: CliContext, given: Given): Promise<number> {
  const server = given.need(0);
  const tools = given.rest(1);
  await callControl(context.home, 'mcp.allow', { server, tools: tools.length === 0 ? undefined : [...tools] });
  return show(context, server);
}

export async function runMcpRefresh(context: CliContext, given: Given): Promise<number> {
  const server = given.need(0);
  await callControl(context.home, 'mcp.refresh', { server });
  return show(context, server);
}

async function show(context: CliContext, name: string): Promise<number> {
  const server = (await callControl(context.home, 'mcp.servers', {})).find((one) => one.name === name);
  context.print(server, (known) => (known?.lines ?? []).map(printable).join('\n'));
  return EXIT.ok;
}

/** Id of the person that programs speak for. Rejects with AppError when nobody fits, before a client is served. */
async function personOf(context: CliContext, wanted: string | undefined): Promise<string> {
  const { id } = await callControl(context.home, 'mcp.person', { person: wanted });
  return id;
}
