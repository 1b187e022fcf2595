// SKILL.md as the specification and public collections write it; the texts are ours.
import { expect, test } from 'vitest';
import { conditionsOf, hintsOf, whyHidden } from '../../skills/conditions.ts';
import { parseSkill } from '../../skills/format.ts';

const parse = (text: string, mode: 'strict' | 'lenient' = 'lenient', name?: string) =>
  parseSkill(text, { file: 'SKILL.md', mode, name });

/** Shapes of Anthropic's, OpenAI's and Hermes' collections, and of others that are found on the web. */
const SHAPES: Readonly<Record<string, { text: string; name: string; description: string }>> = {
  'license after the description, quoted text': {
    text: '---\nname: sheet-maker\ndescription: "Makes sheets: tables, charts. Use when (1) a table is asked for, or (2) a .csv comes."\nlicense: Proprietary. LICENSE.txt has complete terms\n---\n\n# Sheets\n\nText.\n',
    name: 'sheet-maker',
    description: 'Makes sheets: tables, charts. Use when (1) a table is asked for, or (2) a .csv comes.',
  },
  'allowed-tools as text, metadata with strings': {
    text: '---\nname: pull-request\ndescription: >\n  Answers comments\n  of a review.\nallowed-tools: Bash(git:*) Read\nmetadata:\n  short-description: Answers comments\n  version: "1.2"\n---\nText.\n',
    name: 'pull-request',
    description: 'Answers comments of a review.',
  },
  'platforms, environment, nested metadata': {
    text: '---\nname: mail_tool.v2\ndescription: Sends mail.\nversion: 1.0.0\nauthor: somebody\nplatforms: [linux, macos]\nprerequisites:\n  env_vars: [MAIL_KEY]\nmetadata:\n  hermes:\n    tags: [mail, inbox]\n    category: comms\n    requires_toolsets: [terminal]\n---\nText.\n',
    name: 'mail_tool.v2',
    description: 'Sends mail.',
  },
  'mark of byte order and lines of Windows': {
    text: '\ufeff---\r\nname: tidy\r\ndescription: Tidies up.\r\n---\r\n# Tidy\r\n\r\nText.\r\n',
    name: 'tidy',
    description: 'Tidies up.',
  },
  'a colon in a text without quotes': {
    text: '---\nname: release\ndescription: Makes releases. Use when: the person says "ship it"\n---\nText.\n',
    name: 'release',
    description: 'Makes releases. Use when: the person says "ship it"',
  },
  'a name with capitals and spaces': {
    text: '---\nname: Team Charter\ndescription: Writes charters.\nmodel: big\n---\nText.\n',
    name: 'team-charter',
    description: 'Writes charters.',
  },
  'no name at all': {
    text: '---\ndescription: Has none.\n---\nText.\n',
    name: 'folder-name',
    description: 'Has none.',
  },
};

test.each(Object.entries(SHAPES))('read as it is: %s', async (_what, { text, name, description }) => {
  const parsed = await parse(text, 'lenient', name === 'folder-name' ? name : undefined);
  expect({ name: parsed.name, description: parsed.description }).toEqual({ name, description });
  expect(parsed.body).toMatch(/Text\.\n$/);
});

test('unknown fields are told, with their line, and do no harm', async () => {
  const { warnings } = await parse('---\nname: a\ndescription: b\nflavour: c\n---\nText.\n', 'strict');
  expect(warnings).toEqual([
    {
      severity: 'warning',
      file: 'SKILL.md',
      line: 4,
      message: 'there is no field flavour; it is kept, and says nothing here',
    },
  ]);
});

test.each([
  ['nothing', '', /SKILL.md:1 front matter is missing/],
  ['no end', '---\nname: a\n', /SKILL.md:1 front matter is missing/],
  ['no name', '---\ndescription: b\n---\nText.', /SKILL.md:1 name is missing: up to 64 lower-case/],
  ['a bad name', '---\ndescription: b\nname: A b\n---\nText.', /SKILL.md:3 name "A b" is not allowed/],
  ['a long name', `---\nname: ${'a'.repeat(65)}\ndescription: b\n---\nText.`, /SKILL.md:2 name .* is not allowed/],
  ['no description', '---\nname: a\n---\nText.', /SKILL.md:1 description is missing/],
  [
    'a long one',
    `---\nname: a\ndescription: ${'b'.repeat(1025)}\n---\nText.`,
    /:3 description has 1025 .*at most 1024/,
  ],
  ['no text', '---\nname: a\ndescription: b\n---\n\n', /SKILL.md:5 there is no text/],
  ['no YAML', '---\nname: a\ndescription: b: c\n---\nText.', /SKILL.md:3 this is no YAML .* in quotes/],
  [
    'too long',
    `---\nname: a\ndescription: b\n---\n${'x'.repeat(100_000)}`,
    /at most 100000: put details into references/,
  ],
  ['a list', '---\n- a\n---\nText.', /front matter must be fields/],
] as const)('refused when it is written here: %s', async (_what, text, message) => {
  await expect(parse(text, 'strict')).rejects.toEqual(
    expect.objectContaining({ code: 'bad_input', publicMessage: expect.stringMatching(message) }),
  );
});

test('aliases that grow without end are refused', async () => {
  const bomb = `---\nname: a\ndescription: b\nx0: &x0 [a, a]\n${Array.from({ length: 20 }, (_, i) => `x${i + 1}: &x${i + 1} [*x${i}, *x${i}, *x${i}]`).join('\n')}\n---\nText.`;
  await expect(parse(bomb)).rejects.toEqual(expect.objectContaining({ code: 'bad_input' }));
});

test('when it is shown: system, tools, what it stands in for, environment', async () => {
  const { frontMatter } = await parse(SHAPES['platforms, environment, nested metadata']?.text ?? '');
  const conditions = conditionsOf(frontMatter);
  const at = { system: 'linux', tools: ['terminal'], hasVariable: () => true };
  expect(whyHidden(conditions, at)).toBeUndefined();
  expect(whyHidden(conditions, { ...at, system: 'win32' })).toBe('it is for linux, darwin');
  expect(whyHidden(conditions, { ...at, tools: [] })).toBe('it needs terminal');
  expect(whyHidden(conditions, { ...at, hasVariable: () => false })).toBe('not set: MAIL_KEY');
  expect(whyHidden({ ...conditions, fallbackFor: ['terminal'] }, at)).toMatch(/stands in for terminal/);
  expect(hintsOf(frontMatter)).toEqual(['mail', 'inbox']);
});

test('front matter that would take long to read is refused at once, whoever wrote it', async () => {
  const keys = Array.from({ length: 13_000 }, (_, at) => `k${at}:`).join('\n');
  const started = performance.now();
  for (const mode of ['strict', 'lenient'] as const)
    await expect(parse(`---\nname: a\ndescription: b\n${keys}\n---\nText.\n`, mode)).rejects.toThrow(
      'its front matter has',
    );
  expect(performance.now() - started).toBeLessThan(2_000);
});
