// Mails that no person wrote to us: lists, automatic answers, bounces, and what we sent ourselves. Answering one may never end.
import { localPartOf } from '../addresses.ts';
import { firstOf, valuesOf, type HeaderBlock } from '../headers.ts';

/** Header fields that `reasonToIgnore` looks at. */
export const BULK_HEADERS: readonly string[] = [
  'auto-submitted',
  'precedence',
  'return-path',
  'x-auto-response-suppress',
  'x-autoreply',
  'x-autorespond',
  'x-autoresponder',
  'x-failed-recipients',
  'x-loop',
  'content-type',
  'list-id',
  'list-post',
  'list-help',
  'list-subscribe',
  'list-unsubscribe',
  'list-owner',
  'list-archive',
];

/** Names that machines send from; also with a suffix, such as bounce+x. */
const MACHINES =
  /^(?:mailer-daemon|postmaster|no-?reply|do-?not-?reply|noreply-.*|no_reply|donot_?reply|bounces?|notifications?-noreply|listserv|majordomo)(?:[+._-].*)?$/;

/** A mail server's report about a mail: mostly that one of ours did not arrive. */
export const REPORT = 'a report of a mail server';

/** Why a mail of `from` is not for us; undefined when a person may have written it. `own`: our addresses in normal form. */
export function reasonToIgnore(headers: HeaderBlock, from: string, own: ReadonlySet<string>): string | undefined {
  if (own.has(from)) return 'our own mail';
  if (/^multipart\/report\b/i.test(firstOf(headers, 'content-type') ?? '')) return REPORT;
  if (MACHINES.test(localPartOf(from))) return 'sent by a machine';
  const submitted = firstOf(headers, 'auto-submitted');
  // RFC 3834: anything but "no" is automatic; parameters and comments may follow.
  if (submitted !== undefined && !/^no\b/i.test(submitted)) return 'sent automatically';
  if (/^\s*(?:bulk|list|junk|auto_reply)\b/i.test(firstOf(headers, 'precedence') ?? '')) return 'bulk mail';
  if (headers.list.some(({ name }) => /^list-(?:id|post|help|subscribe|unsubscribe|owner|archive)$/.test(name)))
    return 'from a mailing list';
  if (/^<\s*>/.test(firstOf(headers, 'return-path') ?? '')) return 'a bounce';
  if (/\b(?:all|oof|autoreply)\b/i.test(firstOf(headers, 'x-auto-response-suppress') ?? '')) return 'wants no answer';
  if (headers.list.some(({ name }) => /^x-(?:autoreply|autorespond|autoresponder|failed-recipients)$/.test(name)))
    return 'sent automatically';
  const isLoop = valuesOf(headers, 'x-loop').some((value) => own.has(value.trim().toLowerCase()));
  return isLoop ? 'our own mail, come back' : undefined;
}
