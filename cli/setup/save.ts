// What `setup` writes once everything is checked: keys and tokens into .env (0600), the choice of model into config.yaml.
import { manifests } from '../../adapters/manifests.ts';
import { setConfigValue, setSecret } from '../../config/edit.ts';
import { loadConfig, type LoadedConfig } from '../../config/load.ts';
import type { ModelChoice } from './model-check.ts';

export interface SetupPlan {
  /** `keyEnv`: the name under which a new key is kept. */
  model?: { choice: ModelChoice; keyEnv: string | undefined } | undefined;
  /** Secrets of platforms by environment name. */
  secrets: ReadonlyMap<string, string>;
}

/** Keys of `model` that belong to one service and mean something else, or nothing, to the next. */
const TIED_TO_SERVICE = ['base_url', 'api_mode', 'context_length', 'max_tokens', 'api_key'] as const;

/** Resolves with warnings for the person. Rejects with AppError; what was written before then stays. */
export async function saveSetup(home: string, plan: SetupPlan): Promise<readonly string[]> {
  const written = new Map(plan.secrets);
  if (plan.model?.choice.key !== undefined && plan.model.keyEnv !== undefined)
    written.set(plan.model.keyEnv, plan.model.choice.key);
  for (const [name, value] of written) await setSecret(home, name, value);
  if (plan.model) await saveModel(home, plan.model.choice);
  return hiddenValues(await loadConfig({ home, manifests }), written);
}

/** Sets `model` in config.yaml; settings that belonged to another service go. Rejects with AppError like setConfigValue. */
export async function saveModel(
  home: string,
  choice: Pick<ModelChoice, 'provider' | 'model' | 'baseUrl'>,
): Promise<void> {
  const before = await loadConfig({ home, manifests });
  const inFile = (key: string) => before.sources.get(key)?.kind === 'file';
  const { model } = before.config;
  const service = model.provider ?? (model.base_url === undefined ? undefined : 'custom');
  if (service !== choice.provider || choice.baseUrl !== undefined)
    for (const key of TIED_TO_SERVICE)
      if (inFile(`model.${key}`)) await setConfigValue(home, `model.${key}`, undefined, { manifests });
  if (choice.baseUrl !== undefined) await setConfigValue(home, 'model.base_url', choice.baseUrl, { manifests });
  await setConfigValue(home, 'model.provider', choice.provider, { manifests });
  if (choice.model !== undefined) await setConfigValue(home, 'model.name', choice.model, { manifests });
  else if (inFile('model.name')) await setConfigValue(home, 'model.name', undefined, { manifests });
}

/** The real environment beats .env, so a value that is written may still not be the one in use. */
function hiddenValues(after: LoadedConfig, written: ReadonlyMap<string, string>): readonly string[] {
  return [...written]
    .filter(([name, value]) => after.lookup(name) !== value)
    .map(([name]) => `${name} is set in your environment to something else, which beats .env. Remove it there.`);
}
