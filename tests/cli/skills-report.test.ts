// `herald skills report` and `uncurate` against a real gateway: numbers with intervals, what is decided and why, the ledger.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { addCurationStep } from '../../data/evidence/curation.ts';
import { addFamily, recordTurn } from '../../data/evidence/turns.ts';
import { openData } from '../../data/db.ts';
import { createPerson } from '../../data/process/people.ts';
import { openSkillLibrary } from '../../skills/library.ts';
import { converse, makeSpeaker } from '../data/conversation.ts';
import { changeOf, skillText } from '../skills/fixture.ts';
import { makeHome, startGatewayProcess, type GatewayProcess } from '../support/gateway-process.ts';
import { removeHome } from './run-cli.ts';
import { openCommandRunner } from './run-command.ts';

const commands = openCommandRunner();
let home: string;
let gateway: GatewayProcess;
let step: number;
const run = (...args: string[]) => commands.run(['skills', ...args], { home });

beforeAll(async () => {
  home = makeHome();
  const { db, close } = await openData({ home });
  const ann = await makeSpeaker(db, await createPerson(db, { name: 'Ann', role: 'owner' }));
  const library = openSkillLibrary({ db, folders: () => [] });
  const change = changeOf('weekly', { steps: [{ action: 'create', text: skillText('weekly') }], as: 'trial' });
  const { id } = await library.change(ann.scope, change);
  const family = await addFamily(db, ann.scope, { words: ['a', 'b'], tools: [] });
  for (let turn = 0; turn < 6; turn++)
    await recordTurn(db, ann.scope, {
      turn: (await converse(db, ann, 'the weekly report')).id,
      session: ann.session.id,
      family,
      outcome: turn === 1 ? 'failed' : turn === 0 ? 'verified' : 'done',
      settled: true,
      steps: turn % 2 === 0 ? 2 : 5,
      toolErrors: 0,
      denials: 0,
      at: db.clock.now(),
      uses: turn % 2 === 0 ? [{ skill: 'weekly', revision: id, how: 'viewed' }] : [],
    });
  const archive = {
    kind: 'archive',
    skill: 'old',
    other: undefined,
    revisions: [],
    why: 'Not used for 31 days.',
  } as const;
  await library.change(ann.scope, changeOf('old', { steps: [{ action: 'create', text: skillText('old') }] }));
  await library.mark(ann.scope, 'old', { archived: true });
  step = (await addCurationStep(db, ann.scope, archive)).id;
  await close();
  gateway = await startGatewayProcess({ home, env: { OLLAMA_HOST: '127.0.0.1:9' } });
});
afterAll(async () => {
  await commands.close();
  await gateway?.kill('SIGKILL');
  removeHome(home);
});

it('prints what each version is worth, and why it is not decided', async () => {
  const { stdout, code } = await run('report');
  expect(code).toBe(0);
  expect(stdout).toMatch(
    /^weekly v1 +trial +3 \(1 verified\) +100 % \(44–100\) +67 % \(21–94\) +0 tokens \(0–0\) +0 tokens \(0–0\) +2 \(2–2\) +5 \(5–5\) /m,
  );
  expect(stdout).toMatch(/weekly v1: keep trying\. Not enough to tell: 3 comparisons .* For it \d\.\d \(20 promotes\)/);
  expect(stdout).toMatch(new RegExp(`^${step} .* archive +old +Not used for 31 days\\.`, 'm'));
});

it('gives the same as JSON, and takes a step of curation back once', async () => {
  const { stdout } = await run('report', '--json');
  const report = z
    .object({ skills: z.array(z.object({ skill: z.string(), pairs: z.number() })) })
    .parse(JSON.parse(stdout));
  expect(report.skills).toEqual([
    { skill: 'old', pairs: 0 },
    { skill: 'weekly', pairs: 3 },
  ]);
  expect((await run('uncurate', String(step))).stdout).toBe(`Step ${step} of curation is taken back.\n`);
  expect((await run('report')).stdout).toMatch(/Not used for 31 days\. Taken back\./);
  const again = await run('uncurate', String(step));
  expect([again.code, again.stderr]).toEqual([5, expect.stringMatching(/no step \d+ of curation/)]);
  expect((await run('report', '--person', 'nobody')).code).toBe(5);
});

it('watches the turns of the running gateway', async () => {
  const said = await commands.run(['-c', 'please water the tomatoes in the garden'], { home });
  expect(said.code).toBe(0);
  await gateway.kill('SIGTERM');
  const { db, close } = await openData({ home });
  const turns = await db.query.selectFrom('task_turns').select(['outcome', 'steps']).execute();
  await close();
  expect(turns).toHaveLength(7);
  expect(turns).toContainEqual({ outcome: 'done', steps: 1 });
});
