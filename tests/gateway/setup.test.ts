// Setting a platform up step by step: what is asked, what is shown, what is saved, and what ends it.
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineManifest, type AdapterManifest } from '../../adapters/contract.ts';
import type { LoginIo, LoginResult } from '../../adapters/login.ts';
import { openSetup } from '../../gateway/setup/setup.ts';
import { AppError } from '../../shared/errors.ts';
import { makeFakeClock } from '../support/fake-clock.ts';

function manifestOf(login?: (io: LoginIo) => Promise<LoginResult>, accepts = 'good'): AdapterManifest {
  return defineManifest({
    id: 'pigeon',
    title: 'Pigeon',
    secrets: [{ key: 'token', env: 'PIGEON_TOKEN', required: true }],
    settings: z.strictObject({ token: z.string() }),
    builtin: false,
    load: async () => () => {
      throw new Error('not part of this test');
    },
    verify: async ({ settings }) =>
      settings.token === accepts
        ? { ok: true, name: '@pigeon' }
        : { ok: false, reason: 'auth', message: 'Pigeon does not know this token.' },
    ...(login && { login: async () => login }),
  });
}

function open(manifest: AdapterManifest) {
  const clock = makeFakeClock();
  const saved: LoginResult[] = [];
  const restarts: string[] = [];
  const setup = openSetup({
    clock,
    fetch,
    manifests: [manifest],
    current: async () => ({}),
    save: async (_manifest, result) => void saved.push(result),
    actions: () => ({
      status: () => Promise.reject(new Error('not part of this test')),
      restart: async (reason) => void restarts.push(reason),
    }),
  });
  return { clock, saved, restarts, setup };
}

describe('a platform without a flow of its own', () => {
  it('asks for its secrets, checks them, and saves', async () => {
    const { setup, saved } = open(manifestOf());
    const first = await setup.begin('pigeon');
    expect(first.ask).toMatchObject({ key: 'token', secret: true, optional: false });
    const second = await setup.answer(first.session, 'bad');
    expect(second.said).toEqual(['Asking Pigeon…', 'Pigeon does not know this token.']);
    expect(second.ask?.key).toBe('token');
    const end = await setup.answer(first.session, ' good ');
    expect(end.done).toEqual({ name: '@pigeon' });
    expect(saved).toEqual([{ name: '@pigeon', settings: {}, secrets: { token: 'good' } }]);
    await expect(setup.answer(first.session, 'good')).rejects.toThrow('has ended');
  });

  it('lets a person save what could not be checked, after three attempts', async () => {
    const { setup, saved } = open(manifestOf());
    let view = await setup.begin('pigeon');
    for (let n = 0; n < 3; n++) view = await setup.answer(view.session, 'bad');
    expect(view.choose?.options.map((one) => one.value)).toEqual(['again', 'save']);
    await expect(setup.answer(view.session, 'maybe')).rejects.toThrow('one of what is offered');
    expect((await setup.answer(view.session, 'save')).done).toBeDefined();
    expect(saved[0]?.secrets).toEqual({ token: 'bad' });
  });
});

describe('a flow', () => {
  const asking = async (io: LoginIo): Promise<LoginResult> => {
    io.show({ kind: 'url', url: 'https://pigeon.example/new', caption: 'Make a bot' });
    const number = await io.ask({
      key: 'number',
      label: 'Number',
      check: (text) => (/^\d+$/.test(text) ? undefined : 'Digits only.'),
    });
    return { name: number, settings: { number }, secrets: {} };
  };

  it('shows what is to be done, and refuses answers that do not pass without losing its place', async () => {
    const { setup, saved } = open(manifestOf(asking));
    const view = await setup.begin('pigeon');
    expect(view.shown).toEqual([{ kind: 'url', url: 'https://pigeon.example/new', caption: 'Make a bot' }]);
    expect(view.ask).toEqual({ key: 'number', label: 'Number' });
    await expect(setup.answer(view.session, 'abc')).rejects.toThrow('Digits only.');
    await expect(setup.answer(view.session, ' ')).rejects.toThrow('not be empty');
    expect((await setup.answer(view.session, '42')).done).toEqual({ name: '42' });
    expect(saved[0]?.settings).toEqual({ number: '42' });
  });

  it('that fails says why, and nothing is saved', async () => {
    const failing = () => Promise.reject(new AppError('platform_unreachable', 'Pigeon is closed.'));
    const { setup, saved } = open(manifestOf(failing));
    expect((await setup.begin('pigeon')).failed).toBe('Pigeon is closed.');
    expect(saved).toEqual([]);
  });

  it('that nobody goes on with, or that is broken off, ends', async () => {
    const { setup, clock, saved } = open(manifestOf(asking));
    const left = await setup.begin('pigeon');
    await clock.advance(16 * 60_000);
    await expect(setup.answer(left.session, '42')).rejects.toThrow('has ended');
    const cancelled = await setup.begin('pigeon');
    setup.cancel(cancelled.session);
    await expect(setup.answer(cancelled.session, '42')).rejects.toThrow('has ended');
    expect(saved).toEqual([]);
  });

  it('of no known platform does not begin', async () => {
    const { setup } = open(manifestOf());
    await expect(setup.begin('owl')).rejects.toThrow('no such platform');
  });

  it('whose platform never answers ends with a message', async () => {
    const { setup, clock } = open(manifestOf(() => new Promise(() => undefined)));
    const begun = setup.begin('pigeon');
    begun.catch(() => undefined);
    await clock.advance(61_000);
    await expect(begun).rejects.toThrow('did not answer in time');
  });
});
