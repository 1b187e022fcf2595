// Files of a linked device: whose host is called, and what is made of bytes that were changed on the way.
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { normalizeMessageContent } from 'baileys';
import { describe, expect, it, onTestFinished } from 'vitest';
import { describeFile, secondsOfOgg } from '../../../adapters/whatsapp/web/media/message.ts';
import { describeMedia, parseMediaRef } from '../../../adapters/whatsapp/web/media/ref.ts';
import { downloadMedia, uploadMedia } from '../../../adapters/whatsapp/web/media/transfer.ts';
import type { AttachmentRef, StoredFile } from '../../../shared/messages.ts';
import { makeOutbound } from '../../contracts/adapter-samples.ts';
import { makeMediaHosts, MEDIA_HOST, UPLOAD_AUTH } from '../../support/whatsapp/media.ts';
import { addressOf } from './web-harness.ts';
import { openWeb } from './web-rig.ts';

const PLAIN = Buffer.from('what was sent, and nothing else. '.repeat(1_000));
const live = () => AbortSignal.timeout(5_000);

async function putImage(bytes: Uint8Array = PLAIN) {
  const hosts = makeMediaHosts();
  const image = await hosts.put(bytes, 'image');
  const ref = describeMedia({ imageMessage: { ...image, mimetype: 'image/jpeg' } });
  if (!ref) throw new Error('no ref');
  return { hosts, image, ref };
}

async function readAll(stream: ReadableStream<Uint8Array>): Promise<Buffer> {
  return Buffer.from(await new Response(stream).arrayBuffer());
}

async function makeFile(name: string, bytes: Uint8Array): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'herald-wa-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const file = path.join(folder, name);
  await writeFile(file, bytes);
  return file;
}

