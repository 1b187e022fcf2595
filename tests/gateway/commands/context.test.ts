// /context and the focus of /compress, as people see them.
import { beforeEach, expect, test } from 'vitest';
import type { Person } from '../../../data/process/people.ts';
import { dm, openBench, type Bench } from './command-bench.ts';

let bench: Bench;
let ada: Person;
beforeEach(async () => {
  bench = await openBench();
  ada = await bench.person('ada', 'owner');
});

test('/context shows a bar for each part, what is free, and each model', async () => {
  const { text } = await bench.run(ada, dm(ada), '/context');
  expect(text).toBe(
    [
      '```',
      'system          █···················    1.2k  1.2 %',
      'history         █████···············   24.0k  24 %',
      'answer          ██··················    8.0k  8.0 %',
      'free            █████████████·······   66.8k  67 %',
      '```',
      '- `test/large`: 25.2k of 100.0k tokens (25 %, counted)',
      '- `test/small`: 21.0k of 50.0k tokens (42 %, estimated)',
      '',
      'I shorten the history myself when it takes more than 50.0k tokens; `/compress` does it now. 3 older messages do not fit and are found by search only.',
    ].join('\n'),
  );
});

test('/compress takes what is to be kept in most detail', async () => {
  const { text } = await bench.run(ada, dm(ada), '/compress the *budget*');
  expect(bench.agent.compressed.map(({ focus }) => focus)).toEqual(['the *budget*']);
  expect(text).toContain('with most detail on “the \\*budget\\*”');
});
