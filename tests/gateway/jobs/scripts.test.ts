// Jobs with commands: who may have which, what their ends mean, conditions, and what is known after a crash.
import { afterEach, describe, expect, it } from 'vitest';
import { AGENT, exitOf, openJobBench, PERSON, saidBy, type JobBench } from './job-bench.ts';

let bench: JobBench;
afterEach(async () => bench.close());

const script = { kind: 'script', script: { command: 'rm -r old' } } as const;
const prompt = { kind: 'prompt', prompt: 'say it' } as const;

describe('a command that its person would be asked about', () => {
  it('waits for their word when they make the job, which says why, and runs when they gave it', async () => {
    bench = await openJobBench();
    bench.acts.assess = () => ({ risk: 'It deletes a folder.', isOutside: false });
    const made = await bench.create({ work: script });
    expect(made).toMatchObject({
      state: 'paused',
      warnings: ['Nobody is asked when its command runs, and you would be: It deletes a folder.'],
    });
    await bench.jobs.service.resume(bench.scope, PERSON, made.id);
    await bench.pass();
    expect(await bench.runs()).toMatchObject([{ state: 'done', result: 'out' }]);
  });

  it('waits anew when another command is put in its place', async () => {
    bench = await openJobBench();
    const { id } = await bench.create({ work: script });
    bench.acts.assess = () => ({ risk: 'It deletes a folder.', isOutside: false });
    const later = await bench.jobs.service.update(bench.scope, PERSON, id, { when: 'in 20 minutes' });
    expect(later.job.state).toBe('active');
    const other = await bench.jobs.service.update(bench.scope, PERSON, id, { work: script });
    expect(other.job).toMatchObject({ state: 'paused', stateReason: 'it waits for your confirmation' });
  });

  it('is refused when an agent makes such a job; what is never run is refused to all; a condition counts', async () => {
    bench = await openJobBench();
    bench.acts.assess = () => ({ risk: 'It deletes a folder.', isOutside: false });
    await expect(bench.create({ work: script }, AGENT)).rejects.toThrow('a job asks nobody: It deletes a folder.');
    const condition = { kind: 'script', script: script.script } as const;
    await expect(bench.create({ condition }, AGENT)).rejects.toThrow('a job asks nobody');
    bench.acts.assess = () => ({ forbidden: 'It destroys a disk.', isOutside: false });
    await expect(bench.create({ work: { ...prompt, script: script.script } })).rejects.toThrow('It destroys a disk.');
    expect(await bench.jobs.service.list(bench.scope)).toEqual([]);
  });

  it('a plan tells of commands that are not kept apart, of skills and of jobs that are not there', async () => {
    bench = await openJobBench();
    bench.acts.assess = () => ({ isOutside: true });
    bench.acts.missingSkill = 'birds';
    const work = { ...prompt, script: script.script, skills: ['birds'], contextFrom: ['weather'] };
    expect((await bench.create({ work, when: 'every 5 minutes' })).warnings).toEqual([
      'It asks the model every 5 minutes.',
      'Its command can reach beyond the workspace: commands are not kept apart here.',
      'The skill "birds" is not there yet; without it no run begins.',
      'There is no job "weather" yet.',
    ]);
  });
});

describe('how a command ends', () => {
  it('output is delivered, none is silent, a status is a failure with the end of the output, and so is a timeout', async () => {
    bench = await openJobBench();
    const ends = [
      exitOf('three geese\n'),
      exitOf(' \n'),
      exitOf(`${'x'.repeat(1_000)} it went wrong`, 3),
      { ...exitOf('half of it'), ended: 'timeout' as const },
      { ...exitOf('half'), ended: 'lost' as const },
    ];
    const { id } = await bench.create({ work: script, when: 'every day at 9' });
    const seen = [];
    for (const end of ends) {
      bench.acts.script = async () => end;
      await bench.jobs.service.runNow(bench.scope, PERSON, id);
      await bench.pass(1_000);
      const [run] = await bench.runs();
      seen.push([run?.state, run?.delivery, run?.failure, run?.result ?? run?.reason?.slice(-60)]);
    }
    expect(seen).toEqual([
      ['done', 'sent', undefined, 'three geese'],
      ['done', 'silent', undefined, ''],
      ['failed', 'none', 'permanent', expect.stringMatching(/x it went wrong$/)],
      ['failed', 'none', 'permanent', expect.stringMatching(/was stopped\. Its last output: half of it$/)],
      ['failed', 'none', 'lost', expect.stringMatching(/not known\. Its last output: half$/)],
    ]);
    expect(bench.platform.texts().filter((text) => text.includes('geese'))).toHaveLength(1);
    expect(bench.platform.texts().filter((text) => text.includes('Its script ended with status 3'))).toHaveLength(1);
  });

  it('conditions that do not hold leave a run out before anything is paid for', async () => {
    bench = await openJobBench();
    let asked = 0;
    bench.acts.agent = async () => (asked++, saidBy('x'));
    bench.acts.script = async () => exitOf('', 1);
    bench.acts.isThere = (path) => path === 'here.txt';
    const file = { kind: 'file', path: 'here.txt' } as const;
    await bench.create({ name: 'a', work: prompt, condition: { kind: 'script', script: { command: 'test -e x' } } });
    await bench.create({ name: 'b', work: prompt, condition: { ...file, is: 'missing' } });
    await bench.create({ name: 'c', work: prompt, condition: { ...file, is: 'present' } });
    await bench.pass();
    expect((await bench.runs()).map(({ state }) => state).toSorted()).toEqual(['done', 'skipped', 'skipped']);
    expect(asked).toBe(1);
  });

  it('the result of another job, and whose words it holds, reach the prompt', async () => {
    bench = await openJobBench();
    const prompts: unknown[] = [];
    bench.acts.agent = async (job, signal) => {
      prompts.push(await job.prompt(signal));
      return saidBy('summed up');
    };
    bench.acts.script = async () => ({ ...exitOf('from the web'), hadNetwork: true });
    await bench.create({ name: 'fetch', when: 'in 1 minute', work: script });
    await bench.create({ name: 'sum', when: 'in 2 minutes', work: { ...prompt, contextFrom: ['fetch', 'none'] } });
    await bench.pass();
    expect(prompts).toEqual([
      {
        text: 'Last result of the job "fetch":\nfrom the web\n\nLast result of the job "none":\n(there is none yet)\n\nsay it',
        origin: 'foreign',
      },
    ]);
  });
});

it('killed while its command runs: the run is told as cut off, its end is not known, and it is not begun again', async () => {
  bench = await openJobBench();
  let begun = 0;
  bench.acts.script = () => (begun++, new Promise(() => {}));
  await bench.create({ work: script });
  await bench.pass();
  expect(begun).toBe(1);
  const { scope, acts } = bench;
  bench = await openJobBench({ ...(await bench.crash()), scope, acts });
  await bench.pass(HOURS_3);
  expect(begun).toBe(1);
  expect(await bench.runs()).toMatchObject([{ state: 'interrupted', failure: 'lost', interruptions: 1, attempts: 1 }]);
  expect(bench.platform.texts()).toEqual([expect.stringContaining('nobody knows how far it came')]);
});

const HOURS_3 = 3 * 3_600_000;
