// Translates what SDKs, fetch and streams throw into AppError. SDK classes are told by shape, so that no SDK is loaded for it.
// A provider's own words stay in `cause` (shortened, secrets masked): they may quote keys and prompts.
import { AppError, type ErrorCode } from '../../shared/errors.ts';
import { makeRedactor } from '../../shared/redact.ts';

/** Characters of the provider's own message that a cause keeps. */
const CAUSE_CHARS = 300;

export interface ErrorContext {
  /** Provider id, named in the message. */
  provider: string;
  signal: AbortSignal;
  /** Masked wherever they appear. */
  secrets: readonly string[];
  /** Milliseconds since the epoch, for a retry-after that is a date. */
  now: number;
}

/** Whatever was thrown, as an AppError with a `model_*`, `cancelled` or `timeout` code. */
export function translateModelError(error: unknown, context: ErrorContext): AppError {
  if (context.signal.aborted) return abortError(context.signal);
  if (error instanceof AppError) return error;
  const facts = readFacts(error);
  const cause = describeCause(error, facts, context.secrets);
  if (facts.status === undefined && facts.kind === undefined && facts.code === undefined) {
    return transportError(error, context.provider, cause);
  }
  const code = classify(facts);
  const retryAfterMs = readRetryAfter(facts.headers, context.now);
  return makeModelError(code, context.provider, { status: facts.status, retryAfterMs, cause });
}

/** The error for a call whose signal fired: the signal's own AppError if it carries one, else `cancelled`. */
export function abortError(signal: AbortSignal): AppError {
  if (signal.reason instanceof AppError) return signal.reason;
  return new AppError('cancelled', 'Stopped.', { cause: signal.reason });
}

/** A stream or reply that the API does not allow: retryable, nothing of it is used. */
export function protocolError(provider: string, detail: string): AppError {
  return makeModelError('model_protocol', provider, { cause: new Error(detail) });
}

interface ErrorDetails {
  status?: number | undefined;
  retryAfterMs?: number | undefined;
  cause?: unknown;
}

/** The AppError of `code` with its standard message. */
export function makeModelError(code: ModelErrorCode, provider: string, details: ErrorDetails = {}): AppError {
  const status = details.status === undefined ? '' : ` (HTTP ${details.status})`;
  const wait = details.retryAfterMs === undefined ? '' : ` It asks to wait ${formatWait(details.retryAfterMs)}.`;
  return new AppError(code, MESSAGES[code](provider, status, wait), {
    retryable: RETRYABLE.has(code),
    ...(details.retryAfterMs === undefined ? {} : { retryAfterMs: details.retryAfterMs }),
    ...(details.cause === undefined ? {} : { cause: details.cause }),
  });
}

export type ModelErrorCode = Extract<ErrorCode, `model_${string}` | 'timeout'>;

const RETRYABLE: ReadonlySet<ModelErrorCode> = new Set([
  'model_rate_limited',
  'model_overloaded',
  'model_unreachable',
  'model_protocol',
  'timeout',
]);

const KEPT = 'Your message is kept';

const MESSAGES: Record<ModelErrorCode, (provider: string, status: string, wait: string) => string> = {
  model_auth: (p, s) =>
    `${p} did not accept the key${s}. ${KEPT}; set a valid key with \`herald setup\` and send /retry.`,
  model_rate_limited: (p, s, w) => `${p} allows no more calls right now${s}.${w} ${KEPT}; send /retry later.`,
  model_overloaded: (p, s, w) => `${p} is overloaded or has a fault${s}.${w} ${KEPT}; send /retry in a while.`,
  model_context_overflow: (p, s) =>
    `The conversation is too long for this model of ${p}${s}. ${KEPT}; send /compress or /new, then /retry.`,
  model_bad_request: (p, s) =>
    `${p} refused the request as malformed${s}. ${KEPT}; \`herald logs\` has its reason, another model may help (/model).`,
  model_not_found: (p, s) => `${p} does not know this model${s}. ${KEPT}; choose another with /model and send /retry.`,
  model_billing: (p, s) =>
    `The account at ${p} has no credit left${s}. ${KEPT}; top it up or choose another model (/model).`,
  model_unreachable: (p) => `${p} cannot be reached. ${KEPT}; check the network or the address and send /retry.`,
  model_protocol: (p) => `${p} sent a broken or empty answer. ${KEPT}; nothing of the answer was used. Send /retry.`,
  model_refused: (p, s) => `${p} refused to answer this${s}. ${KEPT}; rephrase it or choose another model (/model).`,
  timeout: (p) => `${p} did not answer in time. ${KEPT}; send /retry.`,
};

