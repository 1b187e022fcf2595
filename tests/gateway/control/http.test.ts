// The control API's HTTP face: names, bodies, errors and their statuses.
import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { AppError } from '../../../shared/errors.ts';
import { operations } from '../../../gateway/control/operations.ts';
import { openControl, type ControlFixture } from './fixture.ts';

let control: ControlFixture | undefined;
afterEach(async () => {
  await control?.gateway.close();
  control = undefined;
});
const open = async (options: Parameters<typeof openControl>[0] = {}) => (control = await openControl(options));

const errorShape = z.object({ error: z.object({ code: z.string(), message: z.string() }) });
const codeOf = (body: unknown) => errorShape.parse(body).error;

describe('POST /control/<name>', () => {
  it('answers with the result, with or without the prefix in the path', async () => {
    const { post, fake, gateway } = await open();
    await gateway.pair(fake, 'ann');
    for (const path of ['/control/sessions.list', '/sessions.list']) {
      expect(await post(path, '{}')).toEqual({ status: 200, body: { result: [] } });
    }
  });

  it('takes an empty body as no input', async () => {
    const { post } = await open();
    expect((await post('/control/pairing.list', '')).body).toEqual({ result: { pending: [], paired: [] } });
  });

  it.each([
    ['/control/nonsense', '{}', 404, 'not_found'],
    ['/control/constructor', '{}', 404, 'not_found'],
    ['/control/', '{}', 404, 'not_found'],
    ['/control/sessions.list', '{"limit":"many"}', 400, 'bad_input'],
    ['/control/sessions.list', '{"limt":3}', 400, 'bad_input'],
    ['/control/sessions.list', '[1', 400, 'bad_input'],
    ['/control/sessions.list', '{}', 404, 'not_found'],
    ['/control/send', '{"text":" "}', 400, 'bad_input'],
    ['/control/send', '{"text":"x","file":"relative.txt"}', 400, 'bad_input'],
    ['/control/pairing.approve', '{"code":"AAAABBBB"}', 404, 'not_found'],
  ])('refuses %s %s with %i %s', async (path, body, status, code) => {
    const { post } = await open();
    const answer = await post(path, body);
    expect([answer.status, codeOf(answer.body).code]).toEqual([status, code]);
    expect(codeOf(answer.body).message).not.toBe('');
  });

  it('takes no other method', async () => {
    const { post, asked } = await open();
    expect((await post('/control/stop', '', 'GET')).status).toBe(405);
    expect(asked).toEqual([]);
  });

  it('refuses a body that is too large without keeping it', async () => {
    const { post } = await open();
    const answer = await post('/control/send', JSON.stringify({ text: 'x'.repeat(9 * 1024 * 1024) }));
    expect([answer.status, codeOf(answer.body).code]).toEqual([400, 'bad_input']);
  });

  it('tells an expected error and hides an unexpected one', async () => {
    const { post, context } = await open();
    const actions = context.actions;
    if (!actions) throw new Error('the fixture has actions');
    actions.reload = async () => {
      throw new AppError('config_invalid', 'line 3 is wrong');
    };
    expect(await post('/control/reload', '{}')).toEqual({
      status: 422,
      body: { error: { code: 'config_invalid', message: 'line 3 is wrong' } },
    });
    actions.reload = async () => {
      throw new Error('secret sk-abc');
    };
    const answer = await post('/control/reload', '{}');
    expect([answer.status, codeOf(answer.body).code]).toEqual([500, 'internal']);
    expect(JSON.stringify(answer.body)).not.toContain('sk-abc');
  });

  it('says that no gateway runs, for everything that needs one', async () => {
    const { post } = await open({ offline: true });
    const needing = Object.entries(operations).filter(([, operation]) => operation.needsGateway);
    expect(needing.length).toBeGreaterThan(5);
    const inputs: Record<string, object> = {
      send: { text: 'x' },
      delivery: { key: 'x' },
      'probe-send': { platforms: [] },
      'probe-look': { key: 'x' },
      'mcp.decide': { permission: 'x', allow: true },
      'mcp.login': { server: 'x' },
      'mcp.login.wait': { server: 'x' },
      'mcp.login.complete': { server: 'x', address: 'x' },
      'mcp.logout': { server: 'x' },
      'mcp.allow': { server: 'x' },
      'mcp.refresh': { server: 'x' },
      'cron.edit': { job: 'x' },
      'cron.change': { job: 'x', to: 'pause' },
      'cron.run': { job: 'x' },
      'cron.hook': { job: 'x', format: 'standard' },
      'cron.on': { job: 'x' },
      'skills.show': { name: 'x' },
      'skills.diff': { version: 'x' },
      'skills.decide': { version: 'x', take: true },
      'skills.rollback': { name: 'x' },
      'skills.files': { name: 'x' },
      'skills.mark': { name: 'x' },
      'skills.curation.undo': { id: 1 },
    };
    for (const [name] of needing) {
      const input = inputs[name] ?? {};
      const answer = await post(`/control/${name}`, JSON.stringify(input));
      expect([name, answer.status, codeOf(answer.body).code]).toEqual([name, 503, 'gateway_not_running']);
    }
  });
});
