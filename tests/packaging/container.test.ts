// Dockerfile, .dockerignore and compose.yaml: what must hold for anybody who runs them.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { BUILT_FOLDERS } from '../../packaging/build.ts';

const ROOT = path.join(import.meta.dirname, '../..');
const read = (file: string) => readFileSync(path.join(ROOT, file), 'utf8');

interface Instruction {
  name: string;
  rest: string;
}

/** Stages in order, each with its instructions; continued lines joined, comments left out. */
function readStages(text: string): Instruction[][] {
  const lines = text
    .replace(/^\s*#.*\n/gm, '')
    .replace(/\\\n\s*/g, '')
    .split('\n');
  const stages: Instruction[][] = [];
  for (const line of lines.filter((candidate) => candidate.trim() !== '')) {
    const [, name = '', rest = ''] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
    if (name === 'FROM') stages.push([]);
    stages.at(-1)?.push({ name, rest });
  }
  return stages;
}

describe('Dockerfile', () => {
  const stages = readStages(read('Dockerfile'));
  const final = stages.at(-1) ?? [];
  const one = (name: string) =>
    final.filter((instruction) => instruction.name === name).map((instruction) => instruction.rest);

  test('every stage is Node 24 slim', () => {
    expect(stages.length).toBeGreaterThan(1);
    for (const stage of stages) expect(stage[0]?.rest).toMatch(/^node:24-slim( AS \w+)?$/);
  });

  test('runs as nobody in particular, and the data folder is that user’s', () => {
    expect(one('USER')).toEqual(['10000:10000']);
    const make = one('RUN').join('\n');
    expect(make).toContain('install -d -o 10000 -g 10000 -m 0700 /data');
    // Nothing that changes files may follow: it would run as that user, or the folder would not be kept.
    const after = final.slice(final.findIndex((instruction) => instruction.name === 'USER') + 1);
    expect(after.map((instruction) => instruction.name)).not.toContain('RUN');
  });

  test('keeps its state in a volume that HERALD_HOME names', () => {
    expect(one('VOLUME')).toEqual(['/data']);
    expect(one('ENV').join(' ')).toMatch(/\bHERALD_HOME=\/data\b/);
  });

  test.each([
    [200, 0],
    [503, 1],
  ])('asks the health route: %i there is exit code %i', async (status, code) => {
    const [check = ''] = one('HEALTHCHECK');
    const [program, ...args] = z.array(z.string()).parse(JSON.parse(check.slice(check.indexOf('['))));
    expect(program).toBe('node');
    const asked: (string | undefined)[] = [];
    const server = createServer((request, response) => {
      asked.push(request.url);
      response.writeHead(status).end();
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' ? String(address?.port) : '';
    const child = spawn(process.execPath, args, { env: { HERALD_PORT: port }, stdio: 'ignore' });
    expect((await once(child, 'exit'))[0]).toBe(code);
    expect(asked).toEqual(['/health']);
    server.close();
    const gone = spawn(process.execPath, args, { env: { HERALD_PORT: port }, stdio: 'ignore' });
    expect((await once(gone, 'exit'))[0]).toBe(1);
  });

  test('has no compiler, runs no scripts of packages and leaves development packages out', () => {
    const runs = stages
      .flat()
      .filter((instruction) => instruction.name === 'RUN')
      .map((instruction) => instruction.rest);
    expect(runs.join('\n')).not.toMatch(/apt-get|apk |gcc|g\+\+|make |python/);
    const installs = runs.flatMap((run) => run.split('&&')).filter((command) => /npm (ci|install)/.test(command));
    expect(installs.length).toBeGreaterThan(0);
    for (const install of installs) expect(install).toMatch(/npm ci .*--ignore-scripts/);
    const dependencies = stages.find((stage) => stage[0]?.rest.endsWith(' AS dependencies')) ?? [];
    expect(dependencies.map((instruction) => instruction.rest).join('\n')).toContain('--omit=dev');
    expect(one('COPY')).toContain('--from=dependencies /app/node_modules ./node_modules');
  });

  test('starts the command of package.json', () => {
    const manifest = z.object({ bin: z.object({ herald: z.string() }) }).parse(JSON.parse(read('package.json')));
    const entry = path.posix.join('/app', manifest.bin.herald);
    expect(JSON.parse(one('ENTRYPOINT')[0] ?? '')).toEqual(['node', '--max-semi-space-size=8', entry]);
    expect(one('CMD')).toEqual(['["start"]']);
    expect(one('RUN').join('\n')).toContain(`ln -s ${entry} /usr/local/bin/herald`);
  });

  test('copies only what there is and what .dockerignore lets in', () => {
    const context = stages
      .flat()
      .filter((instruction) => instruction.name === 'COPY' && !instruction.rest.startsWith('--from'));
    const allowed = read('.dockerignore')
      .split('\n')
      .filter((line) => line.startsWith('!'))
      .map((line) => line.slice(1));
    for (const { rest } of context) {
      for (const source of rest.split(/\s+/).slice(0, -1)) {
        if (source === '.') continue;
        expect(existsSync(path.join(ROOT, source)), source).toBe(true);
        expect(allowed).toContain(source);
      }
    }
  });
});

describe('.dockerignore', () => {
  const lines = read('.dockerignore')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));

  test('lets nothing in that is not named', () => {
    expect(lines[0]).toBe('*');
    for (const secret of ['.env', '.git', 'node_modules', 'tests']) expect(lines).not.toContain(`!${secret}`);
    expect(lines.slice(lines.findLastIndex((line) => line.startsWith('!')))).toContain('**/.env');
  });

  test('lets in all that the build needs', () => {
    for (const needed of [...BUILT_FOLDERS, 'tsconfig.json', 'package.json', 'packaging/build.ts']) {
      expect(lines).toContain(`!${needed}`);
      expect(existsSync(path.join(ROOT, needed)), needed).toBe(true);
    }
  });
});

describe('compose.yaml', () => {
  const text = read('compose.yaml');
  const { services, volumes } = z
    .object({
      services: z.record(z.string(), z.record(z.string(), z.unknown())),
      volumes: z.record(z.string(), z.unknown()),
    })
    .parse(parse(text));
  const herald = services['herald'] ?? {};

  test('is published on this machine only, at the port that it listens on', () => {
    expect(herald['ports']).toEqual(['127.0.0.1:7420:7420']);
    expect(herald['environment']).toMatchObject({ HERALD_HOST: '0.0.0.0', HERALD_PORT: '7420' });
    expect(read('Dockerfile')).toMatch(/^EXPOSE 7420$/m);
    expect(herald['network_mode']).toBeUndefined();
    expect(herald['privileged']).toBeUndefined();
  });

  test('can write to its volume and to /tmp alone', () => {
    expect(herald['read_only']).toBe(true);
    expect(herald['volumes']).toEqual(['herald-data:/data']);
    expect(Object.keys(volumes)).toEqual(['herald-data']);
    expect(herald['tmpfs']).toEqual([expect.stringMatching(/^\/tmp/)]);
  });

  test('has no privileges, and time to stop', () => {
    expect(herald).toMatchObject({
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
      init: true,
      restart: 'unless-stopped',
    });
    expect(Number.parseInt(String(herald['stop_grace_period']), 10)).toBeGreaterThan(10);
  });

  test('holds no secret', () => {
    expect(text).not.toMatch(/(TOKEN|KEY|SECRET|PASSWORD)\s*[:=]\s*\S/);
  });
});
