// OpenAI-compatible services for voice: which one, with which key, and one careful request to it.
import type { Clock } from '../../shared/clock.ts';
import { abortReason } from '../../shared/clock.ts';
import { withDeadline } from '../../shared/deadline.ts';

export interface VoiceService {
  title: string;
  baseUrl: string;
  key: string | undefined;
  model: string;
}

interface KnownService {
  title: string;
  baseUrl: string;
  keyEnv: string;
  /** Undefined: it does not do that. */
  transcription: string | undefined;
  speech: string | undefined;
}

/**
 * Services that are used when only their key is there, in this order.
 * OpenAI: models as in the openai package 7.57.0 (resources/audio) · Groq: https://console.groq.com/docs/speech-text (read 2026-11-21).
 */
const KNOWN_SERVICES: readonly KnownService[] = [
  {
    title: 'OpenAI',
    baseUrl: 'https://api.openai.com/v1',
    keyEnv: 'OPENAI_API_KEY',
    transcription: 'gpt-transcribe',
    speech: 'gpt-4o-mini-tts',
  },
  {
    title: 'Groq',
    baseUrl: 'https://api.groq.com/openai/v1',
    keyEnv: 'GROQ_API_KEY',
    transcription: 'whisper-large-v3-turbo',
    speech: undefined,
  },
];

/** Names that compatible servers know. */
const COMMON_MODELS = { transcription: 'whisper-1', speech: 'tts-1' } as const;

export interface ServiceSettings {
  base_url?: string | undefined;
  model?: string | undefined;
  key_env?: readonly string[] | undefined;
}

/**
 * The service that is meant, or undefined when neither address nor key is there. The key of a known service goes to that service alone:
 * another address gets one only when the configuration names it.
 */
export function chooseService(
  purpose: 'transcription' | 'speech',
  settings: ServiceSettings,
  lookup: (name: string) => string | undefined,
): VoiceService | undefined {
  const named = settings.key_env?.map(lookup).find((key) => key !== undefined);
  if (settings.base_url !== undefined) {
    const baseUrl = settings.base_url.replace(/\/+$/, '');
    const known = KNOWN_SERVICES.find((service) => service.baseUrl === baseUrl);
    return {
      title: known?.title ?? new URL(baseUrl).host,
      baseUrl,
      key: named ?? (settings.key_env === undefined && known ? lookup(known.keyEnv) : undefined),
      model: settings.model ?? known?.[purpose] ?? COMMON_MODELS[purpose],
    };
  }
  for (const service of KNOWN_SERVICES) {
    const usual = service[purpose];
    const key = named ?? (settings.key_env === undefined ? lookup(service.keyEnv) : undefined);
    if (usual !== undefined && key !== undefined)
      return { title: service.title, baseUrl: service.baseUrl, key, model: settings.model ?? usual };
  }
  return undefined;
}

export interface ServicePorts {
  clock: Clock;
  fetch: typeof fetch;
}

/** `message` is for people, `detail` for the log. */
export type ServiceAnswer = { ok: true; body: Uint8Array } | { ok: false; message: string; detail: string };

const RETRY_AFTER_MS = 1_000;
const MAX_RETRY_AFTER_MS = 10_000;

export interface ServiceCall {
  service: VoiceService;
  /** Such as /audio/speech. */
  route: string;
  /** Made anew for each attempt. */
  body(): { content: NonNullable<RequestInit['body']>; type?: string | undefined };
  timeoutMs: number;
  maxBytes: number;
  signal: AbortSignal;
}

/**
 * One POST, tried a second time when the service was busy or did not answer. Rejects only with the reason of `signal`. Redirects are
 * refused: the key must not follow them.
 */
export async function callService(ports: ServicePorts, call: ServiceCall): Promise<ServiceAnswer> {
  const deadline = { clock: ports.clock, timeoutMs: call.timeoutMs, parent: call.signal };
  for (let attempt = 1; ; attempt++) {
    const answer = await withDeadline(deadline, (own) => attemptCall(ports, call, own));
    if (answer.ok || answer.retryAfterMs === undefined || attempt === 2) return answer;
    await ports.clock.sleep(answer.retryAfterMs, call.signal);
  }
}

type Attempt = ServiceAnswer & { retryAfterMs?: number | undefined };

async function attemptCall(ports: ServicePorts, call: ServiceCall, own: AbortSignal): Promise<Attempt> {
  const { service, signal } = call;
  const fail = (message: string, detail: string, retryAfterMs?: number) =>
    ({ ok: false, message: `${service.title} ${message}.`, detail, retryAfterMs }) as const;
  try {
    const { content, type } = call.body();
    const response = await ports.fetch(`${service.baseUrl}${call.route}`, {
      method: 'POST',
      body: content,
      redirect: 'error',
      signal: own,
      headers: {
        ...(service.key === undefined ? {} : { authorization: `Bearer ${service.key}` }),
        ...(type === undefined ? {} : { 'content-type': type }),
      },
    });
    const body = await readBody(response, call.maxBytes);
    if (body === undefined) return fail('answered more than was asked for', `over ${call.maxBytes} bytes`);
    if (response.ok) return { ok: true, body };
    const detail = `status ${response.status}: ${Buffer.from(body).toString('utf8').slice(0, 300)}`;
    return fail(explainStatus(response.status), detail, retryAfter(response));
  } catch (error) {
    if (signal.aborted) throw abortReason(signal);
    const detail = explainError(error);
    if (own.aborted) return fail('took too long', detail);
    return fail('did not answer', detail, RETRY_AFTER_MS);
  }
}

function explainStatus(status: number): string {
  if (status === 401 || status === 403) return 'refused the key for voice';
  if (status === 404) return 'has no such route or model for voice';
  if (status === 413) return 'takes no recording of that size';
  if (status === 429) return 'is busy, or the account has no credit left';
  return status >= 500 ? 'has a problem of its own' : 'refused the request';
}

/** Undefined: trying again would not help. */
function retryAfter({ status, headers }: Response): number | undefined {
  if (status !== 429 && status < 500) return undefined;
  const seconds = Number(headers.get('retry-after') ?? '');
  const ms = Number.isFinite(seconds) && seconds > 0 ? seconds * 1_000 : RETRY_AFTER_MS;
  return ms <= MAX_RETRY_AFTER_MS ? ms : undefined;
}

/** Undefined when it has more than `maxBytes`. */
async function readBody(response: Response, maxBytes: number): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  const body: ReadableStream<Uint8Array> | null = response.body;
  for await (const chunk of body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** What went wrong below fetch, which itself only says "fetch failed". */
function explainError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}
