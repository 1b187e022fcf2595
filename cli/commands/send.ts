// `herald send`: a message to one of the owner's own chats, for scripts and cron.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { text as readAll } from 'node:stream/consumers';
import { callControl } from '../client.ts';
import type { CliContext, Given } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import type { OperationOutput } from '../../gateway/control/operations.ts';
import { AppError } from '../../shared/errors.ts';
import { formatPreview, formatSpan, formatTable } from '../output.ts';

/** How long it waits for the platform to take the message; after that the gateway goes on alone. */
const DELIVERY_TIMEOUT_MS = 30_000;
const DELIVERY_POLL_MS = 100;

type Delivery = 'sent' | 'queued' | 'uncertain' | 'failed';

export async function runSend(context: CliContext, given: Given): Promise<number> {
  const attach = given.text('attach');
  const text = await readText(context, given);
  if (text.trim() === '' && attach === undefined)
    throw new AppError('bad_input', 'There is nothing to send: give a text, -f <file>, or pipe one in.');
  const posted = await callControl(context.home, 'send', {
    text,
    to: given.text('target'),
    person: given.text('person'),
    file: attach === undefined ? undefined : path.resolve(attach),
  });
  const noWait = given.flag('wait') === false;
  const { state, error } = noWait
    ? { state: 'queued' as const, error: undefined }
    : await waitForDelivery(context, posted.key);
  const result = { ...posted, state, ...(error === undefined ? {} : { error }) };
  if (context.json || !given.flag('quiet') || state === 'failed') context.print(result, (value) => describe(value));
  return state === 'failed' ? EXIT.failed : EXIT.ok;
}

export async function runTargets(context: CliContext, given: Given): Promise<number> {
  const targets = await callControl(context.home, 'targets', { person: given.text('person') });
  context.print(targets, (value) => formatTargets(value, context.clock.now()));
  return EXIT.ok;
}

async function readText(context: CliContext, given: Given): Promise<string> {
  const words = given.rest(0);
  const file = given.text('file');
  if (words.length > 0 && file !== undefined) throw new AppError('bad_input', 'Give the text or -f <file>, not both.');
  if (words.length > 0) return words.join(' ');
  if (file !== undefined && file !== '-') {
    try {
      return await readFile(file, 'utf8');
    } catch (cause) {
      throw new AppError('bad_input', `${file} cannot be read.`, { cause });
    }
  }
  const piped = file === '-' || !context.stdin.isTTY;
  return piped && (file === '-' || given.text('attach') === undefined) ? readAll(context.stdin) : '';
}

async function waitForDelivery(
  context: CliContext,
  key: string,
): Promise<{ state: Delivery; error: string | undefined }> {
  for (let waited = 0; waited < DELIVERY_TIMEOUT_MS; waited += DELIVERY_POLL_MS) {
    const { parts } = await callControl(context.home, 'delivery', { key });
    const lost = parts.find((part) => part.state === 'dead' || part.state === 'expired');
    if (lost) return { state: 'failed', error: lost.error ?? lost.state };
    if (parts.every((part) => part.state === 'sent')) return { state: 'sent', error: undefined };
    if (parts.every((part) => part.state === 'sent' || part.state === 'uncertain'))
      return { state: 'uncertain', error: undefined };
    await context.clock.sleep(DELIVERY_POLL_MS);
  }
  return { state: 'queued', error: undefined };
}

function describe(result: { target: string; state: Delivery; error?: string }): string {
  switch (result.state) {
    case 'sent':
      return `Sent to ${result.target}.`;
    case 'queued':
      return `Kept for ${result.target}; the gateway sends it as soon as it can.`;
    case 'uncertain':
      return `It may have reached ${result.target}, and nobody can tell. The chat was told, with a button to send it again.`;
    case 'failed':
      return `${result.target} did not take it: ${formatPreview(result.error ?? '', 200)}. It will not be sent again.`;
  }
}

function formatTargets(targets: OperationOutput<'targets'>, now: number): string {
  if (targets.length === 0) return 'No chat yet: write to Herald once from the chat that shall get messages.';
  return formatTable(
    targets.map((entry) => [
      entry.target,
      formatPreview(entry.title, 40),
      `last message ${formatSpan(now - entry.lastInboundAt)} ago`,
    ]),
  );
}
