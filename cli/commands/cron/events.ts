// `herald cron hook`, `on` and `hooks`: what begins jobs beside the time.
import { AppError } from '../../../shared/errors.ts';
import { callControl } from '../../client.ts';
import type { CliContext, Given } from '../../context.ts';
import { EXIT } from '../../exit-codes.ts';
import { formatPreview, formatTable, formatTime, printable } from '../../output.ts';
import { listOf } from './cron.ts';

export async function runCronHook(context: CliContext, given: Given): Promise<number> {
  const format = given.text('format');
  if (format !== 'github' && format !== 'gitlab' && format !== 'standard')
    throw new AppError('bad_input', 'Posts are signed as github, gitlab or standard.');
  const made = await callControl(context.home, 'cron.hook', {
    person: given.text('person'),
    job: given.need(0),
    format,
    events: listOf(given.text('events')),
    template: given.text('template'),
    perMinute: given.number('perMinute'),
  });
  context.print(made, ({ url, secret, job }) =>
    [
      `What is posted there begins "${printable(job)}":`,
      `  address  ${url}`,
      `  secret   ${secret}`,
      'The secret is shown this once. From outside of this machine the address needs a proxy in front of the gateway (docs/scheduler.md).',
    ].join('\n'),
  );
  return EXIT.ok;
}

export async function runCronTriggers(context: CliContext, given: Given): Promise<number> {
  const triggers = await callControl(context.home, 'cron.triggers', {
    person: given.text('person'),
    remove: given.text('remove'),
  });
  context.print(triggers, (listed) =>
    listed.length === 0
      ? 'Nothing but the time begins jobs.'
      : formatTable(
          listed.map(({ id, job, kind, event, fired, firedAt }) => [
            id,
            kind,
            formatPreview(job, 40),
            formatPreview(event, 60),
            fired === 1 ? '1 run' : `${fired} runs`,
            firedAt === undefined ? '' : `last ${formatTime(firedAt)}`,
          ]),
        ),
  );
  return EXIT.ok;
}

export async function runCronOn(context: CliContext, given: Given): Promise<number> {
  const [from, platform] = [given.text('from'), given.text('platform')];
  const words = listOf(given.text('words'));
  const isMessage = given.flag('message') || from !== undefined || platform !== undefined || words.length > 0;
  const armed = await callControl(context.home, 'cron.on', {
    person: given.text('person'),
    job: given.need(0),
    message: isMessage ? { from, platform, words } : undefined,
    file: given.text('file'),
    process: given.text('process') ?? (given.flag('process') ? '' : undefined),
  });
  context.print(
    armed,
    ({ job, event, id }) =>
      `${formatPreview(job, 80)} begins when ${printable(event)}. \`herald cron hooks --remove ${id}\` ends that.`,
  );
  return EXIT.ok;
}