function formatWait(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  return seconds < 120 ? `${seconds} s` : `${Math.ceil(seconds / 60)} min`;
}

interface ErrorFacts {
  status: number | undefined;
  /** `error.type` of the body. */
  kind: string | undefined;
  /** `error.code` of the body. */
  code: string | undefined;
  message: string;
  headers: HeaderReader | undefined;
}

interface HeaderReader {
  get(name: string): string | null;
}

function readFacts(error: unknown): ErrorFacts {
  const outer = asRecord(error);
  const body = asRecord(outer?.error);
  // Anthropic's SDK keeps the whole body, OpenAI's the inner object.
  const inner = asRecord(body?.error) ?? body;
  const code = asText(inner?.code) ?? asText(outer?.code);
  const status = asNumber(outer?.status) ?? asStatus(inner?.code) ?? asStatus(inner?.status);
  const message = asText(inner?.message) ?? (error instanceof Error ? error.message : '');
  const isApiError = inner !== undefined || status !== undefined;
  return {
    status,
    kind: asText(inner?.type) ?? (isApiError ? asText(outer?.type) : undefined),
    code: isApiError ? code : undefined,
    message,
    headers: asHeaders(outer?.headers),
  };
}

const OVERFLOW =
  /context.{0,20}(length|window|size)|maximum.{0,10}context|prompt is too long|too many input tokens|input (length|token)s?.{0,40}exceed|exceeds the (available|maximum|model)|request too large|request_too_large|reduce the length/i;
const NO_CREDIT =
  /insufficient[_ ](quota|balance|credit|funds)|credit balance|out of credit|billing|payment|exceeded your current quota/i;
const WINDOW_LIMIT = /usage limit|resets? (at|in)|try again (in|at|later)|per (minute|hour|day)|rate.?limit/i;
const UNKNOWN_MODEL =
  /model.{0,80}(not found|does not exist|not exist|unknown|is not (a valid|supported|available))|(unknown|no such|invalid) model/i;
const REFUSED = /content.?(policy|filter|management)|safety|flagged|moderation|usage polic|refus/i;

/** What `facts` mean. Bodies are read before statuses, because compatible services disagree about statuses. */
function classify(facts: ErrorFacts): ModelErrorCode {
  const words = `${facts.kind ?? ''} ${facts.code ?? ''} ${facts.message}`;
  const status = facts.status ?? statusOfKind(facts);
  if (status === 402) return WINDOW_LIMIT.test(facts.message) ? 'model_rate_limited' : 'model_billing';
  if (status === 429) return NO_CREDIT.test(words) ? 'model_billing' : 'model_rate_limited';
  if (status === 401) return 'model_auth';
  if (status === 403) return REFUSED.test(words) ? 'model_refused' : 'model_auth';
  if (status === 404) return 'model_not_found';
  if (status === 408 || status === 409 || status === 425 || status === 499) return 'model_overloaded';
  if (status === 413) return 'model_context_overflow';
  if (status !== undefined && status >= 500) return 'model_overloaded';
  if (OVERFLOW.test(words)) return 'model_context_overflow';
  if (NO_CREDIT.test(words)) return 'model_billing';
  if (UNKNOWN_MODEL.test(words)) return 'model_not_found';
  if (REFUSED.test(`${facts.kind ?? ''} ${facts.code ?? ''}`) || /content.?(policy|filter)/i.test(words))
    return 'model_refused';
  if (status === undefined) return 'model_protocol';
  return 'model_bad_request';
}

/** Errors inside a stream carry no status; their type or code stands for one. */
function statusOfKind(facts: ErrorFacts): number | undefined {
  for (const word of [facts.code, facts.kind]) {
    const status = word === undefined ? undefined : STATUS_OF_KIND[word];
    if (status !== undefined) return status;
  }
  return undefined;
}

