// The login flow of a platform: its own, or one that asks for its secrets and checks them.
import { accountId } from '../shared/ids.ts';
import type { AdapterManifest } from './contract.ts';
import type { LoginIo, LoginResult } from './login.ts';

const ATTEMPTS = 3;

/** Rejects when the person breaks off, or with AppError when it cannot be loaded. */
export async function runLogin(manifest: AdapterManifest, io: LoginIo): Promise<LoginResult> {
  const own = await manifest.login?.();
  return own ? own(io) : askForSecrets(manifest, io);
}

async function askForSecrets(manifest: AdapterManifest, io: LoginIo): Promise<LoginResult> {
  for (let attempt = 1; ; attempt++) {
    const secrets: Record<string, string> = {};
    for (const { key, env, required } of manifest.secrets) {
      const label = `${manifest.title}: ${key.replaceAll('_', ' ')}`;
      const answer = await io.ask({ key, label, hint: `It is kept as ${env}.`, secret: true, optional: !required });
      if (answer.trim() !== '') secrets[key] = answer.trim();
    }
    if (!manifest.verify) return { name: manifest.title, settings: {}, secrets };
    io.say(`Asking ${manifest.title}…`);
    const input = {
      platform: manifest.id,
      account: accountId('default'),
      settings: { ...io.current, ...secrets },
      fetch: io.fetch,
    };
    const checked = await manifest.verify(input, io.signal);
    if (checked.ok) return { name: checked.name, settings: {}, secrets };
    io.say(checked.message);
    if (attempt === ATTEMPTS) {
      const choice = { key: 'again', label: 'What now?', options: AFTER_FAILURE } as const;
      if ((await io.choose(choice)) === 'save') return { name: manifest.title, settings: {}, secrets };
    }
  }
}

const AFTER_FAILURE = [
  { value: 'again', label: 'Try again' },
  { value: 'save', label: 'Save it all the same' },
] as const;
