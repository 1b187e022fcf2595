// Setting SMS up: the account, one of its numbers, and how messages come in.
import { AppError } from '../../shared/errors.ts';
import type { LoginIo, LoginResult } from '../login.ts';
import { listNumbers, readAccount, setWebhook, type OwnNumber } from './account.ts';
import { makeTwilioApi, type TwilioApi } from './api.ts';
import { ApiError } from './errors.ts';
import { DEFAULT_API_ROOT, smsSettings } from './settings.ts';

const CONSOLE = 'https://console.twilio.com/';

interface Login {
  account_sid: string;
  auth_token: string;
  api: TwilioApi;
}

export async function loginToSms(io: LoginIo): Promise<LoginResult> {
  io.say(
    `You need an account at Twilio with a phone number that can do SMS: ${CONSOLE}. Each message costs money. The sender of an SMS can be forged, so give people on SMS no more rights than they need.`,
  );
  const login = await askLogin(io);
  const number = await chooseNumber(io, login.api);
  const publicUrl = await askPublicUrl(io);
  if (publicUrl !== undefined) await connect(io, login.api, number, publicUrl);
  return {
    name: number.phone_number,
    settings: {
      account_sid: login.account_sid,
      from: number.phone_number,
      ...(publicUrl !== undefined && { public_url: publicUrl }),
    },
    secrets: { auth_token: login.auth_token },
  };
}

async function askLogin(io: LoginIo): Promise<Login> {
  const { account_sid: sid, auth_token: token } = smsSettings.shape;
  const hint = `On the start page of ${CONSOLE}, under Account Info.`;
  for (;;) {
    const account_sid = sid.parse(
      await io.ask({
        key: 'account_sid',
        label: 'Account SID',
        hint,
        check: (answer) => (sid.safeParse(answer).success ? undefined : 'It is AC and 32 hexadecimal digits.'),
      }),
    );
    const auth_token = token.parse(
      await io.ask({
        key: 'auth_token',
        label: 'Auth Token',
        hint,
        secret: true,
        check: (answer) => (token.safeParse(answer).success ? undefined : 'It is too short.'),
      }),
    );
    const api = makeTwilioApi({ account_sid, auth_token, api_root: DEFAULT_API_ROOT }, io.fetch);
    try {
      const { name, isActive } = await readAccount(api, io.signal);
      if (isActive) return { account_sid, auth_token, api };
      io.say(`The account ${name} is suspended or closed.`);
    } catch (error) {
      if (io.signal.aborted) throw new AppError('cancelled', 'Stopped.');
      const isRefused = error instanceof ApiError && (error.status === 401 || error.status === 403);
      io.say(isRefused ? 'Twilio does not know this login.' : 'Twilio could not be asked; check the network.');
    }
  }
}

async function chooseNumber(io: LoginIo, api: TwilioApi): Promise<OwnNumber> {
  for (;;) {
    const numbers = await listNumbers(api, io.signal);
    const choice = await io.choose({
      key: 'from',
      label: 'Which number do people write to?',
      options: [
        ...numbers.map((number) => ({
          value: number.phone_number,
          label: number.phone_number,
          hint: number.friendly_name ?? undefined,
        })),
        { value: '', label: 'Look again', hint: `Buy a number first: ${CONSOLE}` },
      ],
    });
    const chosen = numbers.find((number) => number.phone_number === choice);
    if (chosen) return chosen;
  }
}

async function askPublicUrl(io: LoginIo): Promise<string | undefined> {
  const { public_url: schema } = smsSettings.shape;
  const answer = await io.ask({
    key: 'public_url',
    label: 'Public address of this gateway for Twilio',
    hint: 'https://<your host>/sms/default/. Leave it empty when nobody can reach this machine from outside: then Twilio is asked every ten seconds.',
    optional: true,
    check: (text) =>
      text.trim() === '' || schema.safeParse(text.trim()).success
        ? undefined
        : 'This is no address like https://herald.example/sms/default/.',
  });
  return answer.trim() === '' ? undefined : schema.parse(answer.trim());
}

async function connect(io: LoginIo, api: TwilioApi, number: OwnNumber, url: string): Promise<void> {
  const before = number.sms_url ? ` instead of ${number.sms_url}` : '';
  const choice = await io.choose({
    key: 'connect',
    label: `Let Twilio call ${url} for messages to ${number.phone_number}${before}?`,
    options: [
      { value: 'yes', label: 'Yes, set it now' },
      { value: 'no', label: 'No, I set it in the console' },
    ],
  });
  if (choice !== 'yes') return;
  try {
    await setWebhook(api, number, url, io.signal);
    io.say('Twilio calls this address from now on.');
  } catch {
    io.say(`That did not work. Set it in the Twilio console as the webhook for incoming messages, with POST: ${url}`);
  }
}
