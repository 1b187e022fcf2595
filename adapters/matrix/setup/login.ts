// Walks a person through the set-up: homeserver, then a password that is turned into a token, or a token. Loads no SDK.
import { AppError } from '../../../shared/errors.ts';
import type { LoginIo, LoginResult } from '../../login.ts';
import { hasErrcode, isAuthError } from '../errors.ts';
import { matrixSettings } from '../settings.ts';
import { findHomeserver, logInWithPassword } from './homeserver.ts';
import { checkAccount, explain } from './verify.ts';

const MAX_TRIES = 10;

/** Rejects with AppError: `cancelled` when the person breaks off, `platform_unreachable` after ten tries. */
export async function login(io: LoginIo): Promise<LoginResult> {
  io.say('Make an account for Herald of its own on a homeserver first, with any Matrix app.');
  for (let attempt = 1; attempt <= MAX_TRIES; attempt++) {
    const homeserver = await askHomeserver(io);
    const token = homeserver === undefined ? undefined : await askToken(io, homeserver);
    if (homeserver === undefined || token === undefined) continue;
    const checked = await checkAccount({ homeserver, access_token: token }, io.fetch, io.signal);
    if (checked.ok) {
      io.say(`This is ${checked.name}. In Matrix, start a chat with it.`);
      return { name: checked.name, settings: { homeserver }, secrets: { access_token: token } };
    }
    io.say(checked.message);
  }
  throw new AppError('platform_unreachable', 'Matrix could not be set up. Check the homeserver and try again.');
}

async function askHomeserver(io: LoginIo): Promise<string | undefined> {
  const current = io.current?.['homeserver'];
  const answer = await io.ask({
    key: 'homeserver',
    label: 'Homeserver',
    hint: 'Its address, its name such as matrix.org, or the user id of Herald’s account.',
    initial: typeof current === 'string' ? current : undefined,
  });
  const found = await findHomeserver(answer, { fetch: io.fetch, signal: io.signal });
  const parsed = matrixSettings.shape.homeserver.safeParse(found);
  if (parsed.success) return parsed.data;
  io.say('This is no address, name or user id.');
  return undefined;
}

async function askToken(io: LoginIo, homeserver: string): Promise<string | undefined> {
  const way = await io.choose({
    key: 'way',
    label: `Log in at ${homeserver}`,
    options: [
      { value: 'password', label: 'With user and password', hint: 'The password is used once and not kept.' },
      { value: 'token', label: 'With an access token', hint: 'For homeservers that log in through a web page.' },
    ],
  });
  if (way === 'token') {
    const given = await io.ask({
      key: 'access_token',
      label: 'Access token',
      hint: 'In Element: Settings, Help & About, Advanced. Do not log that session out afterwards.',
      secret: true,
      check: (text) =>
        matrixSettings.shape.access_token.safeParse(text).success ? undefined : 'It is one line without spaces.',
    });
    return given.trim();
  }
  const user = await io.ask({ key: 'user', label: 'User', hint: 'Such as herald, or @herald:example.org.' });
  const password = await io.ask({ key: 'password', label: 'Password', secret: true });
  try {
    return await logInWithPassword({ homeserver, user: user.trim(), password }, io);
  } catch (error) {
    io.say(explainLogin(homeserver, error));
    return undefined;
  }
}

function explainLogin(homeserver: string, error: unknown): string {
  if (hasErrcode(error, 'M_FORBIDDEN') || isAuthError(error)) return 'User or password is wrong.';
  if (hasErrcode(error, 'M_UNKNOWN', 'M_UNRECOGNIZED'))
    return 'This homeserver takes no passwords here. Log in with an access token.';
  if (hasErrcode(error, 'M_LIMIT_EXCEEDED')) return 'The homeserver wants a pause. Try again in a minute.';
  return explain(homeserver, error).message;
}
