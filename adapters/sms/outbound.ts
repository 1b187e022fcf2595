// Sends as POST Messages.json: plain text, one call for each.
import type { OutboundMessage, SendResult } from '../contract.ts';
import { z } from 'zod';
import { plainText } from '../markdown.ts';
import { messageId } from '../../shared/ids.ts';
import type { Logger } from '../../shared/log.ts';
import type { Address, StoredFile } from '../../shared/messages.ts';
import type { Redactor } from '../../shared/redact.ts';
import { preview } from '../../shared/text.ts';
import type { TwilioApi } from './api.ts';
import { MAX_BODY_CHARS, MAX_NOTE_CHARS } from './capabilities.ts';
import { NotCalledError, UnsendableError } from '../transport/failures.ts';
import { explainFailure } from './errors.ts';
import { countSegments, tidyText } from './gsm.ts';
import { STATUS_PATH } from './receive/webhook.ts';
import type { SentLog } from './sent-log.ts';
import { NUMBER_PATTERN, type SmsSettings } from './settings.ts';

export interface OutboundDeps {
  api: TwilioApi;
  settings: SmsSettings;
  sentLog: SentLog;
  redactor: Redactor;
  log: Logger;
}

const sentSchema = z.looseObject({ sid: z.string().regex(/^(?:SM|MM)[0-9a-fA-F]{32}$/) });

export async function sendSms(
  deps: OutboundDeps,
  to: Address,
  message: OutboundMessage,
  signal: AbortSignal,
): Promise<SendResult> {
  let hasBegun = false;
  try {
    const body = makeBody(message);
    if (!NUMBER_PATTERN.test(to.chat)) throw new UnsendableError('not_found', 'This is no phone number.');
    if (signal.aborted) throw new NotCalledError('Cancelled before it was sent.');
    await begin(deps, message.key, body);
    hasBegun = true;
    const answer = await deps.api.call({ path: '/Messages.json', form: makeForm(deps.settings, to, body), signal });
    const { sid } = sentSchema.parse(answer);
    await deps.sentLog.end(message.key, sid);
    deps.log.debug({ sid, segments: countSegments(body) }, 'message sent');
    return { ok: true, ids: [messageId(sid)] };
  } catch (error) {
    const failure = explainFailure(error, deps.redactor);
    if (hasBegun && failure.reached === 'no') await deps.sentLog.drop(message.key);
    return failure;
  }
}

/** What is not noted could be sent twice. */
async function begin({ sentLog }: OutboundDeps, key: string, body: string): Promise<void> {
  try {
    await sentLog.begin(key, body);
  } catch {
    throw new NotCalledError('The message could not be noted before it was sent.');
  }
}

function makeForm(settings: SmsSettings, to: Address, body: string): Record<string, string> {
  const { from, messaging_service_sid: service, public_url: url } = settings;
  return {
    To: to.chat,
    ...(from !== undefined && { From: from }),
    ...(service !== undefined && { MessagingServiceSid: service }),
    ...(url !== undefined && { StatusCallback: `${url}${STATUS_PATH}` }),
    Body: body,
  };
}

function makeBody({ body, files }: OutboundMessage): string {
  const text = plainText(body).trim();
  const note = files.length > 0 ? nameFiles(files) : '';
  const whole = [text, note].filter(Boolean).join('\n');
  if (whole === '') throw new UnsendableError('bad_request', 'The message is empty.');
  if (whole.length > MAX_BODY_CHARS)
    throw new UnsendableError('too_long', `The text has ${whole.length} characters; ${MAX_BODY_CHARS} are allowed.`);
  const tidy = tidyText(whole);
  return tidy.length <= MAX_BODY_CHARS ? tidy : whole;
}

/** Within MAX_NOTE_CHARS. */
function nameFiles(files: readonly StoredFile[]): string {
  const [first] = files;
  const more = files.length > 1 ? ` and ${files.length - 1} more` : '';
  const head = `(not sent by SMS: ${more}`;
  return `(not sent by SMS: ${preview(first?.name ?? 'a file', MAX_NOTE_CHARS - head.length - 2)}${more})`;
}
