import { describe, expect, it } from 'vitest';
import { makeModelList } from '../../agent/models.ts';
import { makeDemoProvider } from '../../agent/providers/demo.ts';
import { AppError } from '../../shared/errors.ts';
import { silentLog } from '../../shared/log.ts';
import { makeScriptedModel, makeSettings } from './fixture.ts';

const signal = new AbortController().signal;

describe('models', () => {
  it('lists the configured ones first, then what the providers offer, once each', async () => {
    const first = makeScriptedModel([], 'one', 'big');
    const second = makeScriptedModel([], 'two', 'small');
    const list = makeModelList(() => makeSettings('/', [first.link, second.link]), silentLog);
    expect(await list.models(signal)).toEqual([
      { name: 'one/big', provider: 'one', current: true },
      { name: 'two/small', provider: 'two', current: false },
      { name: 'one/other-model', provider: 'one', current: false },
      { name: 'two/other-model', provider: 'two', current: false },
    ]);
    expect(list.describeModel()).toEqual({ name: 'big', provider: 'one', demo: false });
  });

  it('still lists the configured ones when a provider does not answer', async () => {
    const { link } = makeScriptedModel([], 'one', 'big');
    const provider = {
      ...link.provider,
      listModels: async () => {
        throw new AppError('model_unreachable', 'down');
      },
    };
    const list = makeModelList(() => makeSettings('/', [{ provider, model: 'big' }]), silentLog);
    expect((await list.models(signal)).map((model) => model.name)).toEqual(['one/big']);
  });

  it('can be cancelled although the provider hangs', async () => {
    const { link } = makeScriptedModel([], 'one', 'big');
    const provider = { ...link.provider, listModels: () => new Promise<never>(() => undefined) };
    const list = makeModelList(() => makeSettings('/', [{ provider, model: 'big' }]), silentLog);
    await expect(list.models(AbortSignal.timeout(20))).rejects.toMatchObject({ code: 'cancelled' });
  });
});

describe('resolveModel', () => {
  it('takes what it cannot check, and checks what it can', async () => {
    const { link } = makeScriptedModel([], 'one', 'big');
    const list = makeModelList(() => makeSettings('/', [link]), silentLog);
    expect(list.resolveModel(' BIG ')).toBe('one/big');
    expect(list.resolveModel('other-modle')).toBe('one/other-modle');
    await list.models(signal);
    expect(list.resolveModel('Other-Model')).toBe('one/other-model');
    expect(() => list.resolveModel('other-modle')).toThrow(
      expect.objectContaining({
        code: 'not_found',
        publicMessage: expect.stringContaining('Perhaps: `one/other-model`'),
      }),
    );
    expect(() => list.resolveModel('  ')).toThrow(expect.objectContaining({ code: 'not_found' }));
  });

  it('does not take other names for the demo model', () => {
    const link = { provider: makeDemoProvider(), model: 'demo' };
    const list = makeModelList(
      () => ({ ...makeSettings('/', [link]), models: { chain: [link], demo: true } }),
      silentLog,
    );
    expect(list.resolveModel('demo')).toBe('demo/demo');
    expect(() => list.resolveModel('gpt-9')).toThrow(expect.objectContaining({ code: 'not_found' }));
    expect(list.describeModel().demo).toBe(true);
  });
});
