// The section `terminal`: its defaults, what it refuses, and which backend it opens.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { machineLimits, openBackend } from '../../../agent/terminal/backends.ts';
import { terminalSettings } from '../../../agent/terminal/config.ts';
import { systemClock } from '../../../shared/clock.ts';

it('has defaults for everything', () => {
  const settings = terminalSettings.parse({});
  expect(settings).toMatchObject({ backend: 'local', timeout_seconds: 180, lifetime_seconds: 300 });
  expect(machineLimits(settings)).toEqual({ cpus: 1, memoryMb: 5120, diskMb: 51_200, processes: 256 });
});

it.each([
  { backend: 'ssh' },
  { backend: 'vm' },
  { ssh: { host: '-oProxyCommand=touch x' } },
  { ssh: { host: 'a b' } },
  { ssh: { user: '-l' } },
  { ssh: { folder: 'a; rm -rf ~' } },
  { docker: { image: '--privileged' } },
  { docker: { user: '-u' } },
  { docker: { privileged: true } },
  { docker: { host: 'file:///x' } },
  { apptainer: { image: '--fakeroot' } },
  { daytona: { api_key_env: 'dtn_abc-123' } },
  { modal: { token_secret_env: 'as-abc' } },
  { modal: { app: '-x' } },
])('refuses %j', (settings) => {
  expect(terminalSettings.safeParse(settings).success).toBe(false);
});

it('opens the backend that is chosen, and asks for its own secrets only', async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'herald-backends-'));
  const asked: string[] = [];
  const host = {
    clock: systemClock,
    folder,
    home: folder,
    privatePaths: [folder, '/var/lib/private'],
    instance: 'test',
    secret(name: string) {
      asked.push(name);
      return undefined;
    },
  };
  const open = (settings: Record<string, unknown>) => openBackend(terminalSettings.parse(settings), host);
  const ids: string[] = [];
  for (const backend of ['local', 'docker', 'apptainer', 'daytona', 'modal'])
    ids.push((await open({ backend, sandbox: 'off' })).id);
  ids.push((await open({ backend: 'ssh', ssh: { host: 'example.org' } })).id);
  expect(ids).toEqual(['local', 'docker', 'apptainer', 'daytona', 'modal', 'ssh']);
  expect(asked).toEqual(['DAYTONA_API_KEY', 'MODAL_TOKEN_ID', 'MODAL_TOKEN_SECRET']);
  await expect(open({ backend: 'docker', docker: { volumes: ['/var/lib/private:/x'] } })).rejects.toThrow(/never see/);
  fs.rmSync(folder, { recursive: true });
});
