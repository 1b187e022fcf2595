// `herald config`: settings by dotted name, with where each comes from. Secrets are shown masked and kept in .env.
import { configPath, explainConfig, explainSetting, type ExplainedSetting } from '../../config/explain.ts';
import { readTypedValue, setConfigValue } from '../../config/edit.ts';
import { loadConfig } from '../../config/load.ts';
import { manifests } from '../../adapters/manifests.ts';
import { callControl, findOwner } from '../client.ts';
import type { CliContext, Given } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { asAppError } from '../../shared/errors.ts';
import { formatTable } from '../output.ts';

export async function runConfigGet(context: CliContext, given: Given): Promise<number> {
  const loaded = await loadConfig({ home: context.home, manifests });
  const found = explainSetting(loaded, manifests, given.need(0));
  const [only] = found;
  if (found.length === 1 && only?.key === given.need(0)) context.print(only, (setting) => valueText(setting.value));
  else context.print(found, formatSettings);
  return EXIT.ok;
}

export async function runConfigShow(context: CliContext, given: Given): Promise<number> {
  const loaded = await loadConfig({ home: context.home, manifests });
  const settings = explainConfig(loaded, manifests);
  context.print(
    given.flag('changed') ? settings.filter((setting) => setting.from !== 'default') : settings,
    formatSettings,
  );
  for (const warning of loaded.warnings) context.note(`warning: ${warning}`);
  return EXIT.ok;
}

export async function runConfigSet(context: CliContext, given: Given): Promise<number> {
  return change(context, given.need(0), readTypedValue(given.need(1)));
}

export async function runConfigUnset(context: CliContext, given: Given): Promise<number> {
  return change(context, given.need(0), undefined);
}

export async function runConfigPath(context: CliContext): Promise<number> {
  context.print({ path: configPath(context.home) }, (value) => value.path);
  return EXIT.ok;
}

async function change(context: CliContext, key: string, value: unknown): Promise<number> {
  await setConfigValue(context.home, key, value, { manifests });
  const running = await tellGateway(context);
  const done = value === undefined ? `${key} is taken out of` : `${key} is set in`;
  context.print(
    { key, file: configPath(context.home), gateway: running },
    (told) => `${done} ${told.file}.${GATEWAY_NOTE[told.gateway]}`,
  );
  return EXIT.ok;
}

const GATEWAY_NOTE = {
  reloaded: ' The running gateway uses it now, as far as it needs no restart.',
  'not-running': '',
  refused: ' The running gateway keeps its old configuration; `herald reload` says why.',
} as const;

/** The file is written by now, so a gateway that cannot be told is not a failure. */
export async function tellGateway(context: CliContext): Promise<keyof typeof GATEWAY_NOTE> {
  if ((await findOwner(context.home))?.socket === undefined) return 'not-running';
  try {
    await callControl(context.home, 'reload', {});
    return 'reloaded';
  } catch (error) {
    return asAppError(error).code === 'gateway_not_running' ? 'not-running' : 'refused';
  }
}

function formatSettings(settings: readonly ExplainedSetting[]): string {
  return formatTable(settings.map((setting) => [setting.key, valueText(setting.value), setting.from]));
}

function valueText(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}
