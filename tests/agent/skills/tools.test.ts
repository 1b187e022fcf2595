// skill_view, skill_manage and calling a skill by its name, through a whole turn.
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createSkill, skillText } from '../../skills/fixture.ts';
import { DM, makeCall, outline, textOf } from '../fixture.ts';
import { openSkillsBench, type SkillsBench } from './bench.ts';

let bench: SkillsBench;
beforeEach(async () => {
  bench = await openSkillsBench();
});
afterEach(() => bench.home.close());

const view = (args: { name: string; path?: string }) => [{ toolCalls: [makeCall('skill_view', args)] }, { text: 'ok' }];
const manage = (args: Parameters<typeof makeCall>[1]) => [
  { toolCalls: [makeCall('use_tool', { name: 'skill_manage', arguments: args ?? {} })] },
  { text: 'ok' },
];
const invocation = () => ({
  scope: bench.home.scope,
  session: bench.home.session.id,
  role: 'owner' as const,
  address: { platform: DM.platform },
});

test('skill_view gives the text, says what is missing, and puts files where commands can run them', async () => {
  bench.put('builtin', 'count', {
    'SKILL.md':
      '---\nname: count\ndescription: Counts.\nrequired_environment_variables: [NOT_SET]\n---\nRun `sh ${HERMES_SKILL_DIR}/scripts/run.sh`.\n',
    'scripts/run.sh': 'echo 3\n',
    'references/a.md': 'about a\n',
  });
  const { result } = await bench.run(view({ name: 'count' }), 'go');
  const told = outline(result.transcript).find((line) => line.startsWith('tool skill_view'));
  expect(told).toContain('Run `sh .herald/skills/count/scripts/run.sh`.');
  expect(told).toContain("Not set in Herald's environment: NOT_SET.");
  expect(told).toContain('references/a.md, scripts/run.sh');
  const script = path.join(bench.workspace, '.herald/skills/count/scripts/run.sh');
  expect(fs.readFileSync(script, 'utf8')).toBe('echo 3\n');
  expect(fs.statSync(script).mode & 0o111).not.toBe(0);
  const file = await bench.run(view({ name: 'count', path: 'references/a.md' }), 'go');
  expect(outline(file.result.transcript).join('\n')).toContain('tool skill_view: about a');
});

test('an unknown name is answered with near ones, a path that climbs out with a refusal', async () => {
  bench.put('builtin', 'weekly-review');
  const unknown = await bench.run(view({ name: 'review' }), 'go');
  expect(outline(unknown.result.transcript).join('\n')).toMatch(/no skill "review" here. Perhaps: weekly-review/);
  const outside = await bench.run(view({ name: 'weekly-review', path: '../../secret' }), 'go');
  expect(outline(outside.result.transcript).join('\n')).toMatch(/failed.*names no file of a skill/);
});

test('the text of a community skill is foreign, that of a builtin one is not', async () => {
  bench.put('installed', 'theirs');
  bench.put('builtin', 'ours');
  const originOf = async (name: string) => {
    const { result } = await bench.run(view({ name }), 'go');
    return result.transcript.flatMap((entry) => (entry.role === 'tool' ? [entry.origin] : []));
  };
  expect(await originOf('ours')).toEqual(['agent']);
  expect(await originOf('theirs')).toEqual(['foreign']);
});

test('what the agent writes is proposed: the person is asked, and nothing is in force before', async () => {
  const { result } = await bench.run(
    manage({
      name: 'brew-tea',
      reason: 'You asked for it twice.',
      operations: [
        { action: 'create', text: skillText('brew-tea') },
        { action: 'write_file', path: 'references/times.md', text: 'three minutes' },
      ],
    }),
    'keep that as a skill',
  );
  expect(outline(result.transcript).join('\n')).toMatch(/Proposed as version 1 of brew-tea; the person was asked/);
  const [proposal] = bench.proposed;
  if (!proposal) throw new Error('nothing was proposed');
  expect(await bench.library.list(bench.home.scope)).toEqual([]);
  const { text, buttons } = await bench.skills.port.describeProposal(bench.home.scope, proposal);
  expect(text).toContain('May I keep a new skill `brew-tea`?');
  expect(text).toContain('+three minutes');
  expect(buttons.map(({ data }) => data)).toEqual([`/skills approve ${proposal.id}`, `/skills reject ${proposal.id}`]);
  for (const { data } of buttons) expect(Buffer.byteLength(data)).toBeLessThanOrEqual(64);
  await bench.library.decide(bench.home.scope, proposal.id, 'active', '');
  const later = await bench.run(view({ name: 'brew-tea' }), 'tea, please');
  expect(textOf(later.requests[1])).toContain('Do brew-tea.');
  expect((await bench.library.revisions(bench.home.scope))[0]?.turns).toHaveLength(1);
});

test('in mode auto it is on trial; off has no such tool', async () => {
  await bench.home.close();
  bench = await openSkillsBench({ write_mode: 'auto' });
  const create = { name: 'tea', reason: 'r', action: 'create', text: skillText('tea') };
  await bench.run(manage(create), 'go');
  expect((await bench.library.revisions(bench.home.scope)).map(({ state }) => state)).toEqual(['trial']);
  await bench.home.close();
  bench = await openSkillsBench({ write_mode: 'off' });
  await bench.run(manage(create), 'go');
  expect(await bench.library.revisions(bench.home.scope)).toEqual([]);
});

