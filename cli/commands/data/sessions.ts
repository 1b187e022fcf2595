// Conversations of one person: list, show, search, export, delete.
import { createInterface } from 'node:readline/promises';
import path from 'node:path';
import { callControl } from '../../client.ts';
import type { CliContext, Given } from '../../context.ts';
import { EXIT } from '../../exit-codes.ts';
import type { OperationOutput } from '../../../gateway/control/operations.ts';
import { AppError } from '../../../shared/errors.ts';
import { formatPreview, formatTable, formatTime, printable } from '../../output.ts';

type Exported = OperationOutput<'sessions.export'>;
type Message = Exported['messages'][number];

/** Sessions that an export of all of them reads: the most that `sessions.list` gives. */
const MAX_EXPORTED = 1000;

export async function runSessionsList(context: CliContext, given: Given): Promise<number> {
  const list = await callControl(context.home, 'sessions.list', {
    person: given.text('person'),
    limit: given.number('limit'),
  });
  context.print(list, (value) =>
    value.length === 0
      ? 'No conversations yet.'
      : formatTable(
          value.map((session) => [
            session.id,
            formatTime(session.updatedAt),
            `${session.messages} messages`,
            formatPreview(session.title ?? session.opening, 60),
          ]),
        ),
  );
  return EXIT.ok;
}

export async function runSessionsShow(context: CliContext, given: Given): Promise<number> {
  const shown = await callControl(context.home, 'sessions.show', {
    session: given.need(0),
    person: given.text('person'),
    limit: given.number('limit'),
  });
  context.print(shown, (value) => printable(formatMarkdown(value)).trimEnd());
  return EXIT.ok;
}

export async function runSessionsSearch(context: CliContext, given: Given): Promise<number> {
  const hits = await callControl(context.home, 'sessions.search', {
    query: given.rest(0).join(' '),
    person: given.text('person'),
    limit: given.number('limit'),
  });
  context.print(hits, (value) =>
    value.length === 0
      ? 'Nothing was found.'
      : formatTable(
          value.map((hit) => [
            formatTime(hit.createdAt),
            hit.session,
            formatPreview(hit.role === 'assistant' ? 'Herald' : hit.author, 20),
            formatPreview(hit.text, 100),
          ]),
        ),
  );
  return EXIT.ok;
}

export async function runSessionsExport(context: CliContext, given: Given): Promise<number> {
  const person = given.text('person');
  const one = given.arg(0);
  const ids =
    one === undefined
      ? (await callControl(context.home, 'sessions.list', { person, limit: MAX_EXPORTED })).map((entry) => entry.id)
      : [one];
  const exported: Exported[] = [];
  for (const session of ids) exported.push(await callControl(context.home, 'sessions.export', { session, person }));
  const text = formatExport(exported, context.json ? 'json' : (given.text('format') ?? 'markdown'));
  const file = given.text('output');
  if (file === undefined) context.out(text);
  else {
    const { writeFileAtomic } = await import('../../../data/files.ts');
    writeFileAtomic(path.resolve(file), `${text}\n`);
    context.note(`${exported.length} ${exported.length === 1 ? 'conversation' : 'conversations'} written to ${file}.`);
  }
  return EXIT.ok;
}

export async function runSessionsDelete(context: CliContext, given: Given): Promise<number> {
  const person = given.text('person');
  const { session } = await callControl(context.home, 'sessions.show', { session: given.need(0), person, limit: 1 });
  const name = session.title === undefined ? session.id : `${session.id} (${formatPreview(session.title, 60)})`;
  if (!given.flag('yes') && !(await confirm(context, `Delete ${name} with all of its messages, for good?`))) {
    context.note('Nothing was deleted.');
    return EXIT.failed;
  }
  const deleted = await callControl(context.home, 'sessions.delete', { session: session.id, person });
  context.print(deleted, () => `Deleted ${name}.`);
  return EXIT.ok;
}

async function confirm(context: CliContext, question: string): Promise<boolean> {
  if (!context.stdin.isTTY) throw new AppError('bad_input', 'Deleting needs a yes: add --yes.');
  const prompt = createInterface({ input: context.stdin, output: context.stderr });
  try {
    return /^y(es)?$/i.test((await prompt.question(`${question} [y/N] `)).trim());
  } finally {
    prompt.close();
  }
}

function formatExport(exported: readonly Exported[], format: string): string {
  if (format === 'json') return JSON.stringify(exported, null, 2);
  if (format === 'jsonl')
    return exported.map((one) => JSON.stringify({ ...one.session, messages: one.messages })).join('\n');
  return exported.map(formatMarkdown).join('\n---\n\n').trimEnd();
}

function formatMarkdown({ session, messages }: Exported): string {
  const title = session.title ?? `Conversation of ${formatTime(session.createdAt)}`;
  return [`# ${title}`, '', `\`${session.id}\``, '', ...messages.flatMap(formatMessage)].join('\n');
}

function formatMessage(message: Message): string[] {
  if (message.role === 'tool')
    return [
      `> tool ${message.toolName ?? ''}${message.isError ? ' failed' : ''}: ${formatPreview(message.text, 200)}`,
      '',
    ];
  const who =
    message.role === 'assistant'
      ? 'Herald'
      : message.role === 'summary'
        ? 'Summary of what came before'
        : message.author;
  const mark = message.state === 'undone' ? ' (undone)' : '';
  const files = message.files.map((file) => `[${file.name}, ${file.mime}, ${file.bytes} bytes]`);
  if (message.text === '' && files.length === 0) return [];
  return [
    `**${who}** ${formatTime(message.createdAt)}${mark}`,
    '',
    ...(message.text === '' ? [] : [message.text]),
    ...files,
    '',
  ];
}
