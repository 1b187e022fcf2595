// Tasks of one kind are found by their words, in several languages, whatever their particulars are.
import { expect, test } from 'vitest';
import { describeTask, findFamily, similarityOf, type Task } from '../../../skills/evidence/family.ts';

function task(request: string, tools: readonly string[] = []): Task {
  const described = describeTask(request, tools);
  if (!described) throw new Error(`too little: ${request}`);
  return described;
}

const WEEKLY = task('Please prepare the weekly sales report for March from /data/march.csv', ['terminal', 'read_file']);
const INVOICE = task('Write an invoice for ACME about 12 hours of consulting', ['write_file']);
const families = [
  { id: 'weekly', ...WEEKLY },
  { id: 'invoice', ...INVOICE },
];
const kindOf = (request: string, tools: readonly string[] = []) => findFamily(families, task(request, tools))?.id;

test('the same task with other particulars is of the same kind', () => {
  expect(kindOf('Prepare the weekly sales report for April', ['terminal'])).toBe('weekly');
  expect(kindOf('prepare weekly sales reports for May, from https://example.org/may.csv')).toBe('weekly');
  expect(kindOf('Write an invoice for Globex about 3 hours of consulting', ['read_file', 'write_file'])).toBe(
    'invoice',
  );
});

test('another task is not', () => {
  expect(kindOf('Book a table for two at the Italian restaurant tonight')).toBeUndefined();
  expect(kindOf('Explain how the sales tax works in Austria')).toBeUndefined();
});

test('order, case and repetition change nothing; names and numbers in quotes and paths neither', () => {
  expect(task('Rename "a.txt" in /tmp/x to b99, quickly rename')).toEqual(
    task('quickly RENAME “c.md” in /var/y to d1'),
  );
  expect(similarityOf(WEEKLY, INVOICE)).toBe(similarityOf(INVOICE, WEEKLY));
  expect(similarityOf(WEEKLY, WEEKLY)).toBe(1);
});

test('languages without spaces between words have words too', () => {
  const a = task('明日の会議の議事録を作成してください');
  const b = task('来週の会議の議事録を作成してください');
  expect(similarityOf(a, b)).toBeGreaterThan(0.45);
  expect(similarityOf(a, WEEKLY)).toBe(0);
});

test('what says too little is of no kind, and no word can be read from what is kept', () => {
  expect(describeTask('hi', [])).toBeUndefined();
  expect(describeTask('and now?', ['terminal'])).toBeUndefined();
  expect(JSON.stringify(WEEKLY)).not.toMatch(/sales|report|weekly|march/);
  expect(WEEKLY.tools).toEqual(['read_file', 'terminal']);
});
