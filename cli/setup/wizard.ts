// `herald setup` with questions: service, key, model, each proven by a real call before the next; then the chat platforms.
// Nothing is written here: the answers are a plan.
import type * as Prompts from '@clack/prompts';
import { PRESETS, findPreset, type ProviderPreset } from '../../agent/providers/presets.ts';
import type { AdapterManifest } from '../../adapters/contract.ts';
import { manifests } from '../../adapters/manifests.ts';
import { AppError } from '../../shared/errors.ts';
import { printable } from '../output.ts';
import { keyNameOf } from './flags.ts';
import { checkModel, listModels, type CheckDeps, type ModelChoice } from './model-check.ts';
import { checkNewSecrets } from './platform-check.ts';
import type { SetupPlan } from './save.ts';

interface Wizard extends CheckDeps {
  home: string;
  ask: typeof Prompts;
}

/** Rejects with AppError `cancelled` when the person breaks off. */
export async function askForPlan(home: string, deps: CheckDeps): Promise<SetupPlan> {
  const wizard: Wizard = { ...deps, home, ask: await import('@clack/prompts') };
  wizard.ask.intro('Herald setup. Nothing is saved before the end; Ctrl-C breaks off.');
  const model = await askForModel(wizard);
  const secrets = await askForPlatforms(wizard);
  if (!model && secrets.size === 0) wizard.ask.outro('Nothing to save.');
  return { model, secrets };
}

async function askForModel(wizard: Wizard): Promise<SetupPlan['model']> {
  const { ask } = wizard;
  for (;;) {
    const id = answered(
      await ask.select<string>({
        message: 'Which model service shall answer?',
        maxItems: 10,
        options: [...PRESETS.map(presetOption), { value: '', label: 'Leave the model as it is' }],
      }),
    );
    const preset = findPreset(id);
    if (!preset) return undefined;
    const choice = await askForChoice(wizard, preset);
    const spinner = ask.spinner();
    spinner.start(`Asking ${preset.title}`);
    const checked = await checkModel(choice, wizard);
    if (checked.ok) {
      spinner.stop(`${checked.model} of ${preset.title} answers.`);
      return { choice: { ...choice, model: checked.model }, keyEnv: keyNameOf(preset.id, wizard.loaded) };
    }
    spinner.error(printable(checked.message));
    if (answered(await ask.confirm({ message: 'Try again?', initialValue: true }))) continue;
    return undefined;
  }
}

function presetOption(preset: ProviderPreset): { value: string; label: string; hint?: string } {
  if (preset.local) return { value: preset.id, label: preset.title, hint: 'on this machine' };
  return { value: preset.id, label: preset.title };
}

async function askForChoice(wizard: Wizard, preset: ProviderPreset): Promise<ModelChoice> {
  const baseUrl = preset.local || preset.baseUrl === '' ? await askForAddress(wizard, preset) : undefined;
  const key = preset.keyEnv.length === 0 ? undefined : await askForKey(wizard, preset);
  const choice: ModelChoice = { provider: preset.id, model: undefined, baseUrl, key };
  return { ...choice, model: await askForName(wizard, preset, choice) };
}

async function askForAddress({ ask }: Wizard, preset: ProviderPreset): Promise<string | undefined> {
  const typed = answered(
    await ask.text({
      message: 'Address of its API',
      initialValue: preset.baseUrl,
      placeholder: 'http://127.0.0.1:8000/v1',
      validate: (text) =>
        /^https?:\/\/[^\s/]/.test(text ?? '') && URL.canParse(text ?? '')
          ? undefined
          : 'A web address, such as http://127.0.0.1:8000/v1',
    }),
  );
  return typed === preset.baseUrl ? undefined : typed;
}

