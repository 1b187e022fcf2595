// Model names as people type them: listing, checking, suggesting.
import { AppError } from '../shared/errors.ts';
import type { Logger } from '../shared/log.ts';
import { untilAborted } from './abort.ts';
import type { AgentPort, ModelInfo } from './port.ts';
import { DEMO_PROVIDER } from './providers/demo.ts';
import type { ChainLink } from './providers/fallback.ts';
import type { AgentSettings } from './settings.ts';

/** A list for a chat stays readable; the rest can be typed. */
const MAX_LISTED = 200;
const MAX_SUGGESTIONS = 5;

export function makeModelList(
  settings: () => AgentSettings,
  log: Logger,
): Pick<AgentPort, 'models' | 'resolveModel' | 'describeModel'> {
  /** What providers said that they have, since the start; empty answers are not kept. */
  const offers = new Map<string, readonly string[]>();

  async function offersOf(link: ChainLink, signal: AbortSignal): Promise<readonly string[]> {
    try {
      const listed = await untilAborted(link.provider.listModels(signal), signal);
      if (listed.length > 0) offers.set(link.provider.id, listed);
      return listed;
    } catch (error) {
      if (signal.aborted) throw error;
      log.warn({ provider: link.provider.id, err: error }, 'models could not be listed');
      return [];
    }
  }

  return {
    async models(signal) {
      const { chain } = settings().models;
      const first = chain[0];
      const providers = [...new Map(chain.map((link) => [link.provider.id, link])).values()];
      const listed = await Promise.all(providers.map((link) => offersOf(link, signal)));
      const names = [
        ...chain.map(nameOf),
        ...providers.flatMap((link, index) => (listed[index] ?? []).map((model) => `${link.provider.id}/${model}`)),
      ];
      return [...new Set(names)].slice(0, MAX_LISTED).map((name): ModelInfo => ({
        name,
        provider: name.slice(0, name.indexOf('/')),
        current: first !== undefined && name === nameOf(first),
      }));
    },
    resolveModel(name) {
      const { models, chooseModel } = settings();
      const wanted = name.trim();
      const [link] = wanted === '' ? [] : chooseModel(wanted);
      if (!link) throw unknownModel(wanted, models.chain.map(nameOf));
      const { id } = link.provider;
      const configured = models.chain.filter((other) => other.provider.id === id).map((other) => other.model);
      const offered = offers.get(id);
      const known = [...configured, ...(offered ?? [])];
      const exact = known.find((model) => model.toLowerCase() === link.model.toLowerCase());
      if (exact !== undefined) return `${id}/${exact}`;
      // Without the provider's list there is nothing to check against; the first call will tell.
      if (id !== DEMO_PROVIDER && offered === undefined) return `${id}/${link.model}`;
      throw unknownModel(
        wanted,
        nearest(link.model, known).map((model) => `${id}/${model}`),
      );
    },
    describeModel() {
      const { chain, demo } = settings().models;
      return { name: chain[0]?.model ?? 'none', provider: chain[0]?.provider.id ?? 'none', demo };
    },
  };
}

function nameOf(link: ChainLink): string {
  return `${link.provider.id}/${link.model}`;
}

function unknownModel(name: string, suggestions: readonly string[]): AppError {
  const hint = suggestions.length === 0 ? '' : ` Perhaps: ${suggestions.map((model) => `\`${model}\``).join(', ')}.`;
  return new AppError(
    'not_found',
    `There is no model "${name.slice(0, 100)}".${hint} Write \`model\` or \`provider/model\`; a provider needs a key first (\`herald setup\`).`,
  );
}

/** Names that share most with `wanted`, best first. */
function nearest(wanted: string, known: readonly string[]): readonly string[] {
  const pairs = pairsOf(wanted);
  return [...new Set(known)]
    .map((name) => ({ name, score: similarity(pairs, pairsOf(name)) }))
    .sort((a, b) => b.score - a.score)
    .slice(0, MAX_SUGGESTIONS)
    .map(({ name }) => name);
}

function pairsOf(name: string): ReadonlySet<string> {
  const text = ` ${name.toLowerCase()} `;
  return new Set(Array.from({ length: text.length - 1 }, (_, index) => text.slice(index, index + 2)));
}

/** Dice coefficient of letter pairs, 0 to 1. */
function similarity(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  const shared = [...a].filter((pair) => b.has(pair)).length;
  return (2 * shared) / Math.max(1, a.size + b.size);
}
