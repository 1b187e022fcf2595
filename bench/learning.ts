// `node bench/learning.ts [--write] [--json] [--seed N] [--weeks N]`: the same weeks of work with learning and without. Prints the numbers;
// `--write` puts them into docs/learning.md, and the plot into docs/learning.svg. Ids and clock follow from the seed: same seed, same bytes.
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { compare, plotOf, tableOf } from '../tests/learning/compare.ts';
import { seedIds } from '../tests/learning/seeded-ids.ts';

const DOCS = path.join(import.meta.dirname, '../docs');
const PAGE = path.join(DOCS, 'learning.md');
const NUMBERS = /(<!-- numbers of bench\/learning\.ts -->\n)[\s\S]*?(\n<!-- end of numbers -->)/;

const { values } = parseArgs({
  options: {
    write: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    seed: { type: 'string', default: '5' },
    weeks: { type: 'string', default: '8' },
  },
});
const options = { seed: Number(values.seed), weeks: Number(values.weeks) };
seedIds(options.seed);
const found = await compare(options);
const table = tableOf(found);
process.stdout.write(values.json ? `${JSON.stringify(found)}\n` : `${table}\n`);
if (values.write) {
  const page = fs.readFileSync(PAGE, 'utf8');
  fs.writeFileSync(
    PAGE,
    page.replace(NUMBERS, (_, head: string, foot: string) => `${head}\n${table}\n${foot}`),
  );
  fs.writeFileSync(path.join(DOCS, 'learning.svg'), plotOf(found));
}