/** Undefined: the key that is there already, or none. */
async function askForKey({ ask, loaded }: Wizard, preset: ProviderPreset): Promise<string | undefined> {
  const present = preset.keyEnv.find((name) => loaded.lookup(name) !== undefined);
  if (
    present !== undefined &&
    answered(await ask.confirm({ message: `Use the key of ${present}?`, initialValue: true }))
  )
    return undefined;
  const optional = preset.id === 'custom';
  const typed = answered(
    await ask.password({
      message: `Key of ${preset.title}${optional ? ' (empty: it needs none)' : ''}`,
      validate: (text) =>
        optional || (text ?? '').trim() !== '' ? undefined : 'Paste the key, or break off with Ctrl-C',
    }),
  );
  return (typed ?? '').trim() === '' ? undefined : typed.trim();
}

async function askForName(wizard: Wizard, preset: ProviderPreset, choice: ModelChoice): Promise<string | undefined> {
  const { ask } = wizard;
  const names: readonly string[] = await listModels(choice, wizard).catch(() => []);
  const usual = preset.defaultModel;
  if (names.length === 0) {
    const typed = answered(
      await ask.text({
        message: 'Model',
        initialValue: usual ?? '',
        placeholder: usual ?? 'its name, as the server knows it',
      }),
    );
    return typed.trim() === '' ? undefined : typed.trim();
  }
  const ordered =
    usual !== undefined && names.includes(usual) ? [usual, ...names.filter((name) => name !== usual)] : names;
  return answered(
    await ask.autocomplete<string>({
      message: 'Model (type to search)',
      maxItems: 10,
      options: ordered.map((name) => ({ value: name, label: printable(name) })),
    }),
  );
}

async function askForPlatforms(wizard: Wizard): Promise<ReadonlyMap<string, string>> {
  const { ask } = wizard;
  const secrets = new Map<string, string>();
  const offered = manifests.filter((manifest) => manifest.secrets.length > 0);
  if (offered.length === 0) return secrets;
  const chosen = answered(
    await ask.multiselect<string>({
      message: 'Connect chat platforms? (space chooses, Enter goes on)',
      required: false,
      options: offered.map((manifest) => ({ value: manifest.id, label: manifest.title })),
    }),
  );
  for (const manifest of offered.filter((entry) => chosen.includes(entry.id)))
    for (const [name, value] of await askForSecrets(wizard, manifest)) secrets.set(name, value);
  return secrets;
}

async function askForSecrets(wizard: Wizard, manifest: AdapterManifest): Promise<ReadonlyMap<string, string>> {
  const { ask, home } = wizard;
  for (;;) {
    const values = new Map<string, string>();
    for (const secret of manifest.secrets) {
      const typed = answered(
        await ask.password({
          message: `${manifest.title}: ${secret.key.replaceAll('_', ' ')}${secret.required ? '' : ' (empty: none)'}`,
          validate: (text) =>
            !secret.required || (text ?? '').trim() !== '' ? undefined : 'Paste it, or break off with Ctrl-C',
        }),
      );
      if ((typed ?? '').trim() !== '') values.set(secret.env, typed.trim());
    }
    const spinner = ask.spinner();
    spinner.start(`Asking ${manifest.title}`);
    const checked = await checkNewSecrets(home, manifest, { values, manifests, fetch: wizard.fetch });
    if (checked.ok) {
      spinner.stop(
        'unchecked' in checked
          ? `${manifest.title} is taken as it is.`
          : `${manifest.title} knows us as ${printable(checked.name)}.`,
      );
      return values;
    }
    spinner.error(printable(checked.message));
    if (!answered(await ask.confirm({ message: 'Try again?', initialValue: true }))) return new Map();
  }
}

/** clack answers Ctrl-C with a symbol. */
function answered<T>(answer: T): Exclude<T, symbol> {
  if (isAnswer(answer)) return answer;
  throw new AppError('cancelled', 'Setup was broken off. Nothing was saved.');
}

function isAnswer<T>(answer: T): answer is Exclude<T, symbol> {
  return typeof answer !== 'symbol';
}
