// An adapter on a loopback workspace, for tests that look closer than the contract.
import { makeSlackAdapter, type SlackTiming } from '../../../adapters/slack/adapter.ts';
import type { Adapter, OutboundMessage } from '../../../adapters/contract.ts';
import type { Address } from '../../../shared/messages.ts';
import { makeRecordingHost, type RecordingHost, type RecordingHostOptions } from '../../contracts/adapter-host.ts';
import { startSlack, type SlackWorkspace, type WorkspaceOptions } from '../../support/slack/workspace.ts';
import { ACCOUNT, openGateway, settingsFor, type Gateway, type Mode } from './slack-harness.ts';

export interface StageOptions extends WorkspaceOptions, SlackTiming {
  mode?: Mode | undefined;
  /** Settings beside the tokens. */
  settings?: Record<string, unknown> | undefined;
  backfill?: RecordingHostOptions['backfill'];
  fetch?: typeof fetch | undefined;
  /** False: it is not waited for. */
  isOnline?: boolean | undefined;
}

export interface Stage {
  slack: SlackWorkspace;
  adapter: Adapter;
  record: RecordingHost;
  /** Texts of what was received, in order. */
  texts(): readonly string[];
  stop(): Promise<void>;
  /** Starts another adapter with the same cursors and inbox. */
  start(options?: Pick<StageOptions, 'clock'>): Promise<void>;
  send(to: Address, message: OutboundMessage): ReturnType<Adapter['send']>;
}

/** Opens it, runs, and closes it whatever happens. */
export async function onStage(options: StageOptions, run: (stage: Stage) => Promise<void>): Promise<void> {
  const { mode = 'socket' } = options;
  const slack = await startSlack(options);
  const gateway: Gateway | undefined = mode === 'http' ? await openGateway() : undefined;
  if (gateway) slack.useRequestUrl(gateway.url);
  const begin = async (kept: RecordingHostOptions, timing: SlackTiming = options) => {
    const record = makeRecordingHost({ ...(options.backfill && { backfill: options.backfill }), ...kept });
    if (gateway) gateway.record = record;
    const input = { platform: 'slack', account: ACCOUNT, fetch: options.fetch ?? fetch };
    const adapter = makeSlackAdapter({ ...input, settings: settingsFor(slack, mode, options.settings) }, timing);
    await adapter.start(record.host);
    return { adapter, record };
  };
  let stage: Stage | undefined;
  try {
    const made: Stage = {
      slack,
      ...(await begin({})),
      texts: () => made.record.received.map((message) => message.text),
      async stop() {
        await made.adapter.stop();
        if (gateway) gateway.record = undefined;
      },
      async start(more = {}) {
        const { cursors, received } = made.record;
        await made.record.close();
        Object.assign(made, await begin({ cursors, received }, { ...options, ...more }));
        await made.record.waitUntil(() => made.record.states.at(-1)?.state === 'online');
      },
      send: (to, message) => made.adapter.send(to, message, AbortSignal.timeout(10_000)),
    };
    stage = made;
    if (options.isOnline !== false) await made.record.waitUntil(() => made.record.states.at(-1)?.state === 'online');
    await run(made);
  } finally {
    await stage?.adapter.stop();
    await stage?.record.close();
    await slack.close();
    await gateway?.close();
  }
}
