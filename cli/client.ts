// How a command reaches Herald: over the local socket of the running gateway, or, when nobody owns the data and the question is
// about data alone, by opening it for the length of one call.
import { existsSync } from 'node:fs';
import { request } from 'node:http';
import path from 'node:path';
import { z } from 'zod';
import type { LockOwner } from '../data/lock.ts';
import {
  operations,
  outputsByName,
  runOperation,
  type OperationInput,
  type OperationName,
  type OperationOutput,
} from '../gateway/control/operations.ts';
import { notRunning, type ControlContext } from '../gateway/control/operation.ts';
import { systemClock } from '../shared/clock.ts';
import { AppError, ERROR_CODES } from '../shared/errors.ts';
import { silentLog } from '../shared/log.ts';

/** A backup of a large database is the slowest operation. */
const CALL_TIMEOUT_MS = 10 * 60_000;
const MAX_ANSWER_BYTES = 256 * 1024 * 1024;
/** Another command may hold the data for a moment; each attempt waits a quarter of a second by itself. */
const LOCK_ATTEMPTS = 10;
const LOCK_WAIT_MS = 50;

/**
 * Runs one operation of the control API for `home`. Rejects with AppError: `gateway_not_running` when it needs one, `db_locked` when a
 * process without a socket owns the data, `not_found` when there is no data yet, and what the operation itself throws.
 */
export async function callControl<Name extends OperationName>(
  home: string,
  name: Name,
  input: OperationInput<Name>,
): Promise<OperationOutput<Name>> {
  const { output } = outputsByName[name];
  const parsed = output.safeParse(await callOperation(home, name, input));
  if (parsed.success) return parsed.data;
  throw new AppError(
    'internal',
    'The gateway answered something that this command does not know: is it of another version? Try `herald restart`.',
    {
      cause: parsed.error,
    },
  );
}

/** The same for callers who check themselves what goes in and comes out. */
export async function callOperation(home: string, name: OperationName, input: unknown): Promise<unknown> {
  const owner = await findOwner(home);
  return owner?.socket === undefined ? runOffline(home, name, input) : postControl(owner.socket, name, input);
}

/** The live process that owns the data of `home`. */
export async function findOwner(home: string): Promise<LockOwner | undefined> {
  const { findLiveOwner } = await import('../data/lock.ts');
  return findLiveOwner(home);
}

async function runOffline(home: string, name: OperationName, input: unknown): Promise<unknown> {
  const operation = operations[name];
  if (operation.needsGateway) throw notRunning();
  const { DATABASE_FILE } = await import('../data/db.ts');
  if (!existsSync(path.join(home, DATABASE_FILE)))
    throw new AppError(
      'not_found',
      `There is no data in ${home} yet. \`herald start\` makes it; --home names another folder.`,
    );
  return withData(home, (context) => runOperation(operation, context, input));
}

/** Opens the data of `home` as its owner for the length of `use`. Rejects with AppError `db_locked` and what opening throws. */
export async function withData<T>(home: string, use: (context: ControlContext) => Promise<T>): Promise<T> {
  const { openData } = await import('../data/db.ts');
  const lock = await takeLock(home);
  try {
    const data = await openData({ home });
    try {
      const { openPairing } = await import('../pairing/pairing.ts');
      const { openVerifier } = await import('../gateway/compose/signer.ts');
      return await use({
        db: data.db,
        pairing: openPairing({ db: data.db, clock: systemClock, log: silentLog }),
        clock: systemClock,
        home,
        ledgerKey: () => openVerifier(home),
        async backup(file) {
          const { backupHome } = await import('../skills/backup.ts');
          return backupHome({ home, clock: systemClock, copyDatabase: (target) => data.backup(target) }, file);
        },
      });
    } finally {
      await data.close();
    }
  } finally {
    lock.release();
  }
}

async function takeLock(home: string) {
  const { takeWriterLock } = await import('../data/lock.ts');
  const owner: LockOwner = { pid: process.pid, startedAt: systemClock.now(), purpose: 'command' };
  for (let attempt = 1; ; attempt++) {
    try {
      return takeWriterLock(home, owner);
    } catch (error) {
      const isBusy = error instanceof AppError && error.code === 'db_locked';
      if (!isBusy || attempt === LOCK_ATTEMPTS) throw error;
      await systemClock.sleep(LOCK_WAIT_MS);
    }
  }
}

const answerSchema = z.union([
  z.object({ result: z.unknown() }),
  z.object({ error: z.object({ code: z.string(), message: z.string() }) }),
]);

async function postControl(socketPath: string, name: string, input: unknown): Promise<unknown> {
  const text = await post(socketPath, `/control/${name}`, JSON.stringify(input));
  const answer = answerSchema.safeParse(parseJson(text));
  if (!answer.success) throw new AppError('internal', 'What answers on the local socket is not a Herald gateway.');
  if ('result' in answer.data) return answer.data.result;
  const { code, message } = answer.data.error;
  throw new AppError(ERROR_CODES.find((known) => known === code) ?? 'internal', message);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function post(socketPath: string, url: string, body: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const outgoing = request(
      { socketPath, path: url, method: 'POST', headers, agent: false, timeout: CALL_TIMEOUT_MS },
      (answer) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        answer.on('data', (chunk: Buffer) => {
          bytes += chunk.byteLength;
          if (bytes > MAX_ANSWER_BYTES) answer.destroy(new Error('answer too large'));
          else chunks.push(chunk);
        });
        answer.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
        answer.on('error', (cause) => reject(broken(cause)));
      },
    );
    outgoing.on('timeout', () => outgoing.destroy(new Error('no answer')));
    outgoing.on('error', (cause) => reject(broken(cause)));
    outgoing.end(body);
  });
}

function broken(cause: Error): AppError {
  const code = 'code' in cause ? cause.code : undefined;
  if (code === 'ENOENT' || code === 'ECONNREFUSED')
    return new AppError('gateway_not_running', 'The gateway is just starting or stopping. Try again in a moment.', {
      cause,
    });
  return new AppError(
    'gateway_not_running',
    'The gateway broke the connection. `herald status` and `herald logs` show its state.',
    { cause },
  );
}
