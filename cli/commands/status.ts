// The running gateway: how it is, and asking it to stop, restart or read its configuration again.
import { callControl, findOwner } from '../client.ts';
import type { CliContext, Given } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import type { OperationOutput } from '../../gateway/control/operations.ts';
import { formatBytes, formatPreview, formatSpan, formatTable, tint, type Tone } from '../output.ts';

type Status = OperationOutput<'status'>;

/** How long `stop` and `restart` wait for the old process to go: the gateway's drain time and some more. */
const GONE_TIMEOUT_MS = 60_000;
/** How long `restart` waits for the new one; a supervisor may take its time. */
const BACK_TIMEOUT_MS = 15_000;
const POLL_MS = 100;

export async function runStatus(context: CliContext): Promise<number> {
  const status = await callControl(context.home, 'status', {});
  context.print(status, (value) => formatStatus(value, context));
  return EXIT.ok;
}

/** Resolves when the gateway's process has given the data back, so that a script can go on. */
export async function runStop(context: CliContext): Promise<number> {
  const owner = await findOwner(context.home);
  await callControl(context.home, 'stop', {});
  const gone = await waitUntilGone(context, owner);
  context.print({ stopped: gone }, () =>
    gone ? 'The gateway has stopped.' : 'The gateway is stopping; running turns are not done yet.',
  );
  return gone ? EXIT.ok : EXIT.failed;
}

export async function runRestart(context: CliContext): Promise<number> {
  const owner = await findOwner(context.home);
  await callControl(context.home, 'restart', {});
  const ended = await waitUntilGone(context, owner);
  const isBack = ended && (await waitUntilBack(context, owner));
  context.print({ accepted: true, ended, started: isBack }, () =>
    isBack
      ? 'The gateway has started anew.'
      : ended
        ? 'The gateway has ended and did not start by itself. Start it: herald start'
        : 'The gateway restarts once running turns have ended.',
  );
  return EXIT.ok;
}

export async function runReload(context: CliContext, _given: Given): Promise<number> {
  await callControl(context.home, 'reload', {});
  context.print({ reloaded: true }, () => 'The gateway uses the configuration as it is now.');
  return EXIT.ok;
}

type Owner = Awaited<ReturnType<typeof findOwner>>;

/** True when `before` does not hold the data any more. A restarted process keeps its pid, so its start tells them apart. */
async function waitUntilGone(context: CliContext, before: Owner): Promise<boolean> {
  for (let waited = 0; waited < GONE_TIMEOUT_MS; waited += POLL_MS) {
    const owner = await findOwner(context.home);
    if (owner === undefined || owner.startedAt !== before?.startedAt) return true;
    await context.clock.sleep(POLL_MS);
  }
  return false;
}

/** True when a new gateway serves the local socket. */
async function waitUntilBack(context: CliContext, before: Owner): Promise<boolean> {
  for (let waited = 0; waited < BACK_TIMEOUT_MS; waited += POLL_MS) {
    const owner = await findOwner(context.home);
    if (owner?.socket !== undefined && owner.startedAt !== before?.startedAt) return true;
    await context.clock.sleep(POLL_MS);
  }
  return false;
}

const STATE_TONES: Record<Status['adapters'][number]['state'], Tone> = {
  online: 'good',
  connecting: 'warn',
  offline: 'bad',
  'needs-login': 'bad',
};

function formatStatus(status: Status, context: CliContext): string {
  const now = context.clock.now();
  const { model } = status;
  const head = formatTable([
    [
      'Herald',
      `${status.version}, process ${status.pid}, up ${formatSpan(now - status.startedAt)}, ${formatBytes(status.rssBytes)}`,
    ],
    ['Home', status.home],
    ...(status.url === undefined ? [] : [['Page', status.url]]),
    [
      'Model',
      model.demo
        ? `${model.name} (built-in demo: \`herald setup\` sets a real one)`
        : `${model.provider}/${model.name}`,
    ],
    ['People', String(status.persons)],
    ['Turns', `${status.runningTurns} running`],
    ['Inbox', formatCounts(status.inbox)],
    ['Outbox', formatCounts(status.outbox)],
  ]);
  const adapters = status.adapters.map((adapter) => [
    `  ${adapter.title}`,
    adapter.account,
    tint(STATE_TONES[adapter.state], adapter.state, context.stdout),
    adapter.lastAliveAt === undefined ? 'no traffic yet' : `alive ${formatSpan(now - adapter.lastAliveAt)} ago`,
    `${adapter.restarts === 0 ? '' : `${adapter.restarts} restarts`} ${formatPreview(adapter.detail ?? '', 80)}`.trim(),
  ]);
  return `${head}\nPlatforms\n${adapters.length === 0 ? '  none' : formatTable(adapters)}`;
}

function formatCounts(counts: Partial<Record<string, number>>): string {
  const told = Object.entries(counts).map(([state, count]) => `${count} ${state}`);
  return told.length === 0 ? 'empty' : told.join(', ');
}
