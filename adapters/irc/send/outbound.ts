// Sends. A server says nothing of a line that it takes; so a PING goes behind each message, and its answer tells that all before it was
// worked off, and which errors there were.
import type { Address } from '../../../shared/messages.ts';
import type { Redactor } from '../../../shared/redact.ts';
import { messageId } from '../../../shared/ids.ts';
import type { OutboundMessage, SendResult } from '../../contract.ts';
import { readParty } from '../addresses.ts';
import { MAX_LINE_BYTES } from '../capabilities.ts';
import { NotCalledError, UnsendableError } from '../../transport/failures.ts';
import { explainFailure, isRefusal, NoAnswerError, RefusedError } from '../errors.ts';
import type { IrcLine } from '../connection/lines.ts';
import type { Session } from '../connection/session.ts';
import type { Whereabouts } from '../receive/whereabouts.ts';
import type { Limiter } from './limiter.ts';
import { renderLines } from './render.ts';

/** A message of more lines than this would take longer than a send may. */
const MAX_LINES = 25;

export interface OutboundDeps {
  session(): Session | undefined;
  whereabouts: Whereabouts;
  limiter: Limiter;
  /** Rewrites commands as they can be typed on IRC. */
  command(text: string): string;
  redactor: Redactor;
}

/** Never rejects. */
export async function sendMessage(
  deps: OutboundDeps,
  to: Address,
  message: OutboundMessage,
  signal: AbortSignal,
): Promise<SendResult> {
  try {
    const lines = makeLines(deps, to, message);
    const session = deps.session();
    if (!session) throw new NotCalledError('The IRC server is not connected.');
    if (signal.aborted) throw new NotCalledError('It was stopped before it began.');
    const target = await findTarget(deps, session, to, signal);
    await writeLines(deps, { session, target, lines }, signal);
    return { ok: true, ids: [messageId(message.key)] };
  } catch (error) {
    return explainFailure(error, deps.redactor);
  }
}

function makeLines({ command }: OutboundDeps, to: Address, message: OutboundMessage): readonly string[] {
  const named = message.files.map((file) => `File: ${file.name.replace(/\s+/g, ' ')} (it cannot be sent here)`);
  const buttons = message.buttons.flat().map((button) => `${button.label}: ${command(button.data)}`);
  const lines = squeeze([...renderLines(message.body, { isPlain: message.plain, command }), ...named, ...buttons]);
  if (lines.length === 0) throw new UnsendableError('bad_request', 'The message is empty.');
  if (lines.some((line) => Buffer.byteLength(line) > MAX_LINE_BYTES))
    throw new UnsendableError('too_long', 'A line is longer than the server would pass on.');
  // Other bots of a channel may take such a line for a command, and us for somebody who may give it.
  return to.kind === 'group' ? lines.map((line) => line.replace(/^(?=[!.@~&])/, ' ')) : lines;
}

/** Short lines share one when there are very many of them. */
function squeeze(lines: readonly string[]): readonly string[] {
  if (lines.length <= MAX_LINES) return lines;
  const joined: string[] = [];
  for (const line of lines) {
    const last = joined.at(-1);
    const both = `${last ?? ''} / ${line.trim()}`;
    if (last !== undefined && Buffer.byteLength(both) <= MAX_LINE_BYTES) joined[joined.length - 1] = both;
    else joined.push(line);
  }
  return joined;
}

/** A nick is looked up before it is written to: whoever has it now may not be who had it. */
async function findTarget(deps: OutboundDeps, session: Session, to: Address, signal: AbortSignal): Promise<string> {
  const party = readParty(to.chat);
  if (!party) throw new UnsendableError('not_found', 'There is no such chat on IRC.');
  if (party.kind !== 'account') return party.name;
  const nick = (await deps.whereabouts.nickOf(party.name)) ?? party.name;
  const found = await session.whois(nick, signal).catch((error: unknown) => {
    throw error instanceof UnsendableError ? error : new NotCalledError('The server did not answer who has the nick.');
  });
  if (!found.isThere) throw new NotCalledError('They are not on IRC just now.');
  if (found.account === undefined || session.lower(found.account) !== party.name)
    throw new NotCalledError('Somebody else has their nick just now.');
  return nick;
}

async function writeLines(
  { limiter }: OutboundDeps,
  { session, target, lines }: { session: Session; target: string; lines: readonly string[] },
  signal: AbortSignal,
): Promise<void> {
  const refusals: IrcLine[] = [];
  const unwatch = session.watch((line) => {
    const isOurs = session.lower(line.params[1] ?? '') === session.lower(target);
    if (isOurs && isRefusal(line.command)) refusals.push(line);
  });
  let written = 0;
  try {
    for (const line of lines) {
      await limiter.acquire(signal, written === 0);
      session.write(`PRIVMSG ${target} :${line}`);
      written++;
    }
    await session.sync(signal);
  } catch (error) {
    if (written === 0)
      throw error instanceof UnsendableError ? error : new NotCalledError('It was stopped while it waited.');
    throw error instanceof UnsendableError ? new NoAnswerError('The connection broke.') : error;
  } finally {
    unwatch();
  }
  const [first] = refusals;
  if (first)
    throw new RefusedError({
      // Of a channel, "no such nick" means that there is none; a person may come back.
      numeric: first.command === '401' && session.isChannel(target) ? '403' : first.command,
      reason: first.params.at(-1) ?? '',
      isWhole: refusals.length >= lines.length,
    });
}