// https://platform.claude.com/docs/en/api/errors and https://developers.openai.com/api/docs/guides/error-codes
const STATUS_OF_KIND: { [kind: string]: number } = {
  authentication_error: 401,
  invalid_api_key: 401,
  billing_error: 402,
  permission_error: 403,
  not_found_error: 404,
  request_too_large: 413,
  rate_limit_error: 429,
  rate_limit_exceeded: 429,
  insufficient_quota: 402,
  api_error: 500,
  server_error: 500,
  internal_error: 500,
  timeout_error: 504,
  overloaded_error: 529,
  invalid_request_error: 400,
};

function transportError(error: unknown, provider: string, cause: Error): AppError {
  const codes = systemCodes(error);
  if (codes.some((code) => /^(?:UND_ERR_HEADERS|UND_ERR_BODY|RESPONSE)_TIMEOUT$/.test(code))) {
    return makeModelError('timeout', provider, { cause });
  }
  // "terminated" is how fetch reports a connection cut in the middle of a body; its other TypeErrors carry a cause. One without was
  // thrown by whoever read the answer: a field was not what the API says.
  const isMisread = error instanceof TypeError && error.cause === undefined && codes.length === 0;
  const isBrokenAnswer =
    error instanceof SyntaxError || isMisread || (error instanceof Error && error.message === 'terminated');
  return makeModelError(isBrokenAnswer ? 'model_protocol' : 'model_unreachable', provider, { cause });
}

function systemCodes(error: unknown): string[] {
  const codes: string[] = [];
  let current: unknown = error;
  for (let depth = 0; depth < 5 && current !== undefined; depth++) {
    const record = asRecord(current);
    const code = asText(record?.code);
    if (code !== undefined) codes.push(code);
    current = record?.cause;
  }
  return codes;
}

function describeCause(error: unknown, facts: ErrorFacts, secrets: readonly string[]): Error {
  const parts = [
    facts.status === undefined ? '' : `HTTP ${facts.status}`,
    facts.kind ?? '',
    facts.code ?? '',
    ...systemCodes(error),
    facts.message.replace(/\s+/g, ' '),
  ];
  const text = [...new Set(parts.filter((part) => part !== ''))].join(' ');
  return new Error(makeRedactor(secrets).redact(text).slice(0, CAUSE_CHARS));
}

/** Milliseconds from `retry-after-ms` or `retry-after` (seconds or a date), undefined without a sensible one. */
function readRetryAfter(headers: HeaderReader | undefined, now: number): number | undefined {
  const exact = Number.parseFloat(headers?.get('retry-after-ms') ?? '');
  if (Number.isFinite(exact) && exact >= 0) return Math.ceil(exact);
  const text = headers?.get('retry-after');
  if (text === undefined || text === null || text.trim() === '') return undefined;
  const seconds = Number(text);
  if (Number.isFinite(seconds)) return seconds >= 0 ? Math.ceil(seconds * 1000) : undefined;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

type ErrorField = 'status' | 'error' | 'code' | 'type' | 'message' | 'headers' | 'cause';

function asRecord(value: unknown): { [key in ErrorField]: unknown } | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const read = (key: ErrorField): unknown => Reflect.get(value, key);
  return {
    status: read('status'),
    error: read('error'),
    code: read('code'),
    type: read('type'),
    message: read('message'),
    headers: read('headers'),
    cause: read('cause'),
  };
}

function asText(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function asNumber(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

/** Some gateways put the HTTP status into `code`, as a number or as text. */
function asStatus(value: unknown): number | undefined {
  const number = typeof value === 'string' ? Number(value) : value;
  return typeof number === 'number' && number >= 400 && number < 600 ? number : undefined;
}

function asHeaders(value: unknown): HeaderReader | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const get: unknown = Reflect.get(value, 'get');
  if (typeof get !== 'function') return undefined;
  return {
    get(name) {
      const found: unknown = Reflect.apply(get, value, [name]);
      return typeof found === 'string' ? found : null;
    },
  };
}
