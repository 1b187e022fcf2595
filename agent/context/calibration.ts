// How far the estimates of tokens.ts are from what providers count, per model: learnt from answered calls, kept in memory. Errs upward:
// an estimate that is too low overruns a window.
import type { TokenUsage } from '../providers/types.ts';

/** Requests that the factor is taken from; the worst of them counts. */
const KEPT = 8;
/** On top of the worst. */
const MARGIN = 1.05;
/** Below, what surrounds a request weighs more than what is in it. */
const MIN_TOKENS = 1_000;
const LEAST = 0.75;
const MOST = 2.5;
/** Figures beyond are no count of the whole prompt: some servers leave out what they had cached. */
const PLAUSIBLE = { least: 0.4, most: 4 };
const MAX_MODELS = 200;

export interface ModelName {
  provider: string;
  model: string;
}

export interface Calibration {
  /** What estimates for this model are multiplied by; 1 as long as nothing is known of it. */
  factorOf(name: ModelName): number;
  /** Whether the factor comes from answered calls. */
  isMeasured(name: ModelName): boolean;
  /** `estimate`: of the whole request, without images. `usage`: what the provider counted for it. */
  note(name: ModelName, estimate: number, usage: Pick<TokenUsage, 'input' | 'cacheRead' | 'cacheWrite'>): void;
}

export function makeCalibration(): Calibration {
  const ratios = new Map<string, readonly number[]>();
  const keyOf = ({ provider, model }: ModelName) => `${provider}/${model}`;
  return {
    factorOf(name) {
      const known = ratios.get(keyOf(name));
      return known ? Math.min(MOST, Math.max(LEAST, Math.max(...known) * MARGIN)) : 1;
    },
    isMeasured: (name) => ratios.has(keyOf(name)),
    note(name, estimate, usage) {
      const ratio = (usage.input + usage.cacheRead + usage.cacheWrite) / Math.max(1, estimate);
      if (estimate < MIN_TOKENS || ratio < PLAUSIBLE.least || ratio > PLAUSIBLE.most) return;
      const key = keyOf(name);
      const before = ratios.get(key) ?? [];
      ratios.delete(key);
      ratios.set(key, [...before, ratio].slice(-KEPT));
      for (const oldest of ratios.keys()) {
        if (ratios.size <= MAX_MODELS) break;
        ratios.delete(oldest);
      }
    },
  };
}
