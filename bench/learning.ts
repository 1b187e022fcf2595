// `node bench/learning.ts [--check] [--json] [--seed N] [--weeks N]`: the same weeks of work with learning and without. Writes docs/learning.svg
// and the numbers in docs/learning.md; `--check` only compares. Ids and clock follow from the seed, so the same seed gives the same bytes.
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { compare, plotOf, tableOf } from '../tests/learning/compare.ts';
import { seedIds } from '../tests/learning/seeded-ids.ts';

const DOCS = path.join(import.meta.dirname, '../docs');
const PAGE = path.join(DOCS, 'learning.md');
const PLOT = path.join(DOCS, 'learning.svg');
const NUMBERS = /(<!-- numbers of bench\/learning\.ts -->\n)[\s\S]*?(\n<!-- end of numbers -->)/;

const { values } = parseArgs({
  options: {
    check: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    seed: { type: 'string', default: '5' },
    weeks: { type: 'string', default: '8' },
  },
});
const options = { seed: Number(values.seed), weeks: Number(values.weeks) };
seedIds(options.seed);
const found = await compare(options);
const table = tableOf(found);
const page = fs.readFileSync(PAGE, 'utf8');
const wanted = new Map([
  [PAGE, page.replace(NUMBERS, (_, head: string, foot: string) => `${head}\n${table}\n${foot}`)],
  [PLOT, plotOf(found)],
]);
process.stdout.write(values.json ? `${JSON.stringify(found)}\n` : `${table}\n`);
for (const [file, text] of wanted) {
  const isSame = fs.existsSync(file) && fs.readFileSync(file, 'utf8') === text;
  if (isSame) continue;
  if (!values.check) fs.writeFileSync(file, text);
  else {
    process.stderr.write(`${file} is not what seed ${options.seed} gives; run node bench/learning.ts\n`);
    process.exitCode = 1;
  }
}
