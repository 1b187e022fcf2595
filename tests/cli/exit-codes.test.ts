// Exit codes are a contract with scripts and supervisors.
import { describe, expect, it } from 'vitest';
import fs from 'node:fs';
import path from 'node:path';
import { EXIT, EXIT_MEANINGS, exitCodeOf } from '../../cli/exit-codes.ts';
import { ERROR_CODES } from '../../shared/errors.ts';
import { ROOT } from './run-cli.ts';

describe('exit codes', () => {
  it('never change', () => {
    expect(EXIT).toEqual({
      ok: 0,
      failed: 1,
      usage: 2,
      gatewayNotRunning: 3,
      configInvalid: 4,
      notFound: 5,
      restart: 75,
      startConfigInvalid: 78,
      interrupted: 130,
    });
  });

  it('are all explained, once, in the table and in the documentation', () => {
    expect(EXIT_MEANINGS.map(({ code }) => code)).toEqual(Object.values(EXIT));
    const documented = fs.readFileSync(path.join(ROOT, 'docs/cli.md'), 'utf8').replace(/ +/g, ' ');
    for (const { code, meaning } of EXIT_MEANINGS) expect(documented).toContain(`| ${code} | ${meaning} |`);
  });

  it('are given for every error code, and none means success', () => {
    for (const code of ERROR_CODES) {
      expect(Object.values(EXIT)).toContain(exitCodeOf(code));
      expect([code, exitCodeOf(code)]).not.toEqual([code, EXIT.ok]);
    }
    expect(exitCodeOf('gateway_not_running')).toBe(3);
    expect(exitCodeOf('config_invalid')).toBe(4);
    expect(exitCodeOf('bad_input')).toBe(2);
  });
});
