// Checking a platform's login before it is saved, over a platform that is not among the real ones.
import { createServer, type Server } from 'node:http';
import fs from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { defineManifest, type AdapterManifest } from '../../adapters/contract.ts';
import { checkNewSecrets } from '../../cli/setup/platform-check.ts';
import { makeTempHome, removeHome } from './run-cli.ts';

const sample = (verifies: boolean): AdapterManifest =>
  defineManifest<{ token: string; api_root: string }>({
    id: 'sample',
    title: 'Sample',
    secrets: [{ key: 'token', env: 'SAMPLE_TOKEN', required: true }],
    settings: z.object({ token: z.string().min(1), api_root: z.string() }),
    builtin: false,
    load: async () => {
      throw new Error('the check must not load the adapter');
    },
    ...(verifies && {
      async verify({ settings, fetch }, signal) {
        const answer = await fetch(`${settings.api_root}/me?token=${settings.token}`, { signal }).catch(
          () => undefined,
        );
        if (!answer) return { ok: false, reason: 'unreachable', message: 'No answer.' };
        if (!answer.ok) return { ok: false, reason: 'auth', message: 'The token is refused.' };
        return { ok: true, name: await answer.text() };
      },
    }),
  });

let home: string;
let server: Server;
let root: string;
beforeEach(async () => {
  home = makeTempHome();
  server = createServer((request, response) => {
    const isKnown = request.url === '/me?token=good';
    response.writeHead(isKnown ? 200 : 401).end(isKnown ? 'the_bot' : '');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  root = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  removeHome(home);
});

const check = (token: string, config: string, verifies = true) => {
  fs.writeFileSync(path.join(home, 'config.yaml'), config);
  const manifest = sample(verifies);
  return checkNewSecrets(home, manifest, { values: new Map([['SAMPLE_TOKEN', token]]), manifests: [manifest], fetch });
};
const configured = () => `platforms:\n  sample:\n    api_root: ${root}\n`;

describe('a new login of a platform', () => {
  it('is tried with the settings that the configuration has, and saved nowhere', async () => {
    expect(await check('good', configured())).toEqual({ ok: true, name: 'the_bot' });
    expect(fs.readdirSync(home)).toEqual(['config.yaml']);
  });

  it('is refused with the reason', async () => {
    expect(await check('bad', configured())).toMatchObject({ ok: false, reason: 'auth' });
    root = 'http://127.0.0.1:9';
    expect(await check('good', configured())).toMatchObject({ ok: false, reason: 'unreachable' });
  });

  it('is taken unchecked where the platform offers no way to ask', async () => {
    expect(await check('any', configured(), false)).toEqual({ ok: true, name: '', unchecked: true });
  });

  it('is held against what config.yaml says', async () => {
    expect(await check('good', `${configured()}    enabled: false\n`)).toMatchObject({
      reason: 'settings',
      message: expect.stringMatching(/config set platforms\.sample\.enabled true/),
    });
    expect(await check('good', `${configured()}    token: old\n`)).toMatchObject({
      reason: 'settings',
      message: expect.stringMatching(/config unset platforms\.sample\.token/),
    });
    expect(await check('good', 'platforms:\n  sample: {}\n')).toMatchObject({
      reason: 'settings',
      message: expect.stringMatching(/api_root/),
    });
  });
});
