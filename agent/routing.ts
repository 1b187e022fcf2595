// Which models a call goes to: the chosen ones, cheap ones for what is not said to a person, others for images.
import type { ChainLink } from './providers/fallback.ts';
import type { ModelMessage } from './providers/types.ts';
import { limitsOf, type AgentSettings } from './settings.ts';

/** For summaries, titles, rules and judgements: the models meant for it, then those that answer. */
export function auxiliaryChain({ models }: Pick<AgentSettings, 'models'>): readonly ChainLink[] {
  return uniqueLinks([...(models.auxiliary ?? []), ...models.chain]);
}

/** A short question, in UTF-16 units. */
const SMALL_CHARS = 200;
/** What a model that has not cached it reads for a short answer. */
const SMALL_HISTORY_TOKENS = 4_000;

export interface TurnSize {
  /** Of all that the person said. */
  chars: number;
  files: number;
  /** Of the conversation before it. */
  historyTokens: number;
  /** The person chose the model, or it is the work of a worker. */
  isFixed: boolean;
}

/**
 * The chain for a turn before it has called a tool: the small models first where the question and the conversation are short. Where a tool
 * is called, more may be wanted than it seemed, and `chain` goes on.
 */
export function openingChain(
  { models }: Pick<AgentSettings, 'models'>,
  chain: readonly ChainLink[],
  size: TurnSize,
): readonly ChainLink[] {
  const isSmall =
    !size.isFixed && size.files === 0 && size.chars <= SMALL_CHARS && size.historyTokens <= SMALL_HISTORY_TOKENS;
  return isSmall ? uniqueLinks([...(models.small ?? []), ...chain]) : chain;
}

export interface Route {
  chain: readonly ChainLink[];
  messages: readonly ModelMessage[];
}

/**
 * Where a request with these messages goes. With images and a first model that cannot see: the models for images, then those of the chain
 * that can; when there is none, the chain gets words in place of the images.
 */
export function routeMessages(
  settings: AgentSettings,
  chain: readonly ChainLink[],
  messages: readonly ModelMessage[],
): Route {
  const [first] = chain;
  if (!first || canSee(settings, first) || !messages.some(hasImage)) return { chain, messages };
  const seeing = uniqueLinks([...(settings.models.vision ?? []), ...chain.filter((link) => canSee(settings, link))]);
  return seeing.length > 0 ? { chain: seeing, messages } : { chain, messages: messages.map(withoutImages) };
}

function canSee(settings: AgentSettings, link: ChainLink): boolean {
  return limitsOf(settings, link).vision !== false;
}

export function hasImage(message: ModelMessage): boolean {
  return message.role === 'user' && message.content.some((part) => part.type === 'image');
}

function withoutImages(message: ModelMessage): ModelMessage {
  if (message.role !== 'user' || !hasImage(message)) return message;
  const note = '[an image, which the model in use cannot see]';
  return {
    ...message,
    content: message.content.map((part) => (part.type === 'image' ? { type: 'text', text: note } : part)),
  };
}

function uniqueLinks(links: readonly ChainLink[]): readonly ChainLink[] {
  return links.filter(
    (link, index) =>
      links.findIndex((other) => other.provider.id === link.provider.id && other.model === link.model) === index,
  );
}
