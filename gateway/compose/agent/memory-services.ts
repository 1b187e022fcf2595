// Search by meaning and memory services, made as the configuration says. What cannot be set up is left out and told: a turn does not need it.
// Loaded when there is anything to set up.
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import type { KnowledgeSource } from '../../../agent/knowledge.ts';
import { makeEmbeddingClient } from '../../../agent/memory/embeddings/client.ts';
import { makeEmbedder } from '../../../agent/memory/embeddings/embedder.ts';
import { makeSemanticIndex, type SemanticIndex } from '../../../agent/memory/embeddings/semantic-index.ts';
import { keyNameOf, makeProvider } from '../../../agent/memory/providers/catalog.ts';
import { makeService } from '../../../agent/memory/providers/http.ts';
import type { MemoryProvider } from '../../../agent/memory/providers/provider.ts';
import { makePseudonyms } from '../../../agent/memory/providers/pseudonyms.ts';
import {
  makeProviderSource,
  type ConfiguredProvider,
  type ProviderSource,
} from '../../../agent/memory/providers/source.ts';
import type { OutsideMemory } from '../../../agent/memory/outside.ts';
import type { SemanticPort } from '../../../agent/memory/recall.ts';
import { findPreset } from '../../../agent/providers/presets.ts';
import type { AgentSettings } from '../../../agent/settings.ts';
import type { LoadedConfig } from '../../../config/load.ts';
import type { ProcessDb } from '../../../data/db.ts';
import { ensureDir, writeFileAtomic } from '../../../data/files.ts';
import {
  endForgetting,
  listDueForgettings,
  nextForgettingAt,
  postponeForgetting,
} from '../../../data/process/work/forgettings.ts';
import type { Scope } from '../../../data/scope.ts';
import type { Clock } from '../../../shared/clock.ts';
import { withDeadline } from '../../../shared/deadline.ts';
import { AppError, asAppError } from '../../../shared/errors.ts';
import type { Logger } from '../../../shared/log.ts';
import { makeRedactor, type Redactor } from '../../../shared/redact.ts';
import { z } from 'zod';

const SALT_FILE = path.join('keys', 'memory-salt');
const CHECK_MS = 10_000;

export interface MemoryServicesInput {
  db: ProcessDb;
  clock: Clock;
  log: Logger;
  redactor: Redactor;
  loaded: LoadedConfig;
  settings(): Pick<AgentSettings, 'caps' | 'prices' | 'timezone'>;
  fetch?: typeof fetch;
  /** Tells a person of the scope once per key. */
  tell(scope: Scope, message: { text: string; key: string }): Promise<void>;
}

export interface MemoryServices {
  /** All services together; knows nothing while none is set up. */
  source: KnowledgeSource;
  /** Finds nothing while it is not set up. */
  semantic: SemanticPort;
  /** Undefined while no service is set up. */
  outside(): OutsideMemory | undefined;
  /** Takes over another configuration; the old connections end in the background. */
  reload(next: LoadedConfig): void;
}

type Parts = Omit<MemoryServicesInput, 'loaded'> & { fetch: typeof fetch };

export function openMemoryServices({ loaded, ...input }: MemoryServicesInput): MemoryServices {
  const parts: Parts = { fetch, ...input };
  const { log } = parts;
  let services = openServices(parts, loaded);
  let index = openIndex(parts, loaded);
  return {
    source: {
      name: 'memory services',
      open: (task) => services?.open(task) ?? { note() {}, sections: async () => [] },
      ended: async (turn) => services?.ended(turn),
      left: async (at) => services?.left(at),
      close: async () => {
        await Promise.all([services?.close(), index?.close()]);
      },
    },
    semantic: {
      nearest: async (...question) => index?.nearest(...question) ?? [],
      changed: (scope) => index?.changed(scope),
    },
    outside: () => services?.outside,
    reload(next) {
      const old = [services, index];
      services = openServices(parts, next);
      index = openIndex(parts, next);
      for (const one of old)
        one?.close().catch((error: unknown) => log.warn({ err: error }, 'a memory service did not close'));
    },
  };
}

function openServices(parts: Parts, loaded: LoadedConfig): ProviderSource | undefined {
  const providers = loaded.config.memory.providers.flatMap((settings): ConfiguredProvider[] => {
    if (!settings.enabled) return [];
    try {
      // A name of the owner's choice need not look like that of a secret.
      const key = loaded.lookup(keyNameOf(settings));
      if (key !== undefined) parts.redactor.add(key);
      return [{ settings, provider: providerOf(parts, loaded, settings) }];
    } catch (error) {
      parts.log.warn({ err: error, service: settings.name }, asAppError(error).publicMessage);
      return [];
    }
  });
  if (providers.length === 0) return undefined;
  const { db } = parts;
  return makeProviderSource({
    ...parts,
    providers,
    pseudonyms: makePseudonyms(readSalt(loaded.home)),
    random: Math.random,
    redact: (text) => parts.redactor.redact(text),
    forgettings: {
      due: (limit) => listDueForgettings(db, limit),
      nextAt: () => nextForgettingAt(db),
      postpone: (id, dueAt) => postponeForgetting(db, id, dueAt),
      end: (id) => endForgetting(db, id),
    },
  });
}

