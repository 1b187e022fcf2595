// `herald start`: the gateway in this process, until it is told to stop.
import v8 from 'node:v8';
import vm from 'node:vm';
import { findOwner } from '../client.ts';
import type { CliContext, Given } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { untilInterrupted } from '../interrupt.ts';
import { asAppError } from '../../shared/errors.ts';
import { tint } from '../output.ts';
import { VERSION } from '../../shared/installation.ts';
import type { StartedGateway } from '../../gateway/compose.ts';

/** Ten seconds. */
const LOCK_ATTEMPTS = 100;
const LOCK_WAIT_MS = 100;
/** By then a start or a flood of messages is through, and what only looks and ends has ended. */
const QUIET_MS = 3_000;
/** Answers that leave something behind which is worth to be collected. */
const FLOOD = 100;

export async function runStart(context: CliContext, given: Given): Promise<number> {
  const interrupted = untilInterrupted();
  let quiet: NodeJS.Timeout | undefined;
  try {
    const gateway = await startOrExplain(context, given, interrupted.signal);
    if (typeof gateway === 'number') return gateway;
    context.print(describe(gateway), () => banner(gateway, context));
    quiet = giveBackWhenQuiet(gateway);
    return await gateway.done;
  } finally {
    clearTimeout(quiet);
    interrupted.release();
  }
}

/**
 * What a start left behind goes, 7 MB, and what floods leave, 20 MB and more: by itself V8 collects it only when it needs the room,
 * which may be never. Takes 60 ms.
 */
function giveBackWhenQuiet(gateway: StartedGateway): NodeJS.Timeout {
  let answers = 0;
  const quiet = setTimeout(() => {
    answers = 0;
    giveBack();
  }, QUIET_MS);
  gateway.onSettled(() => {
    answers++;
    if (answers >= FLOOD) quiet.refresh();
  });
  return quiet;
}

function giveBack(): void {
  v8.setFlagsFromString('--expose-gc');
  vm.runInNewContext("gc({ type: 'major', execution: 'sync', flavor: 'last-resort' })");
  v8.setFlagsFromString('--no-expose-gc');
}

/** A configuration that cannot work ends with its own code, so that a supervisor does not start it again and again. */
async function startOrExplain(
  context: CliContext,
  given: Given,
  signal: AbortSignal,
): Promise<StartedGateway | number> {
  const { startGateway } = await import('../../gateway/compose.ts');
  const options = { home: context.home, port: given.number('port'), terminal: context.stderr, signal };
  for (let attempt = 1; ; attempt++) {
    try {
      return await startGateway(options);
    } catch (error) {
      const known = asAppError(error);
      if (known.code === 'db_locked' && attempt <= LOCK_ATTEMPTS && (await isHeldByCommand(context.home))) {
        await context.clock.sleep(LOCK_WAIT_MS);
        continue;
      }
      if (known.code !== 'config_invalid' && known.code !== 'config_unreadable') throw error;
      context.note(`herald: ${known.code}: ${known.publicMessage}`);
      return EXIT.startConfigInvalid;
    }
  }
}

/** A command that reads the data is done in a moment; a gateway stays. */
async function isHeldByCommand(home: string): Promise<boolean> {
  return (await findOwner(home).catch(() => undefined))?.purpose !== 'gateway';
}

function describe(gateway: StartedGateway) {
  const { url, socket, home, ownerLink, model } = gateway;
  return { version: VERSION, pid: process.pid, url, socket, home, ownerLink, model };
}

function banner(gateway: StartedGateway, context: CliContext): string {
  const strong = (text: string) => tint('strong', text, context.stdout);
  return [
    `Herald ${VERSION} runs at ${strong(gateway.url)}, with its data in ${gateway.home}.`,
    gateway.model.explanation,
    ...gateway.warnings.map((warning) => tint('warn', `Warning: ${warning}`, context.stdout)),
    ...(gateway.ownerLink === undefined
      ? []
      : [
          '',
          'Open this link to make the browser yours (once, within an hour; `herald pairing link` makes another):',
          `  ${strong(gateway.ownerLink)}`,
          '',
        ]),
    'Talk here too: `herald chat` in another terminal. Stop with Ctrl-C.',
  ].join('\n');
}
