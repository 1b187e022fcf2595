// What scripts cannot do: see secrets, reach the network, write outside, start processes, take more than their share, or confuse Herald.
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { AppError } from '../../../shared/errors.ts';
import { NO_SANDBOX, fenceProblem, openBench, pythonProblem, type ScriptBench } from './script-bench.ts';

let bench: ScriptBench;
let server: http.Server;
let port = 0;
let visits = 0;
beforeAll(async () => {
  bench = openBench();
  server = http.createServer((_request, response) => {
    visits++;
    response.end('hello');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address !== null && typeof address === 'object') port = address.port;
});
afterAll(() => {
  server.close();
  bench.close();
});

const fence = { skip: fenceProblem !== undefined };

describe(`JavaScript ${fenceProblem ?? ''}`, fence, () => {
  it('sees nothing of the host: no secrets, no environment, no network, nothing to write outside of the workspace', async () => {
    vi.stubEnv('SOME_API_KEY', 'a secret of the host');
    const end = await bench.run(
      'javascript',
      `import fs from 'node:fs';
       const attempt = (what, work) => { try { print(what, 'DONE', work()); } catch (error) { print(what, error.code); } };
       for (const file of ${JSON.stringify([path.join(bench.data, 'secret.txt'), `/proc/${process.pid}/environ`, '/etc/shadow', '/root/.bashrc'])})
         attempt('read', () => fs.readFileSync(file, 'utf8'));
       for (const file of ${JSON.stringify(['/etc/x', '/usr/x', '/x'])}) attempt('write', () => fs.writeFileSync(file, 'x'));
       for (const name of ['environ', 'cmdline']) print(fs.readFileSync('/proc/self/' + name, 'utf8').includes('secret'));
       print(JSON.stringify(process.env));
       await fetch('http://127.0.0.1:${port}/').then(() => print('DONE'), (error) => print('net', error.cause.code));
       try { fs.writeFileSync(${JSON.stringify(path.join(bench.data, 'x'))}, 'x'); } catch {}
       fs.writeFileSync('mine.txt', 'fine');`,
    );
    vi.unstubAllEnvs();
    expect(end).toMatchObject({ code: 0, stderr: '' });
    expect(end.stdout).not.toContain('secret of');
    expect(end.stdout).not.toContain('DONE');
    expect(end.stdout).toContain('net ECONNREFUSED');
    expect(visits).toBe(0);
    expect(fs.readFileSync(path.join(bench.workspace, 'mine.txt'), 'utf8')).toBe('fine');
    expect(fs.readdirSync(bench.data).toSorted()).toEqual(['secret.txt', 'workspaces']);
  });

  it('starts no processes, no workers', async () => {
    const end = await bench.run(
      'javascript',
      `import { spawnSync } from 'node:child_process';
       import { Worker } from 'node:worker_threads';
       for (const work of [() => spawnSync('ls'), () => new Worker('1', { eval: true })])
         try { work(); print('DONE'); } catch (error) { print(error.code); }`,
    );
    expect(end.stdout).toBe('ERR_ACCESS_DENIED\nERR_ACCESS_DENIED\n');
  });

  it('gets no more memory than it may have', async () => {
    const end = await bench.run('javascript', 'const all = []; for (;;) all.push(Buffer.alloc(1e7, 1));');
    expect(end.code).not.toBe(0);
    expect(end.stderr).toMatch(/allocat|memory/i);
  });
});

describe('JavaScript without a sandbox', () => {
  const options = { sandbox: NO_SANDBOX };

  it('has no rights on files and starts nothing', async () => {
    const end = await bench.run(
      'javascript',
      `import fs from 'node:fs';
       import { spawnSync } from 'node:child_process';
       import { Worker } from 'node:worker_threads';
       const attempts = [
         () => fs.readFileSync(${JSON.stringify(path.join(bench.data, 'secret.txt'))}, 'utf8'),
         () => fs.readFileSync('/proc/self/environ'),
         () => fs.writeFileSync('/tmp/herald-should-not-be-here', 'x'),
         () => spawnSync('ls'),
         () => new Worker('1', { eval: true }),
       ];
       for (const work of attempts) try { print('DONE', work()); } catch (error) { print(error.code); }`,
      options,
    );
    expect(end.stdout).toBe('ERR_ACCESS_DENIED\n'.repeat(5));
  });

  it('is ended when it takes too long, with what it had printed', async () => {
    const end = await bench.run('javascript', "print('so far'); for (;;);", { ...options, timeoutMs: 400 });
    expect(end).toMatchObject({ code: 137, stdout: 'so far\n', stopped: 'it took longer than 0 s' });
  });

  it('is ended when it has used its share of the processor, whatever is waited for', async () => {
    const end = await bench.run('javascript', 'tools.wait({}); setTimeout(() => { for (;;); }, 50);', {
      ...options,
      limits: { cpuSeconds: 1 },
      call: (_call, { hold, signal }) =>
        hold(new Promise((resolve) => signal.addEventListener('abort', () => resolve({ ok: false, text: 'late' })))),
    });
    expect(end.code).toBeGreaterThan(128);
    expect(end).toMatchObject({ stopped: undefined, cutOff: ['wait'] });
  });

  it('prints without end in bounded memory, and is ended', async () => {
    const end = await bench.run(
      'javascript',
      "process.stdout.write('first'); for (;;) await new Promise((go) => process.stdout.write('x'.repeat(65536), go));",
      options,
    );
    expect(end.stopped).toBe('it printed more than 20 MB');
    expect(end.stdout.length).toBeLessThan(51_000);
    expect(end.stdout).toMatch(/^firstx.*bytes of output are left out.*x$/s);
  });

  it.each([
    ['no JSON', "'{{{\\n'"],
    ['another number', "JSON.stringify({ id: 7, name: 'echo', arguments: {} }) + '\\n'"],
    ['no name', "JSON.stringify({ id: 1, arguments: {} }) + '\\n'"],
    ['a number twice', "(JSON.stringify({ id: 1, name: 'echo', arguments: {} }) + '\\n').repeat(2)"],
  ])('that writes nonsense to its channel is ended: %s', async (_what, expression) => {
    const end = await bench.run(
      'javascript',
      `import fs from 'node:fs'; fs.writeSync(3, ${expression}); await new Promise((go) => setTimeout(go, 20000));`,
      options,
    );
    expect(end).toMatchObject({ code: 137, stopped: 'it wrote nonsense to its channel to Herald' });
  });

  it('cannot hand over a call of any size', async () => {
    for (const code of [
      "await tools.echo({ text: 'x'.repeat(2_000_000) });",
      "import fs from 'node:fs'; for (;;) try { fs.writeSync(3, 'x'.repeat(65536)); } catch {}",
    ]) {
      const end = await bench.run('javascript', code, options);
      expect(end).toMatchObject({ stopped: 'the arguments of a call were larger than 1 MB', served: [] });
    }
  });

  it('gets errors beyond its number of calls, and is ended when it goes on', async () => {
    const few = await bench.run(
      'javascript',
      'for (let n = 1; n <= 5; n++) print(await tools.echo({ n }).catch((error) => error.message));',
      { ...options, maxCalls: 2 },
    );
    expect(few).toMatchObject({ code: 0, calls: 2 });
    expect(few.served).toHaveLength(2);
    expect(few.stdout).toBe(`{"n":1}\n{"n":2}\n${'A script may make 2 calls. This one was not made.\n'.repeat(3)}`);
    const storm = await bench.run('javascript', 'for (;;) await tools.echo({}).catch(() => {});', {
      ...options,
      maxCalls: 2,
    });
    expect(storm).toMatchObject({ stopped: 'it made more than 2 calls' });
    expect(storm.served).toHaveLength(2);
  });

  it('ends with whoever asked for it', async () => {
    const controller = new AbortController();
    const running = bench.run('javascript', 'await tools.echo({}); for (;;);', {
      ...options,
      signal: controller.signal,
      async call() {
        controller.abort(new Error('stopped'));
        return { ok: true, text: '' };
      },
    });
    const from = performance.now();
    await expect(running).rejects.toMatchObject({ code: 'cancelled' });
    expect(performance.now() - from).toBeLessThan(2_000);
  });

  it('does not go on when a call says that it must not', async () => {
    const failing = bench.run('javascript', 'await tools.echo({}).catch(() => {}); for (;;);', {
      ...options,
      call: () => Promise.reject(new AppError('disk_full', 'The disk is full.')),
    });
    await expect(failing).rejects.toMatchObject({ code: 'disk_full' });
  });

  it('time that a person takes does not count', async () => {
    const end = await bench.run('javascript', 'print(await tools.ask({}));', {
      ...options,
      timeoutMs: 600,
      async call(_call, { hold }) {
        await hold(new Promise((resolve) => setTimeout(resolve, 900)));
        return { ok: true, text: 'yes' };
      },
    });
    expect(end).toMatchObject({ code: 0, stdout: 'yes\n', stopped: undefined });
  });
});

describe(`Python ${pythonProblem ?? ''}`, { skip: pythonProblem !== undefined }, () => {
  it('starts no processes: no storm of forks', async () => {
    const end = await bench.run(
      'python',
      `import os, subprocess, ctypes
def attempt(work):
    try:
        print('DONE', work())
    except Exception as error:
        print(type(error).__name__)
attempt(os.fork)
attempt(lambda: subprocess.run(['ls']))
attempt(lambda: os.posix_spawn('/bin/ls', ['ls'], {}))
attempt(lambda: os.system('ls') and os.abort if os.system('ls') == 0 else 1 / 0)
libc = ctypes.CDLL(None, use_errno=True)
print(libc.vfork(), ctypes.get_errno())`,
    );
    expect(end.stdout).toBe('PermissionError\nPermissionError\nPermissionError\nZeroDivisionError\n-1 1\n');
  });

  it('gets no more memory than it may have, for threads neither', async () => {
    const end = await bench.run(
      'python',
      `import threading
try:
    bytearray(10**9)
except MemoryError:
    print('no memory')
stop = threading.Event()
started = 0
try:
    while started < 1000:
        threading.Thread(target=stop.wait).start()
        started += 1
except RuntimeError:
    pass
print(started < 100)
stop.set()`,
    );
    expect(end.stdout).toBe('no memory\nTrue\n');
  });

  it('sees nothing of the host, and is not led by files in the workspace', async () => {
    fs.writeFileSync(path.join(bench.workspace, 'json.py'), "print('TAKEN OVER')");
    fs.writeFileSync(path.join(bench.workspace, 'sitecustomize.py'), "print('TAKEN OVER')");
    const end = await bench.run(
      'python',
      `import json, os, urllib.request
for file in ${JSON.stringify([path.join(bench.data, 'secret.txt'), '/proc/1/environ', '/proc/self/environ', `/proc/${process.pid}/environ`, '/etc/shadow'])}:
    try:
        print('secret' in open(file).read())
    except OSError as error:
        print(type(error).__name__)
try:
    print('DONE', urllib.request.urlopen('http://127.0.0.1:${port}/').read())
except OSError as error:
    print('no network')
print(sorted(os.environ))`,
    );
    expect(end).toMatchObject({ code: 0, stderr: '' });
    expect(end.stdout).not.toMatch(/TAKEN OVER|True|DONE/);
    expect(end.stdout).toMatch(/no network\n\['HOME', 'LANG', 'PATH', 'PWD', 'TERM'\]\n$/);
    expect(visits).toBe(0);
  });
});