describe('a download', () => {
  it('gives the bytes that were sent, and keeps their key out of names', async () => {
    const { hosts, ref, image } = await putImage();
    expect(await readAll(await downloadMedia(hosts.fetch, ref, live()))).toEqual(PLAIN);
    expect(hosts.requests).toEqual([{ method: 'GET', host: MEDIA_HOST, path: '/v/t62/in-0' }]);
    expect(parseMediaRef(ref.ref)).toMatchObject({ key: image.mediaKey, type: 'Image' });
  });

  it.each([0, 1, 15, 16, 17, 65_536])('of %i bytes', async (size) => {
    const bytes = Buffer.alloc(size, 7);
    const { hosts, ref } = await putImage(bytes);
    expect(await readAll(await downloadMedia(hosts.fetch, ref, live()))).toEqual(bytes);
  });

  it('never goes where the sender says: the address in the message is not used', async () => {
    const { hosts, image } = await putImage();
    const ref = describeMedia({ imageMessage: { ...image, url: 'http://169.254.169.254/latest/meta-data' } });
    if (!ref) throw new Error('no ref');
    expect(ref.ref).not.toContain('169.254');
    await downloadMedia(hosts.fetch, ref, live());
    expect(hosts.requests.map(({ host }) => host)).toEqual([MEDIA_HOST]);
    // Without a path there is nothing that could be fetched from the platform.
    const { directPath: _, ...noPath } = image;
    expect(describeMedia({ imageMessage: { ...noPath, url: 'http://127.0.0.1:9/x' } })).toBeUndefined();
  });

  it.each([
    '.evil.example/x',
    '@evil.example/x',
    '//evil.example/x',
    '/\\evil.example/x',
    '\\\\evil.example/x',
    ':8080/x',
    'http://evil.example/x',
    ' /x',
    '/\t/evil.example',
  ])('never leaves the host by its path: %j', async (directPath) => {
    const { hosts, image } = await putImage();
    const ref = describeMedia({ imageMessage: { ...image, directPath } });
    if (!ref) throw new Error('no ref');
    await expect(downloadMedia(hosts.fetch, ref, live())).rejects.toMatchObject({
      name: 'AppError',
      code: 'not_found',
    });
    expect(hosts.requests).toEqual([]);
  });

  it.each<[string, (bytes: Buffer) => Buffer]>([
    ['changed', (bytes) => Buffer.concat([bytes.subarray(0, 100), Buffer.from([1, 2, 3]), bytes.subarray(103)])],
    ['cut', (bytes) => bytes.subarray(0, -16)],
    ['cut to almost nothing', (bytes) => bytes.subarray(0, 5)],
    ['longer', (bytes) => Buffer.concat([bytes, Buffer.alloc(16)])],
  ])('that was %s on the way fails at its end', async (_name, change) => {
    const { hosts, ref, image } = await putImage();
    hosts.files.set(image.directPath, change(hosts.files.get(image.directPath) ?? Buffer.alloc(0)));
    const stream = await downloadMedia(hosts.fetch, ref, live());
    await expect(readAll(stream)).rejects.toMatchObject({ name: 'AppError', code: 'bad_input' });
  });

  it('of another file than the message names fails, though its encryption is right', async () => {
    const { hosts, ref } = await putImage();
    const named: unknown = { ...(JSON.parse(ref.ref) as object), sha256: Buffer.alloc(32).toString('base64') };
    const stream = await downloadMedia(hosts.fetch, { ...ref, ref: JSON.stringify(named) }, live());
    await expect(readAll(stream)).rejects.toMatchObject({ code: 'bad_input' });
  });

  it('tells what is gone from what could not be reached', async () => {
    const { hosts, ref, image } = await putImage();
    hosts.files.delete(image.directPath);
    await expect(downloadMedia(hosts.fetch, ref, live())).rejects.toMatchObject({
      code: 'not_found',
      retryable: false,
    });
    const broken = (): Promise<Response> => Promise.reject(new TypeError('fetch failed'));
    await expect(downloadMedia(broken, ref, live())).rejects.toMatchObject({
      code: 'platform_unreachable',
      retryable: true,
    });
    const busy = (): Promise<Response> => Promise.resolve(new Response('', { status: 503 }));
    await expect(downloadMedia(busy, ref, live())).rejects.toMatchObject({ retryable: true });
    await expect(downloadMedia(hosts.fetch, ref, AbortSignal.abort())).rejects.toMatchObject({ code: 'cancelled' });
  });

  it.each(['', 'x', '{}', '{"type":"Image","path":"/x","key":"!"}', '[]', 'null'])(
    'of nonsense %j is refused',
    async (text) => {
      const ref: AttachmentRef = { kind: 'image', ref: text };
      const hosts = makeMediaHosts();
      await expect(downloadMedia(hosts.fetch, ref, live())).rejects.toMatchObject({ code: 'not_found' });
      expect(hosts.requests).toEqual([]);
    },
  );

  it('ends its request when nobody reads on', async () => {
    const { ref } = await putImage();
    let isCancelled = false;
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(1_024)),
      cancel: () => void (isCancelled = true),
    });
    const stream = await downloadMedia(() => Promise.resolve(new Response(endless)), ref, live());
    const reader = stream.getReader();
    await reader.read();
    await reader.cancel();
    expect(isCancelled).toBe(true);
  });
});

