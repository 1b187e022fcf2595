// The log: JSON lines in $HERALD_HOME/logs/gateway.log, and warnings in words on the terminal. Every line passes the redactor.
import fs from 'node:fs';
import path from 'node:path';
import pino from 'pino';
import { ensureDir } from '../../data/files.ts';
import type { Logger } from '../../shared/log.ts';
import type { Redactor } from '../../shared/redact.ts';

/** One earlier file of at most this size is kept beside the current one. */
const MAX_FILE_BYTES = 10 * 1024 * 1024;
const CHECK_EVERY_LINES = 2_000;

export interface LogOptions {
  home: string;
  level: string;
  redactor: Redactor;
  /** Where warnings and errors are shown to a person; undefined = nowhere. */
  terminal: { write(text: string): void } | undefined;
}

export interface OpenedLog {
  log: Logger;
  close(): Promise<void>;
}

export function openLog(options: LogOptions): OpenedLog {
  const folder = path.join(options.home, 'logs');
  ensureDir(folder);
  const file = path.join(folder, 'gateway.log');
  rotate(file);
  const destination = pino.destination({ dest: file, sync: false, minLength: 0, mode: 0o600 });
  destination.on('error', () => undefined); // a full disk must not end the gateway for want of a log
  let lines = 0;
  const stream = {
    write(line: string) {
      const clean = options.redactor.redact(line);
      if (options.terminal) showWarning(clean, options.terminal);
      if (++lines % CHECK_EVERY_LINES === 0 && rotate(file)) destination.reopen(file);
      destination.write(clean);
    },
  };
  const root = pino({ level: options.level, base: { pid: process.pid }, serializers: { err: errorFields } }, stream);
  return {
    log: wrap(root),
    close: () =>
      new Promise((resolve) => {
        destination.once('close', resolve);
        destination.once('error', () => resolve());
        destination.end();
      }),
  };
}

function wrap(logger: pino.Logger): Logger {
  return {
    debug: (fields, message) => logger.debug(fields, message),
    info: (fields, message) => logger.info(fields, message),
    warn: (fields, message) => logger.warn(fields, message),
    error: (fields, message) => logger.error(fields, message),
    child: (fields) => wrap(logger.child(fields)),
  };
}

/** Name, code, message and stack of an error and of its causes; nothing else of it, since libraries hang requests on theirs. */
function errorFields(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return String(error);
  return {
    name: error.name,
    message: error.message,
    stack: error.stack,
    ...('code' in error && { code: error.code }),
    ...(error.cause !== undefined && depth < 3 && { cause: errorFields(error.cause, depth + 1) }),
  };
}

function showWarning(line: string, terminal: { write(text: string): void }): void {
  const level = /^\{"level":(\d+)/.exec(line)?.[1];
  if (level === undefined || Number(level) < 40) return;
  const message = /"msg":"((?:[^"\\]|\\.)*)"/.exec(line)?.[1] ?? '';
  const detail = /"message":"((?:[^"\\]|\\.)*)"/.exec(line)?.[1];
  terminal.write(`${Number(level) >= 50 ? 'error' : 'warning'}: ${message}${detail ? ` (${detail})` : ''}\n`);
}

function rotate(file: string): boolean {
  try {
    if (fs.statSync(file).size < MAX_FILE_BYTES) return false;
    fs.renameSync(file, `${file}.1`);
    return true;
  } catch {
    return false; // no file yet
  }
}
