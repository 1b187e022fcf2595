// The media hosts: keeps what is uploaded, gives it out, and knows WhatsApp's encryption of files from the other side.
import crypto from 'node:crypto';
import { getMediaKeys, type MediaType } from 'baileys';

export interface MediaRequest {
  method: string;
  host: string;
  path: string;
}

export interface MediaHosts {
  /** To be handed to the adapter; knows no host but WhatsApp's. */
  fetch: typeof fetch;
  requests: MediaRequest[];
  /** Other pages of WhatsApp, by address. */
  pages: Map<string, string>;
  /** Encrypted files by path. */
  files: Map<string, Buffer>;
  /** A path of a file for a message of a person, with the fields that name it. */
  put(plain: Uint8Array, type: MediaType): Promise<PutMedia>;
  /** A file of a message of ours. */
  open(media: { directPath?: string | null; mediaKey?: Uint8Array | null }, type: MediaType): Promise<Buffer>;
  /** The next uploads fail with this status; 0: no answer. */
  failUploads(times: number, status: number): void;
}

export interface PutMedia {
  url: string;
  directPath: string;
  mediaKey: Buffer;
  fileSha256: Buffer;
  fileEncSha256: Buffer;
  fileLength: number;
}

export const UPLOAD_AUTH = 'secret-of-the-upload-login';
export const MEDIA_HOST = 'mmg.whatsapp.net';

export function makeMediaHosts(): MediaHosts {
  const files = new Map<string, Buffer>();
  const requests: MediaRequest[] = [];
  const pages = new Map<string, string>();
  let failures: number[] = [];

  async function answer(url: URL, method: string, body: RequestInit['body']): Promise<Response> {
    requests.push({ method, host: url.host, path: url.pathname });
    const page = pages.get(url.href);
    if (page !== undefined) return new Response(page);
    if (!url.host.endsWith('.whatsapp.net')) throw new TypeError(`fetch failed: ${url.host} is not WhatsApp's`);
    if (method === 'POST') {
      const bytes = Buffer.from(await new Response(body).arrayBuffer());
      const status = failures.shift();
      if (status === 0) throw new TypeError('fetch failed');
      if (status !== undefined) return Response.json({ error: 'no' }, { status });
      const token = crypto.createHash('sha256').update(bytes).digest('base64url');
      const isRight = url.pathname.endsWith(`/${token}`) && url.searchParams.get('auth') === UPLOAD_AUTH;
      if (!isRight) return Response.json({ error: 'forbidden' }, { status: 403 });
      const path = `/v/t62/${files.size}?ccb=1`;
      files.set(path, bytes);
      return Response.json({ url: `https://${MEDIA_HOST}${path}`, direct_path: path });
    }
    const file = files.get(url.pathname + url.search);
    return file ? new Response(new Uint8Array(file)) : new Response('gone', { status: 404 });
  }

  return {
    fetch: async (input, init) => {
      const url = new URL(input instanceof Request ? input.url : input);
      init?.signal?.throwIfAborted();
      return answer(url, init?.method ?? 'GET', init?.body);
    },
    requests,
    pages,
    files,
    async put(plain, type) {
      const mediaKey = crypto.randomBytes(32);
      const { iv, cipherKey, macKey } = await getMediaKeys(mediaKey, type);
      const cipher = crypto.createCipheriv('aes-256-cbc', cipherKey, iv);
      const body = Buffer.concat([cipher.update(plain), cipher.final()]);
      const mac = crypto
        .createHmac('sha256', macKey ?? '')
        .update(iv)
        .update(body)
        .digest()
        .subarray(0, 10);
      const encrypted = Buffer.concat([body, mac]);
      const directPath = `/v/t62/in-${files.size}?ccb=1`;
      files.set(directPath, encrypted);
      return {
        url: `https://${MEDIA_HOST}${directPath}`,
        directPath,
        mediaKey,
        fileSha256: crypto.createHash('sha256').update(plain).digest(),
        fileEncSha256: crypto.createHash('sha256').update(encrypted).digest(),
        fileLength: plain.length,
      };
    },
    async open({ directPath, mediaKey }, type) {
      const file = files.get(directPath ?? '');
      if (!file || !mediaKey) throw new Error('this file was not uploaded');
      const { iv, cipherKey, macKey } = await getMediaKeys(Buffer.from(mediaKey), type);
      const body = file.subarray(0, -10);
      const mac = crypto
        .createHmac('sha256', macKey ?? '')
        .update(iv)
        .update(body)
        .digest()
        .subarray(0, 10);
      if (!mac.equals(file.subarray(-10))) throw new Error('the reader refuses the file: its MAC is wrong');
      const decipher = crypto.createDecipheriv('aes-256-cbc', cipherKey, iv);
      return Buffer.concat([decipher.update(body), decipher.final()]);
    },
    failUploads(times, status) {
      failures = Array.from({ length: times }, () => status);
    },
  };
}
