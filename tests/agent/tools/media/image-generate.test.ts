// Making images: what the service is told, where the image goes, what it costs on each path, and that a key stays where it belongs.
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { chooseImageService } from '../../../../agent/tools/media/images-api.ts';
import { DM } from '../../fixture.ts';
import { openMediaBench, type MediaBench, type MediaBenchOptions } from '../../../support/media/bench.ts';
import { GIF, json, openImageServer, PNG, type ImageServer } from '../../../support/media/images.ts';

let bench: MediaBench | undefined;
let server: ImageServer | undefined;
afterEach(async () => {
  await bench?.close();
  await server?.close();
  bench = server = undefined;
});

async function open(
  answer?: Parameters<typeof openImageServer>[0],
  options: MediaBenchOptions & { images?: object } = {},
): Promise<MediaBench & { server: ImageServer }> {
  server = await openImageServer(answer);
  const images = { base_url: server.baseUrl, model: 'painter', key_env: ['IMAGE_KEY'], price_usd: 0.04 };
  bench = await openMediaBench({
    keys: { IMAGE_KEY: 'sk-image', OPENAI_API_KEY: 'sk-other' },
    ...options,
    images: { ...images, ...options.images },
  });
  return { ...bench, server };
}

const draw = (more = {}) => ['image_generate', { prompt: 'A cat, Öl auf Leinwand!', ...more }] as const;
const inWorkspace = ({ workspace }: MediaBench) => fs.readdirSync(path.join(workspace, 'images'));

describe('an image', () => {
  it('is kept in the workspace, shown with the answer, and paid', async () => {
    const made = await open();
    const { text, files } = await made.call(...draw({ aspect_ratio: 'portrait' }));
    expect(made.server.asked).toEqual([
      { model: 'painter', prompt: 'A cat, Öl auf Leinwand!', n: 1, size: '1024x1536' },
    ]);
    expect(made.server.seen[0]?.headers.authorization).toBe('Bearer sk-image');
    const [name = ''] = inWorkspace(made);
    expect(name).toMatch(/^a-cat-o-l-auf-leinwand-[0-9a-f]{8}\.png$/);
    expect(text).toBe(`The image is made. It is shown with your answer, and is images/${name} in the workspace.`);
    expect(fs.readFileSync(path.join(made.workspace, 'images', name))).toEqual(PNG);
    expect(files).toMatchObject([{ name, mime: 'image/png', kind: 'image' }]);
    expect(made.stored.map(({ bytes }) => Buffer.from(bytes))).toEqual([PNG]);
    expect(await made.usage()).toEqual([{ cause: 'image', model: 'painter', cost_micro_usd: 40_000, cost_known: 1 }]);
  });

  it('may come as an address of the same server', async () => {
    const made = await open((response) => json(response, { data: [{ url: `${server?.url}/made.gif` }] }));
    await made.call(...draw());
    expect(made.stored.map(({ mime, bytes }) => [mime, Buffer.from(bytes)])).toEqual([['image/gif', GIF]]);
    // The key is for the service alone.
    expect(made.server.seen[1]).toMatchObject({ method: 'GET', url: '/made.gif' });
    expect(made.server.seen[1]?.headers.authorization).toBeUndefined();
  });

  it('is not fetched from inside the network; what was paid stays counted', async () => {
    const made = await open((response) => json(response, { data: [{ url: 'http://127.0.0.1:1/x' }] }));
    expect((await made.call(...draw())).text).toContain('address of this machine');
    expect(await made.usage()).toMatchObject([{ cost_micro_usd: 40_000 }]);
  });

  it('is shown also when it cannot be written to the workspace', async () => {
    const made = await open();
    fs.symlinkSync('/tmp', path.join(made.workspace, 'images'));
    const { text, files } = await made.call(...draw());
    expect(text).toContain('but is not in the workspace');
    expect(files).toHaveLength(1);
  });

  it('that is none is not kept', async () => {
    const made = await open((response) => json(response, { data: [{ b64_json: 'PHN2Zz4=' }] }));
    expect((await made.call(...draw())).text).toContain('is no image');
    expect(made.stored).toEqual([]);
  });
});

describe('what it costs', () => {
  it('nothing when the service refuses; its words are words of others', async () => {
    const made = await open((response) => json(response, { error: { message: 'unsafe prompt' } }, 400));
    const { text } = await made.call(...draw());
    expect(text).toContain('refused the request (400). No image was made. It says: unsafe prompt');
    expect(text).toMatch(/^<untrusted/);
    expect(await made.usage()).toMatchObject([{ cost_micro_usd: 0 }]);
  });

  it('the whole price when nobody knows what became of it', async () => {
    const made = await open((response) => json(response, {}, 500));
    expect((await made.call(...draw())).text).toContain('problem of its own (500)');
    await made.server.close();
    expect((await made.call(...draw())).text).toContain('could not be reached');
    expect((await made.usage()).map((row) => row.cost_micro_usd)).toEqual([40_000, 40_000]);
  });

  it('a guess that is marked as one, where no price is set', async () => {
    const made = await open(undefined, { images: { price_usd: undefined } });
    await made.call(...draw());
    expect(await made.usage()).toMatchObject([{ cost_micro_usd: 250_000, cost_known: 0 }]);
  });

  it('is never more than the budget has', async () => {
    const made = await open(undefined, { caps: { dayMicroUsd: 50_000 } });
    await made.call(...draw());
    expect((await made.call(...draw())).text).toContain('I stopped at the limit for everybody together per day');
    expect(made.server.asked).toHaveLength(1);
  });
});

it('is not offered where nothing is set up', async () => {
  const made = await openMediaBench();
  bench = made;
  const offered = made.tools.filter((tool) => tool.available({ role: 'owner', address: DM })).map(({ name }) => name);
  expect(offered).toEqual(['vision_analyze']);
});

it('a key of OpenAI goes to OpenAI alone', () => {
  const lookup = (name: string) => ({ OPENAI_API_KEY: 'sk-1', MINE: 'sk-2' })[name];
  const choose = (settings: Parameters<typeof chooseImageService>[0]) => chooseImageService(settings, lookup);
  expect(choose({})).toMatchObject({ title: 'OpenAI', key: 'sk-1' });
  expect(choose({ base_url: 'http://127.0.0.1:1/v1/' })).toEqual({
    title: '127.0.0.1:1',
    baseUrl: 'http://127.0.0.1:1/v1',
    key: undefined,
    model: undefined,
  });
  expect(choose({ base_url: 'http://127.0.0.1:1', key_env: ['MINE'] })).toMatchObject({ key: 'sk-2' });
  expect(choose({ key_env: ['NONE'] })).toBeUndefined();
});
