import { defineConfig } from 'vitest/config';
import { LongestFirst } from './tests/run/longest-first.ts';

export default defineConfig({
  test: {
    include: ['tests/**/*.test.ts'],
    globalSetup: 'tests/support/build-once.ts',
    environment: 'node',
    pool: 'forks',
    // On two cores: many tests wait for processes and timers, and others use what they leave.
    maxWorkers: 4,
    sequence: { sequencer: LongestFirst },
    // Loading everything anew for each of some hundred files took as long as their tests. What a test changes of the process, it restores.
    isolate: false,
    unstubEnvs: true,
    unstubGlobals: true,
    // What fails by the moment is told at the end of the run, with its error, and does not hold up the rest.
    retry: 1,
    testTimeout: 40_000,
    hookTimeout: 60_000,
  },
});
