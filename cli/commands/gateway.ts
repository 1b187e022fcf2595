// `herald gateway setup`: connects one chat platform after another, each with the steps that it needs.
import type * as Prompts from '@clack/prompts';
import { runLogin } from '../../adapters/login-flow.ts';
import type { AdapterManifest } from '../../adapters/contract.ts';
import { manifests } from '../../adapters/manifests.ts';
import { loadConfig } from '../../config/load.ts';
import { readPlatformSettings, savePlatformLogin } from '../../config/platform-login.ts';
import { AppError } from '../../shared/errors.ts';
import { findOwner } from '../client.ts';
import type { CliContext, Given } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { printable } from '../output.ts';
import { describeAccount, followLogin, restartGateway } from '../setup/live.ts';
import { answered, makeLoginIo } from '../setup/login-io.ts';
import { proveLive } from '../doctor/live.ts';
import { tellGateway } from './config.ts';

export async function runGatewaySetup(context: CliContext, given: Given): Promise<number> {
  if (!context.stdin.isTTY)
    throw new AppError(
      'bad_input',
      'Standard input is no terminal. `herald setup --non-interactive` takes tokens from the environment; the page has the same steps.',
    );
  const prompts = await import('@clack/prompts');
  const offered = manifests.filter((manifest) => !manifest.builtin);
  const wanted = given.arg(0);
  const { config } = await loadConfig({ home: context.home, manifests });
  const id =
    wanted ??
    answered(
      await prompts.select<string>({
        message: 'Which platform?',
        maxItems: 15,
        options: offered.map((one) => ({
          value: one.id,
          label: one.title,
          ...(config.platforms[one.id]?.enabled === true && { hint: 'set up' }),
        })),
      }),
    );
  const manifest = offered.find((one) => one.id === id);
  if (!manifest)
    throw new AppError(
      'not_found',
      `There is no platform ${JSON.stringify(id)}: ${offered.map((one) => one.id).join(', ')}.`,
    );
  const current = await readPlatformSettings(context.home, manifest);
  const stopping = new AbortController();
  const result = await runLogin(manifest, makeLoginIo(context, prompts, { current, signal: stopping.signal }));
  await savePlatformLogin(context.home, manifest, result, { manifests });
  prompts.log.success(`${manifest.title}: ${printable(result.name)}. Saved in ${context.home}.`);
  await goLive(context, manifest, prompts);
  return EXIT.ok;
}

async function goLive(context: CliContext, manifest: AdapterManifest, prompts: typeof Prompts): Promise<void> {
  await tellGateway(context);
  if ((await findOwner(context.home))?.socket === undefined) {
    context.out(
      `Start it with \`herald start\`, then prove it with \`herald doctor --live --platform ${manifest.id}\`.`,
    );
    return;
  }
  const now = await prompts.confirm({ message: 'Restart the gateway now, so that it connects?', initialValue: true });
  if (!answered(now)) {
    context.out('It connects with the next `herald restart`.');
    return;
  }
  await restartGateway(context);
  const account = await followLogin(context, manifest.id);
  context.out(describeAccount(account));
  if (account?.state !== 'online') return;
  const prove = await prompts.confirm({
    message: 'Send a message there and wait for your answer?',
    initialValue: true,
  });
  if (!answered(prove)) return;
  for (const finding of await proveLive(context, [manifest.id]))
    context.out(printable(`${finding.level}: ${finding.message}`));
}
