// Sets Slack up from nothing: the app from a manifest, then its tokens, each tried by a real call.
import type { LoginIo, LoginResult } from '../login.ts';
import { makeAppManifest } from './app-manifest.ts';
import { checkToken, missingScopes } from './check.ts';
import { APP_TOKEN, BOT_TOKEN, DEFAULT_API_ROOT, SIGNING_SECRET } from './settings.ts';

const NEW_APP = 'https://api.slack.com/apps?new_app=1';

/** Rejects with AppError `cancelled` when the person breaks off. */
export async function loginToSlack(io: LoginIo): Promise<LoginResult> {
  const { api_root: root } = io.current ?? {};
  const apiRoot = typeof root === 'string' ? root.replace(/\/+$/, '') : DEFAULT_API_ROOT;
  const mode = await io.choose({
    key: 'mode',
    label: 'How shall messages reach Herald?',
    options: [
      { value: 'socket', label: 'Socket Mode', hint: 'Herald calls Slack. Works anywhere, needs no public address.' },
      { value: 'http', label: 'HTTP', hint: 'Slack calls the gateway under a public https address.' },
    ],
  });
  const requestUrl = mode === 'http' ? await askUrl(io) : undefined;
  io.show({ kind: 'text', text: makeAppManifest(requestUrl), caption: 'Copy this app manifest.' });
  io.show({
    kind: 'url',
    url: NEW_APP,
    caption: 'Choose "From a manifest", then your workspace, and paste it. Then install the app to the workspace.',
  });
  const { token, name } = await askBotToken(io, apiRoot);
  const secret =
    requestUrl === undefined
      ? { app_token: await askAppToken(io, apiRoot) }
      : { signing_secret: await askSigningSecret(io) };
  return { name, settings: {}, secrets: { bot_token: token, ...secret } };
}

async function askUrl(io: LoginIo): Promise<string> {
  const answer = await io.ask({
    key: 'url',
    label: 'Public address of this gateway for Slack',
    hint: 'Such as https://herald.example.org/slack/default/ ("default" is the name of the account in config.yaml).',
    check: (url) =>
      /^https:\/\/[^\s/]+\/\S+$/.test(url.trim()) ? undefined : 'It must begin with https:// and have a path.',
  });
  return answer.trim();
}

async function askBotToken(io: LoginIo, apiRoot: string): Promise<{ token: string; name: string }> {
  for (;;) {
    const answer = await io.ask({
      key: 'bot_token',
      label: 'Bot User OAuth Token',
      hint: 'On the page "OAuth & Permissions" of the app, after it was installed. It begins with xoxb-.',
      secret: true,
      check: (value) => (BOT_TOKEN.test(value.trim()) ? undefined : 'It must begin with xoxb-.'),
    });
    const token = answer.trim();
    const check = await checkToken({ apiRoot, fetch: io.fetch, signal: io.signal }, 'auth.test', token);
    io.signal.throwIfAborted();
    if (!check.ok) {
      io.say(`That did not work: ${check.why}. Try again.`);
      continue;
    }
    const { all, isUsable } = missingScopes(check.scopes);
    if (all.length > 0) io.say(`The app lacks these scopes: ${all.join(', ')}. Add them and reinstall the app.`);
    if (!isUsable) continue;
    return { token, name: `@${check.answer.user ?? 'the bot'} in ${check.answer.team ?? 'the workspace'}` };
  }
}

async function askAppToken(io: LoginIo, apiRoot: string): Promise<string> {
  for (;;) {
    const answer = await io.ask({
      key: 'app_token',
      label: 'App-level token',
      hint: 'On the page "Basic Information" under "App-Level Tokens": generate one with the scope connections:write. It begins with xapp-.',
      secret: true,
      check: (value) => (APP_TOKEN.test(value.trim()) ? undefined : 'It must begin with xapp-.'),
    });
    const token = answer.trim();
    const check = await checkToken({ apiRoot, fetch: io.fetch, signal: io.signal }, 'apps.connections.open', token);
    io.signal.throwIfAborted();
    if (check.ok) return token;
    io.say(`That did not work: ${check.why}. Try again.`);
  }
}

async function askSigningSecret(io: LoginIo): Promise<string> {
  const answer = await io.ask({
    key: 'signing_secret',
    label: 'Signing Secret',
    hint: 'On the page "Basic Information" under "App Credentials". Slack tries the address as soon as the gateway runs: then press "Retry" under "Event Subscriptions".',
    secret: true,
    check: (value) => (SIGNING_SECRET.test(value.trim()) ? undefined : 'It must have 32 hexadecimal digits.'),
  });
  return answer.trim();
}
