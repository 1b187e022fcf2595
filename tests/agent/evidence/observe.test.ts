// What a turn says of itself: words that judge, checks that were run, refusals that are ours.
import { describe, expect, test } from 'vitest';
import {
  areChecksPassed,
  checksOf,
  countRefusals,
  observeTurn,
  type ObservedTurn,
} from '../../../agent/evidence/observe.ts';
import { saysRight, saysWrong } from '../../../agent/evidence/signals.ts';

describe('what the next words say', () => {
  test.each([
    ['No, I meant March', 'wrong'],
    ["That's not what I asked for", 'wrong'],
    ['That is wrong', 'wrong'],
    ['you forgot the total', 'wrong'],
    ["it doesn't work", 'wrong'],
    ['Nein, das ist der falsche Monat', 'wrong'],
    ['错了', 'wrong'],
    ['Perfect, thanks!', 'right'],
    ['thank you', 'right'],
    ['Yes, that works', 'right'],
    ['Danke!', 'right'],
    ['No problem, now do April', ''],
    ['no thanks', ''],
    ['right now I need another one', ''],
    ['Great barrier reef: how deep is it?', ''],
    ['And for April?', ''],
    ['Nothing else', ''],
  ])('%s: %s', (text, expected) => {
    expect(saysWrong(text) ? 'wrong' : saysRight(text) ? 'right' : '').toBe(expected);
  });
});

function turnWith(...calls: ObservedTurn['calls']): ObservedTurn {
  return { request: '', asked: [], calls, steps: 1, toolErrors: 0, answer: '', isCorrected: false };
}
const ran = (command: string, text = 'ok', isError = false) => ({
  name: 'terminal',
  arguments: { command },
  result: { text, isError, isForeign: false },
});

test('checks are the code of the section "Verification", and no other code', () => {
  const body =
    '# X\n\nRun `build all`.\n\n## Verification\n\nRun `npm test` and:\n\n```sh\n# all of it\nmake  check\n```\n\n## More\n\n`rm -r out`';
  expect(checksOf(body)).toEqual(['npm test', 'make check']);
  expect(checksOf('# X\n\nRun `build all`.')).toEqual([]);
});

test('a check has passed when its last run worked, after the skill was read', () => {
  const checks = ['npm test'];
  expect(areChecksPassed(turnWith(ran('npm run build')), checks, -1)).toBe(false);
  expect(areChecksPassed(turnWith(ran('cd x && npm test')), checks, -1)).toBe(true);
  expect(areChecksPassed(turnWith(ran('npm test')), checks, 0)).toBe(false);
  expect(areChecksPassed(turnWith(ran('npm test', 'x\n[exit status 1]'), ran('npm test')), checks, -1)).toBe(true);
  expect(areChecksPassed(turnWith(ran('npm test'), ran('npm test', 'x\n[exit status 1]')), checks, -1)).toBe(false);
  expect(areChecksPassed(turnWith(ran('npm test', 'gone', true)), checks, -1)).toBe(false);
  expect(areChecksPassed(turnWith(), checks, -1)).toBe(false);
});

test('refusals are those of the policy, after the skill was read, and not words of others', () => {
  const denied = { text: 'Not allowed: never. It was not run.', isError: true, isForeign: false };
  const call = (result: typeof denied) => ({ name: 'x', arguments: {}, result });
  expect(countRefusals(turnWith(call(denied), call(denied)), 0)).toBe(1);
  expect(countRefusals(turnWith(call({ ...denied, isForeign: true }), call({ ...denied, isError: false })), -1)).toBe(
    0,
  );
});

test('a reply whose calls cannot be read has none', () => {
  expect(observeTurn([]).calls).toEqual([]);
});
