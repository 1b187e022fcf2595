// A home with the media tools, and calls that go the whole way: judged, decided, journaled, run.
import fs from 'node:fs';
import path from 'node:path';
import { makeMeter } from '../../../agent/budget/meter.ts';
import { makeUrlGuard } from '../../../agent/net/guard.ts';
import { callModel } from '../../../agent/providers/fallback.ts';
import type { ModelRequest } from '../../../agent/providers/types.ts';
import { imagesSchema } from '../../../agent/tools/media/config.ts';
import { makeMediaTools } from '../../../agent/tools/media/media-tools.ts';
import type { MediaFile, MediaPorts } from '../../../agent/tools/media/ports.ts';
import type { Tool } from '../../../agent/tools/tool.ts';
import { systemClock } from '../../../shared/clock.ts';
import type { StoredFile } from '../../../shared/messages.ts';
import {
  makeCall,
  makeInput,
  makeScriptedModel,
  NO_CAPS,
  openHome,
  runTurnOnce,
  type Home,
  type Scripted,
} from '../../agent/fixture.ts';

export interface MediaBench {
  home: Home;
  workspace: string;
  tools: readonly Tool[];
  /** What was stored to be shown. */
  stored: MediaFile[];
  /** What the model that sees was asked. */
  vision: ReturnType<typeof makeScriptedModel>;
  put(name: string, content: Uint8Array | string): void;
  /** Calls a tool in a turn of its own. `text`: what the model reads as its result. */
  call(name: string, args: Readonly<Record<string, string>>): Promise<{ text: string; files: readonly StoredFile[] }>;
  /** Rows of usage that are not of the turn itself. */
  usage(): Promise<readonly { cause: string; model: string; cost_micro_usd: number; cost_known: number }[]>;
  close(): Promise<void>;
}

export interface MediaBenchOptions {
  images?: unknown;
  keys?: Record<string, string>;
  /** What the model that sees says. */
  sees?: readonly Scripted[];
  caps?: Partial<typeof NO_CAPS>;
  /** host:port that may be gone to. */
  hosts?: readonly string[];
  ports?: Partial<MediaPorts>;
}

export async function openMediaBench(options: MediaBenchOptions = {}): Promise<MediaBench> {
  const home = await openHome();
  const caps = { ...NO_CAPS, ...options.caps };
  const stored: MediaFile[] = [];
  const vision = makeScriptedModel(options.sees ?? [], 'eyes', 'seeing');
  const settings = () => ({ caps, prices: {}, timezone: 'Europe/Vienna' });
  const workspace = path.join(home.dir, 'workspaces', home.scope.space.replace(/[^a-z0-9]/gi, '-'));
  fs.mkdirSync(workspace, { recursive: true });
  const storeFile: NonNullable<MediaPorts['storeFile']> = async (file) => {
    stored.push(file);
    const { name, mime, bytes } = file;
    return { kind: 'image', path: path.join(home.dir, 'files', name), name, mime, bytes: bytes.length };
  };
  const tools = makeMediaTools({
    meter: makeMeter({ db: home.db, clock: systemClock, random: () => 0.5, callModel, settings }),
    visionChain: () => [vision.link],
    guard: makeUrlGuard({ allowPrivateUrls: false, allowHosts: options.hosts ?? [], websiteBlocklist: [] }),
    images: imagesSchema.parse(options.images ?? {}),
    budget: settings,
    lookup: (name) => options.keys?.[name],
    files: {
      home: home.dir,
      userHome: path.join(home.dir, 'user'),
      clock: systemClock,
      checkpoints: { keep: async () => undefined },
    },
    ports: { storeFile, ...options.ports },
  });
  return {
    home,
    workspace,
    tools,
    stored,
    vision,
    put: (name, content) => fs.writeFileSync(path.join(workspace, name), content),
    async call(name, args) {
      const script = [{ toolCalls: [makeCall('use_tool', { name, arguments: args })] }, { text: 'done' }];
      // What is named by the person may be looked at without asking.
      const { result, requests } = await runTurnOnce(home, script, {
        turn: { inputs: [makeInput(Object.values(args).join(' '))] },
        agent: { tools, settings: { caps } },
      });
      return { text: lastResult(requests[1]), files: result.files };
    },
    usage: () =>
      home.db.query
        .selectFrom('usage')
        .select(['cause', 'model', 'cost_micro_usd', 'cost_known'])
        .where('cause', '!=', 'turn')
        .where('state', '=', 'final')
        .orderBy('id')
        .execute(),
    close: () => home.close(),
  };
}

function lastResult(request: ModelRequest | undefined): string {
  const message = request?.messages.findLast(({ role }) => role === 'tool');
  return message?.role === 'tool' ? message.text : '';
}
