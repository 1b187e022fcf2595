// Setting platforms up from the page, for the owner and admins; everybody else gets "not found".
import { z } from 'zod';
import type { UserId } from '../../shared/ids.ts';
import type { AdapterHost } from '../contract.ts';
import { json, problem, readPost } from '../local-chat/requests.ts';
import type { LoginStep, SetupPlatform, SetupPort, SetupView } from '../login.ts';

const beginPost = z.strictObject({ platform: z.string().min(1).max(64) });
const answerPost = z.strictObject({ session: z.uuid(), text: z.string().max(20_000) });
const cancelPost = z.strictObject({ session: z.uuid() });
const nothing = z.strictObject({});

/** A step as the page draws it: a QR code comes as SVG. */
type ShownStep = LoginStep & { svg?: string };

/** Answers the paths under /setup; undefined for every other. */
export async function handleSetup(host: AdapterHost, request: Request, user: UserId): Promise<Response | undefined> {
  const route = `${request.method} ${new URL(request.url).pathname}`;
  if (!/ \/setup(\/|$)/.test(route)) return undefined;
  const setup = await host.setup(user);
  if (setup === undefined) return problem(404, 'not_found', 'There is nothing at this address.');
  switch (route) {
    case 'GET /setup':
      return json(200, { platforms: await Promise.all((await setup.platforms()).map(drawPlatform)) });
    case 'POST /setup/begin':
      return withPost(request, beginPost, async ({ platform }) => drawView(await setup.begin(platform)));
    case 'POST /setup/answer':
      return withPost(request, answerPost, async ({ session, text }) => drawView(await setup.answer(session, text)));
    case 'POST /setup/cancel':
      return withPost(request, cancelPost, async ({ session }) => cancel(setup, session));
    case 'POST /setup/restart':
      return withPost(request, nothing, async () => {
        await setup.restart();
        return { accepted: true };
      });
    default:
      return problem(404, 'not_found', 'There is nothing at this address.');
  }
}

async function cancel(setup: SetupPort, session: string) {
  setup.cancel(session);
  return { cancelled: true };
}

async function withPost<Schema extends z.ZodType>(
  request: Request,
  schema: Schema,
  act: (post: z.output<Schema>) => Promise<unknown>,
): Promise<Response> {
  const post = await readPost(request, schema);
  return post instanceof Response ? post : json(200, await act(post));
}

async function drawPlatform(platform: SetupPlatform) {
  return { ...platform, login: platform.login && (await drawStep(platform.login)) };
}

async function drawView(view: SetupView) {
  return { ...view, shown: await Promise.all(view.shown.map(drawStep)) };
}

async function drawStep(step: LoginStep): Promise<ShownStep> {
  if (step.kind !== 'qr') return step;
  const { renderSVG } = await import('uqr');
  return { ...step, svg: renderSVG(step.data, { border: 2 }) };
}
