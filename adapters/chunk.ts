// Cuts markdown to a platform's limit: between blocks if it can, else inside one (chunk-split.ts), never inside markup.
import { addSizes, largest, NO_SIZE, sizeWithin, type Size, type TextLimit } from './chunk-measure.ts';
import { dissolve, splitBlock } from './chunk-split.ts';
import { parseMarkdown, serializeMarkdown, type Block } from './markdown.ts';

/** Below this no fence with its language, and hardly a link, fits into a part. */
const MIN_MAX = 64;
/** The blank line between two blocks, in any unit. */
const JOIN = 2;

/**
 * Parts of `markdown`, each of which takes at most `limit.max` of `limit.unit` as markdown and as plain text. Every part is complete
 * markdown: fences are closed and opened again with their language, a continued table repeats its header, a list its numbering.
 * Nothing but white space is lost. Blank input gives no part. Takes linear time. Throws RangeError when `limit.max` is below 64.
 */
export function chunkMarkdown(markdown: string, limit: TextLimit): string[] {
  if (!(limit.max >= MIN_MAX)) throw new RangeError(`The limit must be at least ${MIN_MAX}, not ${limit.max}.`);
  return packBlocks(parseMarkdown(markdown), limit).map(serializeMarkdown);
}

function packBlocks(blocks: readonly Block[], limit: TextLimit): readonly (readonly Block[])[] {
  const parts: (readonly Block[])[] = [];
  const queue = new BlockQueue(blocks);
  let part: Block[] = [];
  let used: Size = NO_SIZE;

  const add = (block: Block, size: Size) => {
    part.push(block);
    used = addSizes(used, size, JOIN);
  };
  /** Ends the part. A heading goes with what it heads. */
  const flush = () => {
    const isBody = (block: Block) => block.type !== 'heading';
    const end = part.findLastIndex(isBody) + 1 || part.length;
    parts.push(part.slice(0, end));
    queue.unshift(part.slice(end));
    part = [];
    used = NO_SIZE;
  };

  for (let block = queue.shift(); block; block = queue.shift()) {
    const size = sizeWithin(block, limit);
    if (size && largest(addSizes(used, size, JOIN)) <= limit.max) {
      add(block, size);
      continue;
    }
    const room = limit.max - (part.length > 0 ? largest(used) + JOIN : 0);
    const isUnderHeading = part.length > 0 && part.every((other) => other.type === 'heading');
    const mayCut = part.length === 0 || isUnderHeading || (!size && room > limit.max / 4);
    const split = mayCut ? splitBlock(block, room, limit) : undefined;
    const headSize = split && sizeWithin(split.head, { ...limit, max: room });
    if (split && headSize) {
      queue.unshift(split.rest);
      add(split.head, headSize);
      flush();
    } else if (part.length > 0) {
      queue.unshift([block]);
      flush();
    } else queue.unshift(dissolve(block));
  }
  if (part.length > 0) parts.push(part);
  return parts;
}

/** A queue whose front can be put back, without copying what is behind it. */
class BlockQueue {
  readonly #behind: readonly Block[];
  #at = 0;
  #front: Block[] = [];

  constructor(blocks: readonly Block[]) {
    this.#behind = blocks;
  }

  shift(): Block | undefined {
    return this.#front.pop() ?? this.#behind[this.#at++];
  }

  unshift(blocks: readonly Block[]): void {
    for (const block of blocks.toReversed()) this.#front.push(block);
  }
}
