// `herald setup`: choose a model service and connect chat platforms. Everything is proven by a real call before a byte is written.
import { manifests } from '../../adapters/manifests.ts';
import { loadConfig } from '../../config/load.ts';
import { AppError, type ErrorCode } from '../../shared/errors.ts';
import type { CliContext, Given } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { printable } from '../output.ts';
import { planFromFlags } from '../setup/flags.ts';
import { checkModel, type CheckDeps } from '../setup/model-check.ts';
import { checkNewSecrets } from '../setup/platform-check.ts';
import { saveSetup, type SetupPlan } from '../setup/save.ts';
import { tellGateway } from './config.ts';

interface Finding {
  subject: string;
  ok: boolean;
  /** Why not. */
  code?: ErrorCode;
  message: string;
}

const PLATFORM_CODES = {
  auth: 'platform_auth',
  unreachable: 'platform_unreachable',
  settings: 'config_invalid',
} as const;

export async function runSetup(context: CliContext, given: Given): Promise<number> {
  const loaded = await loadConfig({ home: context.home, manifests });
  const deps: CheckDeps = { clock: context.clock, fetch: context.fetch, loaded };
  if (!given.flag('nonInteractive')) {
    if (!context.stdin.isTTY)
      throw new AppError(
        'bad_input',
        'Standard input is no terminal. Use --non-interactive with options; see `herald setup --help`.',
      );
    const { askForPlan } = await import('../setup/wizard.ts');
    const plan = await askForPlan(context.home, deps);
    if (plan.model || plan.secrets.size > 0) await save(context, plan, []);
    return EXIT.ok;
  }
  const { plan, findings } = await checkPlan(context, planFromFlags(given, loaded), deps);
  const failed = findings.filter((finding) => !finding.ok);
  if (failed.length > 0 && !given.flag('force')) {
    if (context.json) context.print({ saved: false, findings }, () => '');
    throw new AppError(
      failed[0]?.code ?? 'internal',
      `${failed.map((finding) => printable(`${finding.subject}: ${finding.message}`)).join(' ')} Nothing was saved; --force saves all the same.`,
    );
  }
  await save(context, plan, findings);
  return EXIT.ok;
}

/** Every check runs, so that one attempt tells everything. The model's name comes back filled in. */
async function checkPlan(
  context: CliContext,
  plan: SetupPlan,
  deps: CheckDeps,
): Promise<{ plan: SetupPlan; findings: readonly Finding[] }> {
  const findings: Finding[] = [];
  let { model } = plan;
  if (model) {
    const checked = await checkModel(model.choice, deps);
    const message = checked.ok ? `${checked.model} answers` : checked.message;
    findings.push({
      subject: model.choice.provider,
      ok: checked.ok,
      message,
      ...(checked.ok ? {} : { code: checked.code }),
    });
    model = { ...model, choice: { ...model.choice, model: checked.model } };
  }
  for (const manifest of manifests) {
    const values = new Map(manifest.secrets.flatMap(({ env }) => [...plan.secrets].filter(([name]) => name === env)));
    if (values.size === 0) continue;
    const checked = await checkNewSecrets(context.home, manifest, { values, manifests, fetch: context.fetch });
    const good =
      checked.ok && 'unchecked' in checked ? 'not checked' : checked.ok ? `logged in as ${checked.name}` : '';
    findings.push({
      subject: manifest.title,
      ok: checked.ok,
      message: checked.ok ? good : checked.message,
      ...(checked.ok ? {} : { code: PLATFORM_CODES[checked.reason] }),
    });
  }
  return { plan: { ...plan, model }, findings };
}

async function save(context: CliContext, plan: SetupPlan, findings: readonly Finding[]): Promise<void> {
  const warnings = await saveSetup(context.home, plan);
  const gateway = await tellGateway(context);
  const next =
    gateway === 'not-running'
      ? 'Start it with `herald start`.'
      : plan.secrets.size > 0
        ? 'Platforms change with `herald restart`.'
        : 'The running gateway uses it now.';
  context.print({ saved: true, findings, warnings, gateway }, () =>
    [
      ...findings.map((finding) => printable(`${finding.subject}: ${finding.message}.`)),
      ...warnings.map((warning) => `Warning: ${warning}`),
      `Saved in ${context.home}. ${next}`,
    ].join('\n'),
  );
}
