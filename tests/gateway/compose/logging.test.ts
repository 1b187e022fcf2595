import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openLog } from '../../../gateway/compose/logging.ts';
import { AppError } from '../../../shared/errors.ts';
import { makeRedactor } from '../../../shared/redact.ts';

let home: string;
beforeEach(() => {
  home = fs.mkdtempSync(path.join(os.tmpdir(), 'herald-log-'));
});
afterEach(() => fs.rmSync(home, { recursive: true, force: true }));

const read = () => fs.readFileSync(path.join(home, 'logs/gateway.log'), 'utf8');

it('writes JSON lines without secrets, private to the user', async () => {
  const { log, close } = openLog({
    home,
    level: 'info',
    redactor: makeRedactor(['s3cret-value']),
    terminal: undefined,
  });
  log.child({ platform: 'x' }).info({ url: 'http://a/s3cret-value' }, 'connected with s3cret-value');
  log.debug({}, 'not shown');
  await close();
  const lines = read().trim().split('\n');
  expect(lines).toHaveLength(1);
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    platform: 'x',
    msg: 'connected with [redacted]',
    url: 'http://a/[redacted]',
  });
  expect(fs.statSync(path.join(home, 'logs/gateway.log')).mode & 0o777).toBe(0o600);
});

it('keeps of an error its name, code, message and causes, and nothing that a library hung on it', async () => {
  const { log, close } = openLog({ home, level: 'info', redactor: makeRedactor(), terminal: undefined });
  const cause = Object.assign(new Error('refused'), {
    code: 'ECONNREFUSED',
    request: { headers: { authorization: 'x' } },
  });
  log.error({ err: new AppError('model_unreachable', 'No answer.', { cause }) }, 'failed');
  await close();
  const line = JSON.parse(read()) as { err: { code: string; cause: object } };
  expect(line.err).toMatchObject({ code: 'model_unreachable', message: 'No answer.', cause: { code: 'ECONNREFUSED' } });
  expect(JSON.stringify(line)).not.toContain('authorization');
});

it('shows warnings to a person in words', async () => {
  const shown: string[] = [];
  const terminal = { write: (text: string) => shown.push(text) };
  const { log, close } = openLog({ home, level: 'info', redactor: makeRedactor(), terminal });
  log.info({}, 'all is well');
  log.warn({}, 'the model is slow');
  log.error({ err: new Error('disk on fire') }, 'cannot write');
  await close();
  expect(shown).toEqual(['warning: the model is slow\n', 'error: cannot write (disk on fire)\n']);
});
