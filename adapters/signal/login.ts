// Setting Signal up: the server, then an account on it that is there already or is linked to a phone now.
import { systemClock, type Clock } from '../../shared/clock.ts';
import { AppError } from '../../shared/errors.ts';
import type { LoginIo, LoginResult } from '../login.ts';
import { makeSignalApi, type SignalApi } from './api.ts';
import { ApiError } from './errors.ts';
import { linkAccount } from './link.ts';
import { askServer, type ServerState } from './server.ts';
import { DEFAULT_URL, signalSettings } from './settings.ts';

const LINK = 'link';
const REGISTER = 'register';

interface Server {
  url: string;
  token: string | undefined;
  api: SignalApi;
  state: ServerState;
}

export function loginToSignal(io: LoginIo): Promise<LoginResult> {
  return runLogin(io, systemClock);
}

export async function runLogin(io: LoginIo, clock: Clock): Promise<LoginResult> {
  const server = await findServer(io);
  const number = await chooseAccount(io, server, clock);
  const whose = await io.choose({
    key: 'note_to_self_only',
    label: `Whose number is ${number}?`,
    options: [
      { value: 'false', label: "The agent's own", hint: 'People write to it, and it answers them.' },
      {
        value: 'true',
        label: 'Mine',
        hint: 'Only your Note to Self is read and answered; your other chats stay private.',
      },
    ],
  });
  return {
    name: number,
    settings: { url: server.url, number, ...(whose === 'true' && { note_to_self_only: true }) },
    secrets: server.token === undefined ? {} : { api_token: server.token },
  };
}

async function findServer(io: LoginIo): Promise<Server> {
  io.say(
    'Signal needs a server of yours that speaks its protocol: signal-cli-rest-api. To run one on this machine: docker run -d --name signal-api --restart=always -p 127.0.0.1:8080:8080 -v signal-data:/home/.local/share/signal-cli -e MODE=json-rpc bbernhard/signal-cli-rest-api',
  );
  let url = await askUrl(io, DEFAULT_URL);
  for (let token: string | undefined; ;) {
    const api = makeSignalApi({ url, api_token: token }, io.fetch);
    try {
      return { url, token, api, state: await askServer(api, io.signal) };
    } catch (error) {
      if (io.signal.aborted) throw new AppError('cancelled', 'Stopped.');
      if (error instanceof ApiError && (error.status === 401 || error.status === 403)) {
        io.say(
          token === undefined
            ? 'The server, or a proxy before it, asks for a login.'
            : 'The server refuses this login.',
        );
        token = await askToken(io);
      } else {
        io.say(`No signal-cli-rest-api server answers at ${url}. Is it running?`);
        url = await askUrl(io, url);
      }
    }
  }
}

async function askUrl(io: LoginIo, initial: string): Promise<string> {
  const check = (answer: string) => {
    const parsed = signalSettings.shape.url.safeParse(answer);
    return parsed.success ? undefined : 'This is no address like http://127.0.0.1:8080.';
  };
  const answer = await io.ask({ key: 'url', label: 'Address of the Signal server', initial, check });
  return signalSettings.shape.url.parse(answer);
}

async function askToken(io: LoginIo): Promise<string> {
  const check = (answer: string) => (answer.trim() === '' ? 'It is needed.' : undefined);
  const hint = 'name:password, or a token.';
  return (await io.ask({ key: 'api_token', label: 'Login of the server', hint, secret: true, check })).trim();
}

async function chooseAccount(io: LoginIo, server: Server, clock: Clock): Promise<string> {
  let { accounts } = server.state;
  for (;;) {
    const choice = await io.choose({
      key: 'number',
      label: 'Which Signal account is it?',
      options: [
        ...accounts.map((number) => ({ value: number, label: number })),
        { value: LINK, label: "Link a phone's account", hint: 'By a QR code, like Signal on a computer.' },
        { value: REGISTER, label: 'Register a new number', hint: 'For a number that the agent has alone.' },
      ],
    });
    if (choice === REGISTER) {
      explainRegistration(io, server);
      await io.ask({ key: 'registered', label: 'Press Enter when the number is registered', optional: true });
      accounts = await askServer(server.api, io.signal).then(
        (state) => state.accounts,
        () => accounts,
      );
    } else if (choice === LINK) {
      const linked = await link(io, { ...server, state: { ...server.state, accounts } }, clock);
      if (linked !== undefined) return linked;
      io.say('No phone has scanned the code.');
    } else return choice;
  }
}

/** The number of the account that came; undefined: none did. */
async function link(io: LoginIo, server: Server, clock: Clock): Promise<string | undefined> {
  const before = server.state.accounts;
  const isNew = (number: string) => !before.includes(number);
  const accounts = await linkAccount(
    {
      api: server.api,
      url: server.url,
      clock,
      signal: io.signal,
      show: (step) => step && io.show(step),
      onProblem: () => io.say('The server does not answer just now; it is tried again.'),
    },
    (found) => found.some(isNew),
    { forever: false },
  );
  return accounts?.find(isNew);
}

function explainRegistration(io: LoginIo, { url }: Server): void {
  const post = "curl -X POST -H 'content-type: application/json'";
  io.show({
    kind: 'text',
    caption:
      'Register the number with these commands. When Signal wants a captcha, solve it at https://signalcaptchas.org/registration/generate.html, copy the link of "Open Signal", and put it in the place of CAPTCHA. CODE is what Signal then sends to the number.',
    text: [
      `${post} -d '{"captcha":"CAPTCHA"}' '${url}/v1/register/+NUMBER'`,
      `${post} '${url}/v1/register/+NUMBER/verify/CODE'`,
    ].join('\n'),
  });
}
