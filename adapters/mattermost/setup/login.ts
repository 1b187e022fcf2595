// Setting Mattermost up: how to make a bot account, then the address of the server and the token, both tried.
import { systemClock } from '../../../shared/clock.ts';
import { withDeadline } from '../../../shared/deadline.ts';
import { AppError } from '../../../shared/errors.ts';
import type { LoginIo, LoginResult } from '../../login.ts';
import { makeMattermostApi } from '../api.ts';
import { isRefusedLogin } from '../errors.ts';
import { askIdentity } from '../identity.ts';
import { mattermostSettings, TOKEN_PATTERN } from '../settings.ts';

const GUIDE = [
  '1. In Mattermost, open the product menu > Integrations > Bot Accounts > Add Bot Account. (If it is not there, an administrator turns it on in System Console > Integrations > Bot Accounts.)',
  '2. Give it a username such as "herald", keep the role Member, and create it.',
  '3. Copy the access token: it is shown only once.',
  '4. Add the bot to your team: the name of the team > Invite People. To a channel with /invite @herald.',
].join('\n');

const PING_TIMEOUT_MS = 15_000;
const LOCAL = /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/;

/** Rejects when the person breaks off. */
export async function loginToMattermost(io: LoginIo): Promise<LoginResult> {
  const current = typeof io.current?.['url'] === 'string' ? io.current['url'] : undefined;
  const url = await askServer(io, current);
  io.show({ kind: 'text', text: GUIDE, caption: 'Make a bot account' });
  for (;;) {
    const token = await askToken(io);
    try {
      const { username, isBot } = await askIdentity(makeMattermostApi({ url, token }, io.fetch), io.signal);
      if (!isBot)
        io.say(`This token belongs to @${username}, who is a person: Herald would read all of their channels.`);
      if (!isBot && !(await confirmPerson(io))) continue;
      return { name: `@${username}`, settings: { url }, secrets: { token } };
    } catch (error) {
      if (io.signal.aborted || error instanceof AppError) throw error;
      io.say(
        isRefusedLogin(error)
          ? 'The server refuses this token. Copy it again, or make a new one.'
          : `${url} did not answer. Try again in a moment.`,
      );
    }
  }
}

async function confirmPerson(io: LoginIo): Promise<boolean> {
  const choice = await io.choose({
    key: 'account',
    label: 'Use it all the same?',
    options: [
      { value: 'other', label: 'Enter the token of a bot account' },
      { value: 'person', label: 'Use this account' },
    ],
  });
  return choice === 'person';
}

async function askServer(io: LoginIo, current: string | undefined): Promise<string> {
  for (let initial = current; ;) {
    const answer = await io.ask({
      key: 'url',
      label: 'Address of the Mattermost server',
      hint: 'As in the browser, without the team: https://chat.example.org',
      ...(initial !== undefined && { initial }),
      check: (value) =>
        mattermostSettings.shape.url.safeParse(value.trim()).success
          ? undefined
          : 'This is no address like https://chat.example.org.',
    });
    const url = mattermostSettings.shape.url.parse(answer.trim());
    if (await isThere(io, url)) {
      if (url.startsWith('http:') && !LOCAL.test(new URL(url).hostname))
        io.say(
          'This address begins with http: the token and all messages can be read on the way. Use https if you can.',
        );
      return url;
    }
    io.say(`No Mattermost server answers at ${url}. Check the address.`);
    initial = url;
  }
}

async function isThere(io: LoginIo, url: string): Promise<boolean> {
  try {
    return await withDeadline({ clock: systemClock, timeoutMs: PING_TIMEOUT_MS, parent: io.signal }, async (signal) => {
      const response = await io.fetch(`${url}/api/v4/system/ping`, { signal, redirect: 'error' });
      await response.body?.cancel();
      return response.ok;
    });
  } catch (error) {
    if (io.signal.aborted) throw error;
    return false;
  }
}

async function askToken(io: LoginIo): Promise<string> {
  const answer = await io.ask({
    key: 'token',
    label: 'Access token of the bot',
    hint: 'From the last step of making the bot account. It is kept as MATTERMOST_TOKEN.',
    secret: true,
    check: (value) => (TOKEN_PATTERN.test(value.trim()) ? undefined : 'It must be one word of at least 10 letters.'),
  });
  return answer.trim();
}