test('a frozen skill is not changed by the agent', async () => {
  await createSkill(bench.library, bench.home.scope, 'tea');
  await bench.library.mark(bench.home.scope, 'tea', { frozen: true });
  const patch = { name: 'tea', reason: 'r', action: 'patch', old: 'Do tea.', new: 'No tea.' };
  const { result } = await bench.run(manage(patch), 'go');
  expect(outline(result.transcript).join('\n')).toMatch(/failed.*frozen/);
});

test('a change after words of others were read is asked about, and would only be a proposal', async () => {
  bench.put('installed', 'theirs');
  const script = [
    { toolCalls: [makeCall('skill_view', { name: 'theirs' }, 'c1')] },
    {
      toolCalls: [
        makeCall(
          'use_tool',
          { name: 'skill_manage', arguments: { name: 'tea', reason: 'r', action: 'create', text: skillText('tea') } },
          'c2',
        ),
      ],
    },
    { text: 'ok' },
  ];
  await bench.run(script, 'go');
  expect(await bench.library.revisions(bench.home.scope)).toEqual([]);
});

test('/name words becomes the words with the text of the skill; several stack; others are left in the text', async () => {
  bench.put('builtin', 'plan');
  bench.put('builtin', 'web-research');
  const { port } = bench.skills;
  const one = await port.invoke(invocation(), '/plan the move to Graz');
  expect(one).toMatch(/^the move to Graz\n\n\[Called with the skill plan\.\]\n\n# Skill plan/);
  const two = await port.invoke(invocation(), '/plan /web_research@bot the move /to/graz');
  expect(two).toMatch(/^the move \/to\/graz\n\n\[Called with the skills plan, web-research\.\]/);
  expect(await port.invoke(invocation(), '/plan')).toMatch(/^Use the skill plan\./);
  for (const none of ['/planning x', '/etc/passwd', 'plan x', '/unknown /plan x', '/'])
    expect(await port.invoke(invocation(), none)).toBeUndefined();
  const next = await bench.run([{ text: 'ok' }], 'x');
  expect(textOf(next.requests[0])).toContain('Loaded skills of this conversation:\n');
});

test('a community skill is never put into the mouth of the person: the model reads it itself', async () => {
  bench.put('installed', 'theirs');
  const asked = await bench.skills.port.invoke(invocation(), '/theirs do it');
  expect(asked).toContain('Read theirs with skill_view first.');
  expect(asked).not.toContain('Do theirs.');
});

test('a bundle is a name for several skills with an instruction', async () => {
  bench.put('builtin', 'plan');
  bench.put('builtin', 'weekly-review');
  fs.mkdirSync(path.join(bench.home.dir, 'bundles'));
  const write = (text: string) => fs.writeFileSync(path.join(bench.home.dir, 'bundles', 'monday.yaml'), text);
  write('name: Monday\ndescription: Start of the week\nskills: [weekly-review, plan]\ninstruction: Be brief.\n');
  expect(await bench.skills.port.invoke(invocation(), '/monday go')).toMatch(
    /^go\n\nBe brief\.\n\n\[Called with the skills weekly-review, plan\.\]/,
  );
  write('skills: [gone]\n');
  await expect(bench.skills.port.invoke(invocation(), '/monday go')).rejects.toMatchObject({ code: 'not_found' });
  write('skills: nonsense\n');
  await expect(bench.skills.port.invoke(invocation(), '/monday go')).rejects.toMatchObject({ code: 'bad_input' });
});

test('what the chat has switched off is not there by its name either, nor named as near; skills_list says why', async () => {
  bench.put('builtin', 'weekly-review');
  const chatSkills = { 'weekly-review': 'off' as const };
  const off = await bench.run(view({ name: 'weekly-review' }), 'go', { chatSkills });
  const told = outline(off.result.transcript).join('\n');
  expect(told).toContain('no skill "weekly-review" here');
  expect(told).not.toContain('# Skill weekly-review');
  expect(told).not.toContain('Perhaps');
  const file = await bench.run(view({ name: 'weekly-review', path: 'SKILL.md' }), 'go', { chatSkills });
  expect(outline(file.result.transcript).join('\n')).toContain('no skill "weekly-review" here');
  const list = [{ toolCalls: [makeCall('use_tool', { name: 'skills_list', arguments: {} })] }, { text: 'ok' }];
  const listed = await bench.run(list, 'go', { chatSkills });
  expect(outline(listed.result.transcript).join('\n')).toContain('not offered: off in this chat');
  const on = await bench.run(view({ name: 'weekly-review' }), 'go');
  expect(outline(on.result.transcript).join('\n')).toContain('# Skill weekly-review');
});

test('a job in a chat that has switched skills off has those that it names, and no others', async () => {
  bench.put('builtin', 'weekly-review');
  bench.put('builtin', 'gossip');
  bench.ports.chatSkillsOf = async () => ({ 'weekly-review': 'off', gossip: 'off' });
  const script = [
    { toolCalls: [makeCall('skill_view', { name: 'weekly-review' })] },
    { toolCalls: [makeCall('skill_view', { name: 'gossip' })] },
    { text: 'ok' },
  ];
  const { requests } = await bench.runJob(script, { skills: ['weekly-review'] });
  expect(textOf(requests[0])).toContain('- weekly-review: ');
  expect(textOf(requests[1])).toContain('# Skill weekly-review');
  expect(textOf(requests[2])).toContain('no skill "gossip" here');
});
