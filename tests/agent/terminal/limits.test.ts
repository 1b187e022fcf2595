// Limits on the number of processes, held by the system for accounts that are not root.
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { sandboxProblem } from '../../support/terminal/local.ts';

const CHILD = fileURLToPath(new URL('../../support/terminal/limited-child.ts', import.meta.url));
const NOBODY = 65_534;
const resultSchema = z.object({
  first: z.object({ ended: z.string(), output: z.string() }),
  second: z.object({ output: z.string() }),
});

/** Starts Node as an account that is not root. */
function asNobody(args: readonly string[]): { program: string; args: string[] } {
  if (process.getuid?.() !== 0) return { program: process.execPath, args: [...args] };
  const identity = [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'];
  return { program: 'setpriv', args: [...identity, process.execPath, ...args] };
}

async function problem(): Promise<string | undefined> {
  const noSandbox = process.platform === 'linux' ? await sandboxProblem() : 'not Linux';
  if (noSandbox !== undefined) return noSandbox;
  const { program, args } = asNobody(['-e', `fs.readFileSync(${JSON.stringify(CHILD)})`]);
  return promisify(execFile)(program, args).then(
    () => undefined,
    () => 'another account cannot read this checkout',
  );
}
const skip = await problem();

it.skipIf(skip !== undefined)(
  `a storm of forks stays in its sandbox, and the next call works ${skip ?? ''}`,
  async () => {
    const base = fs.mkdtempSync(path.join(os.tmpdir(), 'herald-limits-'));
    try {
      if (process.getuid?.() === 0) fs.chownSync(base, NOBODY, NOBODY);
      const storm = `sh -c 'for n in $(seq 1 300); do sleep 5 & done; echo all started'`;
      const { program, args } = asNobody([CHILD, base, '60', storm]);
      const { stdout } = await promisify(execFile)(program, args, { env: { PATH: '/usr/bin:/bin' }, cwd: base });
      const { first, second } = resultSchema.parse(JSON.parse(stdout));
      expect(first.output).toMatch(/Cannot fork|Resource temporarily unavailable/i);
      expect(first.output).not.toContain('all started');
      expect(second.output).toBe('still here\n');
    } finally {
      fs.rmSync(base, { recursive: true, force: true });
    }
  },
);
