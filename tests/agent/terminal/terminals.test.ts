// Machines of people: opened once, let go when idle, kept awake by jobs.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { listWatched, openJobNotes, type JobNote } from '../../../agent/terminal/job-notes.ts';
import type { Backend, Machine } from '../../../agent/terminal/machine.ts';
import { openTerminals, type Terminals } from '../../../agent/terminal/terminals.ts';
import { AppError } from '../../../shared/errors.ts';
import { silentLog } from '../../../shared/log.ts';
import { makeFakeClock, type FakeClock } from '../../support/fake-clock.ts';

const never = new AbortController().signal;
let notesDir: string;
let clock: FakeClock;
let told: string[];
/** What a listing of jobs answers. */
let jobLines: string;
let failOpening: boolean;
let terminals: Terminals;

/** A machine that only tells what was asked of it. */
const backend: Backend = {
  id: 'told',
  isolation: { files: true, network: 'never' },
  check: () => Promise.resolve({ ok: true, detail: '' }),
  open({ key, workspace }) {
    told.push(`open ${key}`);
    if (failOpening) return Promise.reject(new AppError('terminal_unreachable', 'Not now.', { retryable: true }));
    const tell = (what: string) => () => Promise.resolve(void told.push(`${what} ${key}`));
    const machine: Machine = {
      backend: 'told',
      isolation: { files: true, network: 'never' },
      workspace,
      stateDir: '/state',
      exec(request) {
        request.onOutput?.(Buffer.from(jobLines));
        return Promise.resolve({ code: 0 });
      },
      put: () => Promise.resolve(),
      get: () => Promise.resolve(new Uint8Array()),
      hibernate: tell('hibernate'),
      destroy: tell('destroy'),
      close: tell('close'),
    };
    return Promise.resolve(machine);
  },
};

const note = (id: string, watched: boolean): JobNote => ({
  id,
  title: 'make',
  startedAt: 1,
  network: false,
  owner: '',
  notify: watched,
  patterns: [],
  seenBytes: 0,
  watched,
  polledBytes: 0,
});

beforeEach(() => {
  notesDir = fs.mkdtempSync(path.join(os.tmpdir(), 'herald-terminals-'));
  clock = makeFakeClock();
  told = [];
  jobLines = '';
  failOpening = false;
  terminals = openTerminals({
    backend,
    limits: {},
    notesDir,
    events: { onEvent: () => Promise.resolve() },
    clock,
    log: silentLog,
    idleMs: 1_000,
  });
});
afterEach(async () => {
  await terminals.close();
  fs.rmSync(notesDir, { recursive: true });
});

const at = (key: string) => ({ key, workspace: `/w/${key}`, signal: never });

describe('terminals', () => {
  it('opens a machine once, and again after it was idle', async () => {
    const machines = await Promise.all([1, 2].map(() => terminals.use(at('a'), async ({ machine }) => machine)));
    expect(machines[0]).toBe(machines[1]);
    await terminals.use(at('b'), async () => {});
    expect(told).toEqual(['open a', 'open b']);
    expect(clock.pending()).toBe(2);
    await clock.advance(999);
    expect(told).toHaveLength(2);
    await clock.advance(10);
    expect(told.slice(2).sort()).toEqual(['close a', 'close b', 'hibernate a', 'hibernate b']);
    expect(clock.pending()).toBe(0);
    await terminals.use(at('a'), async () => {});
    expect(told.at(-1)).toBe('open a');
  });

  it('is not idle while it is used, or while a job runs', async () => {
    let finish: (() => void) | undefined;
    const used = terminals.use(at('a'), () => new Promise<void>((resolve) => (finish = resolve)));
    await clock.advance(10_000);
    expect(told).toEqual(['open a']);
    jobLines = 'abcdef 10 0 - 0\n';
    finish?.();
    await used;
    await clock.advance(5_000);
    expect(told).toEqual(['open a']);
    jobLines = 'abcdef 10 0 3 1700000000\n';
    await clock.advance(1_000);
    expect(told).toEqual(['open a', 'hibernate a', 'close a']);
  });

  it('forgets a machine that is gone or did not open', async () => {
    failOpening = true;
    await expect(terminals.use(at('a'), async () => {})).rejects.toMatchObject({ code: 'terminal_unreachable' });
    failOpening = false;
    const gone = new AppError('terminal_gone', 'It is gone.');
    await expect(terminals.use(at('a'), () => Promise.reject(gone))).rejects.toBe(gone);
    await terminals.use(at('a'), async () => {});
    expect(told).toEqual(['open a', 'open a', 'close a', 'open a']);
  });

  it('opens nothing for a call that was stopped, nor after closing', async () => {
    await expect(terminals.use({ ...at('a'), signal: AbortSignal.abort() }, async () => {})).rejects.toMatchObject({
      code: 'cancelled',
    });
    await terminals.close();
    await expect(terminals.use(at('b'), async () => {})).rejects.toMatchObject({ code: 'cancelled' });
    expect(told).not.toContain('open b');
    expect(clock.pending()).toBe(0);
  });

  it('says how machines are kept apart, and takes jobs that it does not know to reach the network', async () => {
    expect(terminals.isolationAt('/w/a')).toEqual({ files: true, network: 'never' });
    expect(terminals.reachesNetwork('/w/a', 'abcdef')).toBe(true);
    openJobNotes(notesDir, 'a', '/w/a').put(note('abcdef', false));
    await terminals.use(at('a'), async () => {});
    expect(terminals.reachesNetwork('/w/a', 'abcdef')).toBe(false);
    expect(terminals.cwdAt('/w/a')).toBeUndefined();
  });

  it('opens machines with something to tell after a start, and only those', async () => {
    openJobNotes(notesDir, 'a', '/w/a').put(note('aaaaaa', true));
    openJobNotes(notesDir, 'b', '/w/b').put(note('bbbbbb', false));
    await terminals.adopt();
    expect(told).toEqual(['open a']);
  });
});

describe('notes of jobs', () => {
  it('last, are bounded, and keep what is still to be told', () => {
    const notes = openJobNotes(notesDir, 'k', '/w');
    notes.put(note('000000', true));
    for (let i = 1; i <= 60; i++) notes.put(note(String(i).padStart(6, '0'), false));
    const again = openJobNotes(notesDir, 'k', '/w');
    expect(again.all()).toHaveLength(40);
    expect(again.get('000000')?.watched).toBe(true);
    expect(again.get('000060')).toBeDefined();
    expect(listWatched(notesDir)).toEqual([{ key: 'k', workspace: '/w' }]);
  });

  it('are begun anew when the file is damaged', () => {
    fs.writeFileSync(path.join(notesDir, 'k.json'), '{"jobs": [');
    expect(openJobNotes(notesDir, 'k', '/w').all()).toEqual([]);
    expect(listWatched(notesDir)).toEqual([]);
    expect(listWatched(path.join(notesDir, 'none'))).toEqual([]);
  });
});
