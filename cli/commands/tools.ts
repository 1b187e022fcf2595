// `herald tools`: what the agent can do, and switching tools off for everybody, for a platform or for a role, in config.yaml.
import { manifests } from '../../adapters/manifests.ts';
import { setConfigValue } from '../../config/edit.ts';
import { loadConfig, type LoadedConfig } from '../../config/load.ts';
import type { OperationOutput } from '../../gateway/control/operations.ts';
import { AppError } from '../../shared/errors.ts';
import { callControl } from '../client.ts';
import type { CliContext, Given } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { formatPreview, formatTable, printable } from '../output.ts';
import { tellGateway } from './config.ts';

type Overview = OperationOutput<'tools.list'>;

const STATES: Readonly<Record<Overview['tools'][number]['state'], string>> = {
  prompt: 'always at hand',
  searched: 'found when needed',
  off: 'off',
  unavailable: 'not available',
};
const NAME = /^[A-Za-z0-9_-]{1,64}$/;

export async function runToolsList(context: CliContext, given: Given): Promise<number> {
  const found = await callControl(context.home, 'tools.list', {
    person: given.text('person'),
    platform: given.text('platform'),
  });
  context.print(found, formatOverview);
  return EXIT.ok;
}

export async function runToolsDisable(context: CliContext, given: Given): Promise<number> {
  const code = await change(context, given, (names, name) => (names.includes(name) ? names : [...names, name]));
  await warnUnknown(context, given.need(0));
  return code;
}

export async function runToolsEnable(context: CliContext, given: Given): Promise<number> {
  return change(context, given, (names, name) => names.filter((one) => one !== name));
}

/** What it was told is kept all the same: a server that brings it may be away. */
async function warnUnknown(context: CliContext, name: string): Promise<void> {
  const known = await callControl(context.home, 'tools.list', {}).catch(() => undefined);
  if (!known || known.tools.some((tool) => tool.name === name || tool.toolset === name)) return;
  context.note(`No tool or group is called ${name} now; \`herald tools list\` shows them.`);
}

async function change(
  context: CliContext,
  given: Given,
  edit: (names: readonly string[], name: string) => readonly string[],
): Promise<number> {
  const name = given.need(0);
  if (!NAME.test(name))
    throw new AppError('bad_input', `${JSON.stringify(name)} is no name of a tool. Nothing was changed.`);
  const loaded = await loadConfig({ home: context.home, manifests });
  const { key, names } = settingOf(loaded, { platform: given.text('platform'), role: given.text('role') });
  const next = edit(names, name);
  if (next.join() !== names.join()) await setConfigValue(context.home, key, [...next], { manifests });
  const gateway = await tellGateway(context);
  context.print({ key, off: next, gateway }, () => {
    const off = next.length === 0 ? 'nothing' : next.join(', ');
    const refused =
      gateway === 'refused' ? ' The running gateway keeps its old configuration; `herald reload` says why.' : '';
    return `Off by ${key}: ${off}.${refused}`;
  });
  return EXIT.ok;
}

/** The list that the options name. Throws AppError `bad_input`, `not_found`. */
function settingOf(
  { config }: LoadedConfig,
  { platform, role }: { platform: string | undefined; role: string | undefined },
): { key: string; names: readonly string[] } {
  const { tools } = config.agent;
  if (platform !== undefined) {
    if (!manifests.some(({ id }) => id === platform))
      throw new AppError(
        'not_found',
        `There is no platform ${JSON.stringify(platform)}. Known: ${manifests.map(({ id }) => id).join(', ')}.`,
      );
    return { key: `agent.tools.by_platform.${platform}`, names: tools.by_platform[platform] ?? [] };
  }
  for (const known of ['owner', 'admin', 'member', 'guest'] as const)
    if (role === known) return { key: `agent.tools.by_role.${known}`, names: tools.by_role[known] ?? [] };
  return { key: 'agent.tools.disabled', names: tools.disabled };
}

function formatOverview({ tools, notes }: Overview): string {
  const rows = tools.map(({ toolset, name, state, why, description }) => [
    printable(toolset),
    printable(name),
    STATES[state],
    formatPreview(why ?? description, 80),
  ]);
  const servers = notes.length === 0 ? '' : `\nMCP servers and other notes\n${notes.map(printable).join('\n')}`;
  return `${formatTable(rows)}${servers}`;
}
