// Search by meaning and memory services, as the configuration says; loaded when one is set up.
import type { OutsideMemory } from '../../agent/memory/outside.ts';
import type { LoadedConfig } from '../../config/load.ts';
import type { MemoryServices, MemoryServicesInput, ServiceFinding } from './agent/memory-services.ts';
import type { Clock } from '../../shared/clock.ts';

interface LazyMemoryServices extends Pick<MemoryServices, 'source' | 'semantic'> {
  /** Services that are set up; undefined: none is. Rejects as `ready` does. */
  outside(): Promise<OutsideMemory | undefined>;
  /** Resolves when what is set up is there. Rejects with AppError when it cannot be used. */
  ready: Promise<unknown>;
  /** As MemoryServices has it. Rejects with AppError; the old ones then stay. */
  reload(next: LoadedConfig): Promise<void>;
}

/** Knows and finds nothing while nothing is set up. */
export function openMemoryServices(input: MemoryServicesInput): LazyMemoryServices {
  let opened = isSet(input.loaded) ? open(input) : undefined;
  const ready = opened ?? Promise.resolve();
  ready.catch(() => undefined);

  return {
    ready,
    source: {
      name: 'memory services',
      open(task) {
        const turn = opened?.then(({ source }) => source.open?.(task));
        // Said by `sections`, which whoever opens it asks for.
        turn?.catch(() => undefined);
        return {
          note: (text) => void turn?.then((known) => known?.note(text)).catch(() => undefined),
          sections: async () => (await (await turn)?.sections()) ?? [],
        };
      },
      ended: async (turn) => (await opened)?.source.ended?.(turn),
      left: async (at) => (await opened)?.source.left?.(at),
      close: async () => (await opened)?.source.close?.(),
    },
    semantic: {
      nearest: async (...question) => (await opened)?.semantic.nearest(...question) ?? [],
      changed: (scope) => void opened?.then(({ semantic }) => semantic.changed(scope)).catch(() => undefined),
    },
    outside: async () => (await opened)?.outside(),
    async reload(next) {
      if (opened) return (await opened).reload(next);
      if (!isSet(next)) return;
      const first = open({ ...input, loaded: next });
      await first;
      opened = first;
    },
  };
}

/** Whether what is set up answers; for `herald doctor`. Never rejects. */
export async function checkMemoryServices(
  loaded: LoadedConfig,
  clock: Clock,
  fetchFrom: typeof fetch = fetch,
): Promise<readonly ServiceFinding[]> {
  if (!isSet(loaded)) return [];
  const services = await import('./agent/memory-services.ts');
  return services.checkMemoryServices(loaded, clock, fetchFrom);
}

async function open(input: MemoryServicesInput): Promise<MemoryServices> {
  const services = await import('./agent/memory-services.ts');
  return services.openMemoryServices(input);
}

function isSet({ config }: LoadedConfig): boolean {
  return config.memory.embeddings.enabled || config.memory.providers.some(({ enabled }) => enabled);
}