function providerOf(
  { clock, redactor, fetch }: Pick<Parts, 'clock' | 'redactor' | 'fetch'>,
  loaded: LoadedConfig,
  settings: ConfiguredProvider['settings'] & LoadedConfig['config']['memory']['providers'][number],
): MemoryProvider {
  return makeProvider({
    settings,
    lookup: (name) => loaded.lookup(name),
    fetch,
    clock,
    redact: (text) => redactor.redact(text),
    program: {
      dir: path.join(loaded.home, 'byterover'),
      env: { PATH: loaded.lookup('PATH') ?? '', HOME: loaded.lookup('HOME') ?? loaded.home },
    },
  });
}

/** Where texts are turned into vectors. Throws AppError `config_invalid` when address or key are missing. */
function embeddingService(loaded: LoadedConfig): { provider: string; baseUrl: string; key: string } {
  const { embeddings } = loaded.config.memory;
  const provider = embeddings.provider ?? (embeddings.base_url === undefined ? 'openai' : 'custom');
  const own = loaded.config.providers[provider];
  const preset = findPreset(provider);
  const baseUrl = embeddings.base_url ?? own?.base_url ?? preset?.baseUrl ?? '';
  if (baseUrl === '')
    throw new AppError(
      'config_invalid',
      `The search by meaning has no address: set memory.embeddings.base_url, or a provider that has one.`,
    );
  const names = embeddings.key_env === undefined ? (own?.key_env ?? preset?.keyEnv ?? []) : [embeddings.key_env];
  const key = names.map((name) => loaded.lookup(name)?.split(',')[0]?.trim() ?? '').find((one) => one !== '') ?? '';
  if (key === '' && names.length > 0 && embeddings.base_url === undefined && own?.base_url === undefined)
    throw new AppError('config_invalid', `The search by meaning needs a key: put ${names[0] ?? 'one'} into .env.`);
  return { provider, baseUrl, key };
}

function openIndex(parts: Parts, loaded: LoadedConfig): SemanticIndex | undefined {
  const { embeddings } = loaded.config.memory;
  if (!embeddings.enabled) return undefined;
  try {
    const { provider, baseUrl, key } = embeddingService(loaded);
    const { model, dimensions, usd_per_million: price } = embeddings;
    if (key !== '') parts.redactor.add(key);
    const redact = (text: string) => parts.redactor.redact(text);
    const embedder = makeEmbedder({
      ...parts,
      client: makeEmbeddingClient({ ...parts, baseUrl, key, model, dimensions, redact }),
      provider,
      model,
      dimensions,
      settings() {
        const settings = parts.settings();
        if (price === undefined) return settings;
        return { ...settings, prices: { ...settings.prices, [`${provider}/${model}`]: { input: price, output: 0 } } };
      },
    });
    const queryTimeoutMs = embeddings.query_timeout_ms;
    return makeSemanticIndex({ ...parts, embedder, redact, queryTimeoutMs, random: Math.random });
  } catch (error) {
    parts.log.warn({ err: error }, asAppError(error).publicMessage);
    return undefined;
  }
}

/** The secret behind the names that services know people by; with another one they know nobody again. */
function readSalt(home: string): string {
  const file = path.join(home, SALT_FILE);
  if (fs.existsSync(file)) {
    const salt = fs.readFileSync(file, 'utf8').trim();
    if (/^[0-9a-f]{64}$/.test(salt)) return salt;
    throw new AppError(
      'config_unreadable',
      `${file} is not what Herald wrote. Put it back from a backup; without it, delete it, and the memory services begin anew.`,
    );
  }
  ensureDir(path.dirname(file));
  const salt = randomBytes(32).toString('hex');
  writeFileAtomic(file, `${salt}\n`);
  return salt;
}

export interface ServiceFinding {
  name: string;
  ok: boolean;
  detail: string;
}

/** Whether what is set up answers; for `herald doctor`. Never rejects. */
export async function checkMemoryServices(
  loaded: LoadedConfig,
  clock: Clock,
  fetchFrom: typeof fetch = fetch,
): Promise<readonly ServiceFinding[]> {
  const redactor = makeRedactor(loaded.secrets);
  const { providers, embeddings } = loaded.config.memory;
  const tried = async (name: string, ask: (signal: AbortSignal) => Promise<unknown>): Promise<ServiceFinding> => {
    try {
      await withDeadline({ clock, timeoutMs: CHECK_MS }, ask);
      return { name, ok: true, detail: 'answers' };
    } catch (error) {
      const { code, publicMessage } = asAppError(error);
      return { name, ok: false, detail: code === 'cancelled' ? 'does not answer in time' : publicMessage };
    }
  };
  const asked = providers
    .filter(({ enabled }) => enabled)
    .map((settings) =>
      tried(settings.name, async (signal) => {
        const provider = providerOf({ clock, redactor, fetch: fetchFrom }, loaded, settings);
        await (provider.check?.(signal) ??
          provider.recall({ subject: 'herald-check', text: 'hello', limit: 1, signal }));
      }),
    );
  // A list of models costs nothing, and shows address and key.
  const askModels = async (signal: AbortSignal) => {
    const { baseUrl, key } = embeddingService(loaded);
    const headers: Record<string, string> = key === '' ? {} : { authorization: `Bearer ${key}` };
    const redact = (text: string) => redactor.redact(text);
    const service = makeService({ title: 'The embedding model', baseUrl, headers, fetch: fetchFrom, clock, redact });
    await service.ask({ method: 'GET', path: '/models', shape: z.unknown(), signal });
  };
  return Promise.all([...asked, ...(embeddings.enabled ? [tried('embeddings', askModels)] : [])]);
}
