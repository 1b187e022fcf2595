import { once } from 'node:events';
import { describe, expect, it, vi } from 'vitest';
import { spawnChild } from '../../../agent/tools/child.ts';

describe('spawnChild', () => {
  it('gives a child nothing of our environment', async () => {
    vi.stubEnv('SOME_API_KEY', 'secret-value');
    const child = spawnChild('env', [], {}, new AbortController().signal);
    let output = '';
    child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()));
    await new Promise((resolve) => child.once('close', resolve));
    vi.unstubAllEnvs();
    expect(output).toContain('PATH=');
    expect(output).not.toContain('secret-value');
  });

  it('ends a child that ignores SIGTERM within a second', async () => {
    const controller = new AbortController();
    const child = spawnChild(
      'sh',
      ['-c', 'trap "" TERM; echo up; while :; do sleep 0.05; done'],
      {},
      controller.signal,
    );
    await once(child.stdout ?? child, 'data');
    const startedAt = performance.now();
    controller.abort();
    const [, signal] = await once(child, 'exit');
    expect(signal).toBe('SIGKILL');
    expect(performance.now() - startedAt).toBeLessThan(1_000);
  });

  it('lets a child end by itself, and does not touch its group afterwards', async () => {
    const controller = new AbortController();
    const child = spawnChild('sh', ['-c', 'exit 3'], {}, controller.signal);
    const [code] = await once(child, 'exit');
    expect(code).toBe(3);
    expect(() => controller.abort()).not.toThrow();
  });

  it('starts nothing when it is too late', () => {
    expect(() => spawnChild('sh', [], {}, AbortSignal.abort(new Error('over')))).toThrow('over');
  });

  it('tells a command that is not there as an error event', async () => {
    const child = spawnChild('/no/such/command', [], {}, new AbortController().signal);
    const [error] = await once(child, 'error');
    expect(error).toMatchObject({ code: 'ENOENT' });
  });
});
