// The order of test files where nothing is known of earlier runs: those that take longest begin first, so that none is left alone at the end.
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** In order. By their size alone, which is what vitest goes by, the suites that many files share would come last. */
const LONG: readonly RegExp[] = [
  /\/tests\/(?:crash|continuity)\//,
  /\/tests\/e2e\/(?:voice|browser-chat)/,
  /\/tests\/agent\/terminal\//,
  /\/tests\/(?:e2e|learning|agent\/tools\/browser|agent\/corpus)\//,
  /contract/,
];

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return sorted.toSorted((a, b) => rank(a) - rank(b));
  }
}

function rank({ moduleId }: TestSpecification): number {
  const at = LONG.findIndex((pattern) => pattern.test(moduleId));
  return at === -1 ? LONG.length : at;
}
