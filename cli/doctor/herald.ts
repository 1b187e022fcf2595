// Herald's own state: configuration, who owns the data, the database, and what the running gateway says of itself.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { withData } from '../client.ts';
import { printable, formatSpan } from '../output.ts';
import { asAppError, type AppError } from '../../shared/errors.ts';
import { loadConfig, type LoadedConfig } from '../../config/load.ts';
import { manifests } from '../../adapters/manifests.ts';
import { fail, ok, warn, type Check, type Finding } from './finding.ts';

/** The configuration, and what is wrong with it. */
export async function readConfiguration(
  home: string,
): Promise<{ loaded: LoadedConfig | undefined; findings: readonly Finding[] }> {
  try {
    const loaded = await loadConfig({ home, manifests });
    const warnings = loaded.warnings.map((warning) => warn('config', warning));
    return {
      loaded,
      findings: [
        ok('config', existsSync(loaded.file) ? `${loaded.file} is valid` : 'no config.yaml; the defaults hold'),
        ...warnings,
      ],
    };
  } catch (error) {
    const known = asAppError(error);
    return {
      loaded: undefined,
      findings: [
        fail('config', known.publicMessage, 'Correct the file; a running gateway keeps its last good configuration.'),
      ],
    };
  }
}

export const checkOwner: Check = async ({ context, owner, status }) => {
  if (!owner) return [ok('gateway', 'not running; `herald start` starts it')];
  const since = formatSpan(context.clock.now() - owner.startedAt);
  if (status) return [ok('gateway', `process ${owner.pid}, up ${since}, version ${status.version}`)];
  if (owner.socket === undefined)
    return [
      warn('gateway', `process ${owner.pid} (${owner.purpose}) has owned the data for ${since}`, 'Wait for it to end.'),
    ];
  return [
    fail(
      'gateway',
      `process ${owner.pid} owns the data and does not answer on ${owner.socket}`,
      `End it and start again: kill ${owner.pid}; herald start`,
    ),
  ];
};

/** A running gateway has checked the file when it started; otherwise it is opened here, which checks it and brings its schema up to date. */
export const checkDatabase: Check = async ({ context, owner, status }) => {
  if (!existsSync(path.join(context.home, 'herald.db'))) return [ok('database', 'none yet')];
  if (status) return [ok('database', 'in use by the gateway, which checked it when it started')];
  if (owner) return [];
  try {
    await withData(context.home, async () => undefined);
    return [ok('database', 'integrity check passed')];
  } catch (error) {
    return [databaseFinding(asAppError(error))];
  }
};

function databaseFinding(error: AppError): Finding {
  if (error.code === 'db_locked')
    return warn('database', 'another process took the data just now', 'Run `herald doctor` again.');
  return fail('database', error.publicMessage, 'Nothing was changed. `ls $HERALD_HOME/backups` shows copies.');
}

export const checkQueues: Check = async ({ status }) => {
  if (!status) return [];
  const findings: Finding[] = [];
  const { dead: lostIn = 0 } = status.inbox;
  const { dead: lostOut = 0, uncertain = 0, pending = 0 } = status.outbox;
  if (lostIn > 0)
    findings.push(
      warn(
        'inbox',
        `${lostIn} messages could not be answered; their senders were told`,
        'Look for the cause: herald logs --level error',
      ),
    );
  if (lostOut > 0)
    findings.push(warn('outbox', `${lostOut} parts could not be sent`, 'Look for the cause: herald logs --level warn'));
  if (uncertain > 0)
    findings.push(
      warn(
        'outbox',
        `${uncertain} parts may or may not have arrived`,
        'Their chats have a notice with a button to send again.',
      ),
    );
  if (pending > 0) findings.push(ok('outbox', `${pending} parts wait to be sent`));
  const down = status.adapters.filter((adapter) => adapter.state !== 'online');
  for (const adapter of down)
    findings.push(
      warn(
        'platform',
        `${adapter.title} is ${adapter.state}${adapter.detail === undefined ? '' : `: ${printable(adapter.detail)}`}`,
        adapter.state === 'needs-login'
          ? 'Give it a new login: herald setup'
          : 'It reconnects by itself; `herald logs` says why it cannot.',
      ),
    );
  return findings;
};
