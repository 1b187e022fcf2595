// Makes an image: paid by the image, within the limits of the budget, kept in the workspace and shown with the answer.
import { z } from 'zod';
import { reserveUsage, settleUsage, type UsageCaps } from '../../../data/usage.ts';
import type { Clock } from '../../../shared/clock.ts';
import { AppError } from '../../../shared/errors.ts';
import { preview } from '../../../shared/text.ts';
import { dayOf } from '../../../shared/day.ts';
import { refusalText } from '../../budget/refusal.ts';
import type { ChangeKeeper, FileAccess } from '../files/access.ts';
import { hashBytes } from '../files/seen.ts';
import { defineTool, type Tool, type ToolContext, type ToolResult } from '../tool.ts';
import type { ImageSettings } from './config.ts';
import { IMAGE_ENDINGS, imageMime, type ImageMime } from './image-type.ts';
import { chooseImageService, requestImage, type ImageAnswer, type ImageService } from './images-api.ts';
import type { MediaPorts } from './ports.ts';

/** Counted for an image whose price is not configured; high, so that limits hold. */
const GUESSED_USD = 0.25;
const FOLDER = 'images';

export interface ImageToolDeps {
  settings: ImageSettings;
  /** Asked before each image. */
  budget(): { caps: UsageCaps; timezone: string };
  /** A key from the environment file, by its name. */
  lookup(name: string): string | undefined;
  access: FileAccess;
  checkpoints: ChangeKeeper;
  clock: Clock;
  ports: Pick<MediaPorts, 'storeFile'>;
}

export function makeImageTool(deps: ImageToolDeps): Tool {
  const service = () => chooseImageService(deps.settings, deps.lookup);
  const { timeout_ms: timeoutMs } = deps.settings;
  return defineTool({
    name: 'image_generate',
    description: 'Make (draw, paint) an image from a description. The person sees it with your answer. Costs money.',
    parameters: z.strictObject({
      prompt: z.string().trim().min(1).max(8_000).describe('What is to be seen, in which style'),
      aspect_ratio: z.enum(['square', 'landscape', 'portrait']).optional().describe('Default square'),
    }),
    effect: 'once',
    touches: ['network', 'money'],
    // The request, the image behind an address, and the files.
    timeoutMs: () => 2 * timeoutMs + 30_000,
    origin: 'agent',
    toolset: 'media',
    isRare: true,
    available: () => deps.ports.storeFile !== undefined && service() !== undefined,
    summarize: ({ prompt }) => `drawing ${preview(prompt, 80)}`,
    async execute({ prompt, aspect_ratio: shape = 'square' }, context) {
      const chosen = service();
      if (!chosen) return { text: 'No service for images is set up here.', isError: true };
      const request = { prompt, size: deps.settings.sizes[shape], quality: deps.settings.quality };
      const answer = await paid(deps, { service: chosen, context }, () =>
        requestImage(chosen, request, { clock: deps.clock, timeoutMs, signal: context.signal }),
      );
      if (!answer.ok)
        return answer.detail === undefined
          ? { text: answer.message, isError: true }
          : { text: `${answer.message} It says: ${answer.detail}`, isError: true, origin: 'foreign' };
      const mime = imageMime(answer.bytes);
      if (!mime) return { text: `What ${chosen.title} sent is no image. Nothing was kept.`, isError: true };
      return keep(deps, { prompt, bytes: answer.bytes, mime }, context);
    },
  });
}

/** Reserved before it is asked for, counted as used unless the service refused it. Rejects with AppError `budget_exceeded`. */
async function paid(
  { settings, budget, clock }: ImageToolDeps,
  { service, context }: { service: ImageService; context: ToolContext },
  make: () => Promise<ImageAnswer>,
): Promise<ImageAnswer> {
  const { db, scope, session, tree } = context;
  const { caps, timezone } = budget();
  const now = clock.now();
  const day = dayOf(now, timezone);
  const price = {
    microUsd: Math.round((settings.price_usd ?? GUESSED_USD) * 1_000_000),
    costKnown: settings.price_usd !== undefined,
  };
  const names = { provider: service.title, model: service.model ?? 'default' };
  const reserved = await reserveUsage(db, scope, {
    ...names,
    ...price,
    session,
    // Workers spend what their tree may spend.
    turn: tree.root,
    cause: 'image',
    tokens: 0,
    dayStart: day.start,
    caps,
  });
  if (!reserved.ok) throw new AppError('budget_exceeded', refusalText(reserved, { resetsAt: day.end, now, timezone }));
  const tokens = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0, reasoning: 0 };
  let isFree = false;
  try {
    const answer = await make();
    isFree = !answer.ok && answer.isFree;
    return answer;
  } finally {
    const cost = isFree ? { microUsd: 0, costKnown: true } : price;
    await settleUsage(db, scope, reserved.id, { ...names, ...tokens, ...cost });
  }
}

async function keep(
  deps: ImageToolDeps,
  image: { prompt: string; bytes: Uint8Array; mime: ImageMime },
  context: ToolContext,
): Promise<ToolResult> {
  const { bytes, mime } = image;
  const name = `${slug(image.prompt)}-${context.idempotencyKey.slice(0, 8)}.${IMAGE_ENDINGS[mime]}`;
  // A copy of its own goes to the person: what is in the workspace may be changed before it is sent.
  const shown = await deps.ports.storeFile?.({ name, mime, bytes });
  const place = await writeToWorkspace(deps, { path: `${FOLDER}/${name}`, bytes }, context);
  return { text: `The image is made. ${place}`, files: shown ? [shown] : [] };
}

/** Where it is, or why not: it has been paid for, so a full disk must not lose it for the person too. */
async function writeToWorkspace(
  { access, checkpoints }: ImageToolDeps,
  { path, bytes }: { path: string; bytes: Uint8Array },
  context: ToolContext,
): Promise<string> {
  try {
    await access.use(context, async ({ host, find }) => {
      const file = await find(path, undefined);
      if (host.isLocal) await checkpoints.keep(context.turn, context.scope.space, file.real, hashBytes(bytes));
      await host.write(file.real, { bytes, expected: undefined }, context.signal);
    });
    return `It is shown with your answer, and is ${path} in the workspace.`;
  } catch (error) {
    if (context.signal.aborted || !(error instanceof AppError)) throw error;
    return `It is shown with your answer, but is not in the workspace: ${error.publicMessage}`;
  }
}

function slug(prompt: string): string {
  const words = prompt
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 40)
    .replace(/^-+|-+$/g, '');
  return words || 'image';
}
