// Walks a person through the set-up: where Home Assistant is, a token, a check of both, and where answers are shown. Loads no SDK.
import { z } from 'zod';
import { AppError } from '../../../shared/errors.ts';
import type { LoginIo, LoginResult } from '../../login.ts';
import { homeAssistantSettings } from '../settings.ts';
import { parseJson } from '../../transport/bodies.ts';
import { checkHome, type HomeAddress } from './verify.ts';

const MAX_TRIES = 10;
/** Value of the choice for Home Assistant's own notifications; no notify action has it. */
const OWN = 'persistent_notification';

/** Rejects with AppError: `cancelled` when the person breaks off, `platform_auth` or `platform_unreachable` after ten tries. */
export async function login(io: LoginIo): Promise<LoginResult> {
  let url = 'http://homeassistant.local:8123';
  for (let attempt = 1; attempt <= MAX_TRIES; attempt++) {
    const at = await askAddress(io, url);
    url = at.url;
    const check = await checkHome(at, { fetch: io.fetch, signal: io.signal, needsAdmin: true });
    if (check.ok) {
      io.say(`Found ${check.name}.`);
      const notify = await askNotify(io, at);
      return {
        name: check.name,
        settings: { url, ...(notify && { notify: { default: notify } }) },
        secrets: { token: at.token },
      };
    }
    io.say(check.message);
  }
  throw new AppError(
    'platform_unreachable',
    'Home Assistant could not be set up. Check its address and token, then try again.',
  );
}

async function askAddress(io: LoginIo, initial: string): Promise<HomeAddress> {
  const answer = await io.ask({
    key: 'url',
    label: 'Address of Home Assistant',
    hint: 'As you open it in the browser, with port. http://homeassistant.local:8123 works in most homes.',
    initial,
    check: (text) => problemOf('url', text),
  });
  const url = homeAssistantSettings.shape.url.parse(answer.trim());
  io.show({
    kind: 'url',
    url: `${url}/profile/security`,
    caption:
      'Best make a user of its own for Herald first (Settings → People → Users, administrator: yes) and log in as it. Then open its profile, Security, and create a long-lived access token at the bottom of the page. It is shown once.',
  });
  const token = await io.ask({
    key: 'token',
    label: 'Long-lived access token',
    secret: true,
    check: (text) => problemOf('token', text),
  });
  return { url, token: token.trim() };
}

function problemOf(key: 'url' | 'token', text: string): string | undefined {
  const parsed = homeAssistantSettings.shape[key].safeParse(text.trim());
  return parsed.success ? undefined : `It ${parsed.error.issues[0]?.message ?? 'is not right'}.`;
}

const servicesSchema = z.array(z.looseObject({ domain: z.string(), services: z.record(z.string(), z.unknown()) }));

/** Offers the phones that Home Assistant knows. Undefined: its own notifications. */
async function askNotify(io: LoginIo, at: HomeAddress): Promise<string | undefined> {
  const phones = await listPhones(io, at).catch(() => []);
  if (phones.length === 0) return undefined;
  const chosen = await io.choose({
    key: 'notify',
    label: 'Where are answers shown?',
    options: [
      { value: OWN, label: 'In Home Assistant', hint: 'All users of your home can read them there.' },
      ...phones.map((service) => ({
        value: `notify.${service}`,
        label: `On the phone ${service.slice('mobile_app_'.length).replaceAll('_', ' ')}`,
        hint: 'Only on that device, with buttons and replies. More people: see `notify` in the settings.',
      })),
    ],
  });
  return chosen === OWN ? undefined : chosen;
}

async function listPhones(io: LoginIo, { url, token }: HomeAddress): Promise<readonly string[]> {
  const response = await io.fetch(`${url}/api/services`, {
    headers: { authorization: `Bearer ${token}` },
    redirect: 'error',
    signal: io.signal,
  });
  const parsed = servicesSchema.safeParse(parseJson(await response.text()));
  const notify = parsed.success ? parsed.data.find((one) => one.domain === 'notify') : undefined;
  return Object.keys(notify?.services ?? {}).filter((name) => /^mobile_app_[a-z0-9_]+$/.test(name));
}