describe('an upload', () => {
  const info = { hosts: [MEDIA_HOST], auth: UPLOAD_AUTH };

  it('can be read by WhatsApp’s own rules, whatever its size', async () => {
    for (const size of [1, 16, 100_000]) {
      const hosts = makeMediaHosts();
      const bytes = Buffer.alloc(size, 3);
      const file = { path: await makeFile('a.bin', bytes), type: 'Document' } as const;
      const uploaded = await uploadMedia({ fetch: hosts.fetch, info }, file, live());
      expect(await hosts.open(uploaded, 'document')).toEqual(bytes);
      expect(uploaded.fileLength).toBe(size);
    }
  });

  it('tries the next host, and gives its login to WhatsApp’s hosts only', async () => {
    const hosts = makeMediaHosts();
    hosts.failUploads(1, 507);
    const file = { path: await makeFile('a.bin', PLAIN), type: 'Image' } as const;
    const several = {
      ...info,
      hosts: ['evil.example', 'whatsapp.net.evil.example', 'one.whatsapp.net', 'two.whatsapp.net'],
    };
    await uploadMedia({ fetch: hosts.fetch, info: several }, file, live());
    expect(hosts.requests.map(({ host }) => host)).toEqual(['one.whatsapp.net', 'two.whatsapp.net']);
  });

  it('goes out over real connections with its length, also when they break', async () => {
    const got: { length: string | undefined; bytes: number }[] = [];
    const server = createServer((request, response) => {
      let bytes = 0;
      request.on('data', (chunk: Buffer) => (bytes += chunk.length));
      request.on('end', () => {
        got.push({ length: request.headers['content-length'], bytes });
        response.end(JSON.stringify({ url: 'u', direct_path: '/p' }));
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const call: typeof fetch = (url, init) =>
      fetch(
        String(url instanceof Request ? url.url : url).replace(/^https:\/\/[^/]+/, `http://127.0.0.1:${port}`),
        init,
      );
    const file = { path: await makeFile('a.bin', PLAIN), type: 'Video' } as const;
    await uploadMedia({ fetch: call, info }, file, live());
    expect(got).toEqual([{ length: String(got[0]?.bytes), bytes: Math.ceil((PLAIN.length + 1) / 16) * 16 + 10 }]);
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
    await expect(uploadMedia({ fetch: call, info }, file, live())).rejects.toMatchObject({ reached: 'no' });
  });

  it('that fails everywhere has certainly sent nothing, and tells no login', async () => {
    const hosts = makeMediaHosts();
    hosts.failUploads(9, 0);
    const file = { path: await makeFile('a.bin', PLAIN), type: 'Image' } as const;
    const failure = uploadMedia({ fetch: hosts.fetch, info }, file, live());
    await expect(failure).rejects.toMatchObject({ name: 'SendError', code: 'unreachable', reached: 'no' });
    await failure.catch((error: unknown) => expect(String(error)).not.toContain(UPLOAD_AUTH));
    await expect(uploadMedia({ fetch: hosts.fetch, info: { ...info, hosts: [] } }, file, live())).rejects.toThrow(
      'no host',
    );
  });
});

describe('what a file is shown as', () => {
  it.each([
    ['image', 'image/png', 'image'],
    ['image', 'image/svg+xml', 'document'],
    ['video', 'video/webm', 'video'],
    ['voice', 'audio/ogg; codecs=opus', 'voice'],
    ['voice', 'audio/mpeg', 'audio'],
    ['audio', 'audio/ogg', 'audio'],
    ['audio', 'application/octet-stream', 'document'],
    ['sticker', 'image/webp', 'sticker'],
    ['sticker', 'image/png', 'document'],
    ['document', 'image/png', 'document'],
  ] as const)('%s of type %s: %s', (kind, mime, shown) => {
    expect(describeFile({ kind, mime }).shown).toBe(shown);
  });

  it('a voice note says how long it is', async () => {
    const page = Buffer.alloc(40);
    page.write('OggS');
    page.writeBigInt64LE(48_000n * 12n, 6);
    const bytes = Buffer.concat([Buffer.alloc(70_000, 1), page]);
    const file = await makeFile('v.ogg', bytes);
    expect(await secondsOfOgg(file)).toEqual({ seconds: 12 });
    expect(await secondsOfOgg(await makeFile('x.ogg', Buffer.from('no ogg at all')))).toEqual({});

    const { whatsapp, ada, start } = await openWeb();
    const { adapter } = await start();
    const voice: StoredFile = { kind: 'voice', path: file, name: 'v.ogg', mime: 'audio/ogg', bytes: bytes.length };
    await adapter.send(addressOf(ada.phone), { ...makeOutbound(''), files: [voice] }, live());
    const [seen] = whatsapp.seen.of(ada.phone);
    expect(normalizeMessageContent(seen?.message)?.audioMessage).toMatchObject({
      ptt: true,
      seconds: 12,
      mimetype: 'audio/ogg; codecs=opus',
    });
  });
});
