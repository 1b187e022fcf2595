// One image from a server with the OpenAI route /images/generations. Shapes: openai package 7.57.0, resources/images.
import { z } from 'zod';
import type { Clock } from '../../../shared/clock.ts';
import { preview } from '../../../shared/text.ts';
import { guardedFetch, type GuardedResponse } from '../../net/guarded-fetch.ts';
import { makeUrlGuard, portOf, type UrlGuard } from '../../net/guard.ts';
import type { ImageSettings } from './config.ts';

export interface ImageService {
  title: string;
  baseUrl: string;
  key: string | undefined;
  model: string | undefined;
}

const OPENAI = { title: 'OpenAI', baseUrl: 'https://api.openai.com/v1', keyEnv: 'OPENAI_API_KEY' } as const;
/** Models: openai package 7.57.0, ImageGenerateParamsBase.model. */
const OPENAI_MODEL = 'gpt-image-2.5-flare';
/** An image as base64, and some room. */
const MAX_ANSWER_BYTES = 48 * 1024 * 1024;
const MAX_IMAGE_BYTES = 32 * 1024 * 1024;

/** Undefined when neither address nor key is there. A key of OpenAI goes to OpenAI alone, unless the configuration names it. */
export function chooseImageService(
  settings: Pick<ImageSettings, 'base_url' | 'model' | 'key_env'>,
  lookup: (name: string) => string | undefined,
): ImageService | undefined {
  const named = settings.key_env?.map(lookup).find((key) => key !== undefined);
  const baseUrl = (settings.base_url ?? OPENAI.baseUrl).replace(/\/+$/, '');
  const isOpenAi = baseUrl === OPENAI.baseUrl;
  const key = named ?? (settings.key_env === undefined && isOpenAi ? lookup(OPENAI.keyEnv) : undefined);
  if (settings.base_url === undefined && key === undefined) return undefined;
  return {
    title: isOpenAi ? OPENAI.title : new URL(baseUrl).host,
    baseUrl,
    key,
    model: settings.model ?? (isOpenAi ? OPENAI_MODEL : undefined),
  };
}

export interface ImageRequest {
  prompt: string;
  size: string;
  quality: string | undefined;
}

export type ImageAnswer =
  | { ok: true; bytes: Uint8Array }
  /** `detail`: words of the service. `isFree`: it refused before it began. */
  | { ok: false; message: string; detail?: string | undefined; isFree: boolean };

const answerSchema = z.looseObject({
  data: z.array(z.looseObject({ b64_json: z.string().nullish(), url: z.string().nullish() })).min(1),
});
const errorSchema = z.looseObject({ error: z.looseObject({ message: z.string() }) });

/** Rejects with AppError when the service cannot be reached, takes too long or answers too much; then it may have worked all the same. */
export async function requestImage(
  service: ImageService,
  request: ImageRequest,
  at: { clock: Clock; timeoutMs: number; signal: AbortSignal },
): Promise<ImageAnswer> {
  const guard = guardOf(service);
  const { key, model } = service;
  const response = await guardedFetch(`${service.baseUrl}/images/generations`, {
    ...at,
    guard,
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json',
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
    },
    body: JSON.stringify({ model, prompt: request.prompt, n: 1, size: request.size, quality: request.quality }),
    maxBytes: MAX_ANSWER_BYTES,
  });
  if (response.status >= 300) return refusal(service, response);
  const answer = answerSchema.safeParse(readJson(response.body));
  const image = answer.success ? answer.data.data[0] : undefined;
  if (image?.b64_json) return { ok: true, bytes: Buffer.from(image.b64_json, 'base64') };
  if (image?.url) return fetchImage(service, image.url, { ...at, guard });
  return { ok: false, message: `${service.title} answered without an image.`, isFree: false };
}

/** The configured server may be anywhere; what it refers to must be there too, or in the public web. */
function guardOf({ baseUrl }: ImageService): UrlGuard {
  const url = new URL(baseUrl);
  return makeUrlGuard({
    allowPrivateUrls: false,
    allowHosts: [`${url.hostname}:${portOf(url)}`],
    websiteBlocklist: [],
  });
}

async function fetchImage(
  service: ImageService,
  url: string,
  at: { clock: Clock; timeoutMs: number; signal: AbortSignal; guard: UrlGuard },
): Promise<ImageAnswer> {
  const response = await guardedFetch(url, { ...at, maxBytes: MAX_IMAGE_BYTES });
  if (response.status < 300) return { ok: true, bytes: response.body };
  return {
    ok: false,
    message: `The image of ${service.title} could not be fetched (${response.status}).`,
    isFree: false,
  };
}

function refusal({ title }: ImageService, { status, body }: GuardedResponse): ImageAnswer {
  const said = errorSchema.safeParse(readJson(body));
  const detail = said.success ? preview(said.data.error.message, 300) : undefined;
  const message = `${title} ${explainStatus(status)} (${status}). No image was made.`;
  return { ok: false, message, detail, isFree: status < 500 };
}

function explainStatus(status: number): string {
  if (status === 401 || status === 403) return 'refused the key for images';
  if (status === 404) return 'has no such route or model for images';
  if (status === 429) return 'is busy, or the account has no credit left';
  return status >= 500 ? 'has a problem of its own' : 'refused the request';
}

function readJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(body).toString('utf8'));
  } catch {
    return undefined;
  }
}
