// What Herald talks to: the model service and the chat platforms, and whether the clocks agree.
import { manifests } from '../../adapters/manifests.ts';
import { asAppError } from '../../shared/errors.ts';
import { formatSpan, printable } from '../output.ts';
import { checkModel, resolveDeps, type CheckDeps } from '../setup/model-check.ts';
import { checkAccount } from '../setup/platform-check.ts';
import { fail, ok, warn, type Check, type Finding } from './finding.ts';

/** Signed requests and expiring codes begin to fail at about five minutes. */
const SKEW_FAIL_MS = 5 * 60_000;
const SKEW_WARN_MS = 30_000;

export const checkModelService: Check = async ({ context, loaded, deep }) => {
  if (!loaded) return [];
  const deps: CheckDeps = { clock: context.clock, fetch: context.fetch, loaded };
  try {
    const { resolveProviders } = await import('../../agent/providers/resolve.ts');
    const { model, fallback_models: fallbacks } = loaded.config;
    const resolved = await resolveProviders(model, fallbacks, resolveDeps(deps));
    if (resolved.demo) return [warn('model', resolved.explanation, 'Set a real one: herald setup')];
    const [first] = resolved.chain;
    if (!deep || !first) return [ok('model', `${resolved.explanation} Not called; --deep calls it.`)];
    const choice = { provider: first.provider.id, model: first.model, baseUrl: model.base_url, key: model.api_key };
    const checked = await checkModel(choice, deps);
    if (checked.ok) return [ok('model', `${first.provider.id}/${checked.model} answers`)];
    return [fail('model', printable(checked.message), 'herald setup, or another one: herald model --list')];
  } catch (error) {
    return [fail('model', asAppError(error).publicMessage, 'herald setup')];
  }
};

export const checkPlatforms: Check = async ({ context, loaded }) => {
  if (!loaded) return [];
  const findings: Finding[] = [];
  const skews: number[] = [];
  for (const manifest of manifests) {
    if (!manifest.verify) continue;
    for (const account of loaded.config.platforms[manifest.id]?.accounts ?? []) {
      if (!account.enabled) continue;
      const checked = await checkAccount(manifest, { ...account, fetch: context.fetch });
      const name = account.name === 'default' ? manifest.title : `${manifest.title} (${account.name})`;
      if (!checked.ok) {
        const make = checked.reason === 'unreachable' ? warn : fail;
        findings.push(
          make(
            'platform',
            `${name}: ${printable(checked.message)}`,
            checked.reason === 'unreachable' ? 'Check the network.' : 'herald setup',
          ),
        );
        continue;
      }
      findings.push(ok('platform', `${name}: logged in as ${printable(checked.name)}`));
      if ('serverTime' in checked && checked.serverTime !== undefined)
        skews.push(context.clock.now() - checked.serverTime);
    }
  }
  return [...findings, ...clockFindings(skews)];
};

function clockFindings(skews: readonly number[]): readonly Finding[] {
  const [worst] = skews.toSorted((a, b) => Math.abs(b) - Math.abs(a));
  if (worst === undefined) return [];
  const size = Math.abs(worst);
  const message = `this machine's clock is ${formatSpan(size)} ${worst > 0 ? 'ahead' : 'behind'}`;
  const fix = 'Switch on time synchronization (timedatectl set-ntp true).';
  if (size >= SKEW_FAIL_MS) return [fail('clock', message, fix)];
  if (size >= SKEW_WARN_MS) return [warn('clock', message, fix)];
  return [ok('clock', 'agrees with the outside world')];
}
