// What of the memory fits the words of a turn: found by words, by parts of words and, where there is one, by meaning.
import type { Scope } from '../../data/scope.ts';

/** Search by meaning, where one is set up. */
export interface SemanticPort {
  /**
   * Entries of the scope's space that mean something similar, nearest first; `entry` is the id of the row in decimal. May reject: the
   * search by words counts then.
   */
  nearest(
    scope: Scope,
    text: string,
    limit: number,
    signal: AbortSignal,
  ): Promise<readonly { entry: string; distance: number }[]>;
  /** Entries of the space were added, changed or deleted. Returns at once. */
  changed(scope: Scope): void;
}
