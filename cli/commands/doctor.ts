// `herald doctor`: looks at everything that can be wrong and says how to mend it. Exit code 1 when something fails.
import { manifests } from '../../adapters/manifests.ts';
import { callControl, findOwner } from '../client.ts';
import type { CliContext, Given } from '../context.ts';
import { checkDatabase, checkOwner, checkQueues, readConfiguration } from '../doctor/herald.ts';
import type { Check, Examination, Finding } from '../doctor/finding.ts';
import { checkBrowser, checkPrograms, checkServers, checkTerminal } from '../doctor/hands.ts';
import { checkMemory } from '../doctor/memory.ts';
import { checkHome, checkNode, checkPort, checkSecretsFile, checkSpace } from '../doctor/machine.ts';
import { proveLive } from '../doctor/live.ts';
import { checkModelService, checkPlatforms } from '../doctor/outside.ts';
import { checkVoice, proveVoice } from '../doctor/voice.ts';
import { EXIT } from '../exit-codes.ts';
import { printable, tint, type Tone } from '../output.ts';
import { asAppError } from '../../shared/errors.ts';

const CHECKS: readonly Check[] = [
  checkSecretsFile,
  checkOwner,
  checkDatabase,
  checkQueues,
  checkSpace,
  checkPort,
  checkModelService,
  checkPlatforms,
  checkVoice,
  checkTerminal,
  checkBrowser,
  checkServers,
  checkMemory,
  checkPrograms,
];

export async function runDoctor(context: CliContext, given: Given): Promise<number> {
  const { findings: early, examination } = await examine(context, given.flag('deep'));
  const findings = [...early];
  for (const check of CHECKS) findings.push(...(await check(examination)));
  if (given.flag('voice')) findings.push(...(await proveVoice(examination)));
  if (given.flag('live'))
    findings.push(...(await proveLive(context, livePlatforms(examination, given.text('platform')))));
  const count = (level: Finding['level']) => findings.filter((finding) => finding.level === level).length;
  const failed = count('fail');
  context.print({ ok: failed === 0, findings }, () => formatFindings(findings, context));
  if (!context.json)
    context.out(
      failed === 0 ? `Nothing is broken (${count('warn')} warnings).` : `${failed} broken, ${count('warn')} warnings.`,
    );
  return failed === 0 ? EXIT.ok : EXIT.failed;
}

/** The platforms that are to be proven: the one that was named, or all that are set up. */
function livePlatforms({ loaded }: Examination, only: string | undefined): readonly string[] {
  if (only !== undefined) return [only];
  const isOn = (id: string) => loaded?.config.platforms[id]?.enabled === true;
  return manifests.filter((manifest) => !manifest.builtin && isOn(manifest.id)).map((manifest) => manifest.id);
}

async function examine(
  context: CliContext,
  deep: boolean,
): Promise<{ findings: readonly Finding[]; examination: Examination }> {
  const blank: Examination = { context, loaded: undefined, owner: undefined, status: undefined, deep };
  const ground = [...(await checkNode(blank)), ...(await checkHome(blank))];
  const { loaded, findings } = await readConfiguration(context.home);
  const owner = await findOwner(context.home).catch(() => undefined);
  const status =
    owner?.socket === undefined ? undefined : await callControl(context.home, 'status', {}).catch(ignoreSilent);
  return { findings: [...ground, ...findings], examination: { ...blank, loaded, owner, status } };
}

/** A gateway that does not answer is a finding of its own; any other error is one of ours. */
function ignoreSilent(error: unknown): undefined {
  if (asAppError(error).code !== 'gateway_not_running') throw error;
  return undefined;
}

const TONES: Record<Finding['level'], Tone> = { ok: 'good', warn: 'warn', fail: 'bad' };

function formatFindings(findings: readonly Finding[], context: CliContext): string {
  return findings
    .map((finding) => {
      const line = `${tint(TONES[finding.level], finding.level.padEnd(4), context.stdout)} ${finding.check.padEnd(9)} ${printable(finding.message)}`;
      return finding.fix === undefined
        ? line
        : `${line}\n${' '.repeat(15)}${tint('strong', printable(finding.fix), context.stdout)}`;
    })
    .join('\n');
}
