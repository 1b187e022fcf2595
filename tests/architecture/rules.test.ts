// Each rule of the architecture is shown a small project that breaks it, and one that comes near and does not. A rule without both
// fails here: a check that cannot fail is worse than none.
import { describe, expect, test } from 'vitest';
import { checkFileSizes } from './code-rules.ts';
import { makeProject, type Violation } from './project.ts';
import { RULES } from './rules.ts';

type Files = Record<string, string>;

interface Proof {
  /** What is wrong, the files, and where it must be found ("file:line"). */
  caught: [what: string, files: Files, at: readonly string[]][];
  fine: [what: string, files: Files][];
}

const lines = (count: number, line: string) => Array.from({ length: count }, () => line).join('\n');
const files = (count: number, folder: string): Files =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`${folder}/f${i}.ts`, 'export {};']));
const MANIFESTS: Files = {
  'adapters/telegram/manifest.ts': 'export const id = 1;',
  'adapters/signal/manifest.ts': 'export const id = 2;',
};
const imports = (from: string, to: string, how = `import { a } from '${to}';`): Files => ({
  ...MANIFESTS,
  [from]: how,
});

const PROOFS: Readonly<Record<string, Proof>> = {
  'import table': {
    caught: [
      ['shared → data', imports('shared/a.ts', '../data/db.ts'), ['shared/a.ts:1']],
      ['a type counts', imports('shared/a.ts', '', "\nimport type { A } from '../data/db.ts';"), ['shared/a.ts:2']],
      [
        'an inline type counts',
        imports('shared/a.ts', '', "export function f(x: import('../data/db.ts').A) { return x; }"),
        ['shared/a.ts:1'],
      ],
      [
        'a dynamic import counts',
        imports('shared/a.ts', '', "export const f = () => import('../data/db.ts');"),
        ['shared/a.ts:1'],
      ],
      ['a re-export counts', imports('shared/a.ts', '', "export { a } from '../data/db.ts';"), ['shared/a.ts:1']],
      ['data → gateway', imports('data/a.ts', '../gateway/turn.ts'), ['data/a.ts:1']],
      ['config → adapters', imports('config/a.ts', '../adapters/contract.ts'), ['config/a.ts:1']],
      ['config → data', imports('config/a.ts', '../data/db.ts'), ['config/a.ts:1']],
      ['adapters → config', imports('adapters/a.ts', '../config/load.ts'), ['adapters/a.ts:1']],
      ['adapters → a platform', imports('adapters/a.ts', './telegram/render.ts'), ['adapters/a.ts:1']],
      [
        'the list of platforms takes manifests only',
        imports('adapters/manifests.ts', './telegram/adapter.ts'),
        ['adapters/manifests.ts:1'],
      ],
      ['a platform → another', imports('adapters/telegram/a.ts', '../signal/render.ts'), ['adapters/telegram/a.ts:1']],
      [
        'a platform → gateway',
        imports('adapters/telegram/a.ts', '../../gateway/turn.ts'),
        ['adapters/telegram/a.ts:1'],
      ],
      ['a platform → data', imports('adapters/telegram/a.ts', '../../data/db.ts'), ['adapters/telegram/a.ts:1']],
      [
        'a platform → the list of platforms',
        imports('adapters/telegram/a.ts', '../manifests.ts'),
        ['adapters/telegram/a.ts:1'],
      ],
      ['pairing → scheduler', imports('pairing/a.ts', '../scheduler/jobs.ts'), ['pairing/a.ts:1']],
      ['skills → agent', imports('skills/a.ts', '../agent/port.ts'), ['skills/a.ts:1']],
      ['agent → gateway', imports('agent/a.ts', '../gateway/turn.ts'), ['agent/a.ts:1']],
      [
        'agent → config',
        imports('agent/tools/a.ts', '', "import type { Config } from '../../config/schema.ts';"),
        ['agent/tools/a.ts:1'],
      ],
      ['agent → pairing', imports('agent/a.ts', '../pairing/people.ts'), ['agent/a.ts:1']],
      ['research → gateway', imports('research/a.ts', '../gateway/turn.ts'), ['research/a.ts:1']],
      [
        'gateway → the loop of the agent',
        imports('gateway/a.ts', '', "import type { Loop } from '../agent/loop.ts';"),
        ['gateway/a.ts:1'],
      ],
      ['gateway → the port as a value', imports('gateway/a.ts', '../agent/port.ts'), ['gateway/a.ts:1']],
      ['gateway → config as a value', imports('gateway/http/a.ts', '../../config/load.ts'), ['gateway/http/a.ts:1']],
      ['gateway → a platform', imports('gateway/a.ts', '../adapters/telegram/adapter.ts'), ['gateway/a.ts:1']],
      ['gateway → skills', imports('gateway/a.ts', '../skills/library.ts'), ['gateway/a.ts:1']],
      ['gateway → its root', imports('gateway/a.ts', './compose.ts'), ['gateway/a.ts:1']],
      ['agent → cli', imports('agent/a.ts', '../cli/output.ts'), ['agent/a.ts:1']],
      ['compose → cli', imports('gateway/compose.ts', '../cli/output.ts'), ['gateway/compose.ts:1']],
      ['product → tests', imports('cli/a.ts', '../tests/support/fake-clock.ts'), ['cli/a.ts:1']],
    ],
    fine: [
      ['data → shared', imports('data/a.ts', '../shared/ids.ts')],
      ['config → the schema of a folder', imports('config/a.ts', '../agent/config.ts')],
      ['the list of platforms → manifests', imports('adapters/manifests.ts', './telegram/manifest.ts')],
      [
        'a platform → itself, shared, adapters',
        imports(
          'adapters/telegram/a.ts',
          '',
          "import './b.ts';\nimport '../../shared/ids.ts';\nimport '../contract.ts';",
        ),
      ],
      ['a folder of adapters that is no platform', imports('adapters/a.ts', './local/chat.ts')],
      [
        'agent → skills and scoped data',
        imports('agent/tools/a.ts', '', "import '../../skills/library.ts';\nimport '../../data/scope.ts';"),
      ],
      [
        'gateway → the port and config as types',
        imports(
          'gateway/a.ts',
          '',
          "import type { AgentPort } from '../agent/port.ts';\nimport { type Config } from '../config/schema.ts';",
        ),
      ],
      [
        'compose and cli → everything',
        {
          ...imports('gateway/compose.ts', '../agent/loop.ts'),
          'cli/a.ts': "import '../gateway/compose.ts';\nimport '../config/load.ts';",
        },
      ],
      [
        'words in comments and texts',
        imports(
          'shared/a.ts',
          '',
          "// import { a } from '../data/db.ts';\nexport const a = \"import x from '../data/db.ts'\";",
        ),
      ],
      ['the version of package.json', imports('cli/a.ts', '../package.json')],
      ['tests → everything', imports('tests/a.test.ts', '../gateway/turn.ts')],
    ],
  },
  'package fences': {
    caught: [
      ['the driver outside data', { 'gateway/a.ts': "import Database from 'better-sqlite3';" }, ['gateway/a.ts:1']],
      ['a type of the query builder', { 'agent/a.ts': "import type { Kysely } from 'kysely';" }, ['agent/a.ts:1']],
      ['a subpath', { 'gateway/a.ts': "import { stream } from 'hono/streaming';" }, ['gateway/a.ts:1']],
      ['a scoped subpath', { 'gateway/a.ts': "import { x } from '@hono/node-server/conninfo';" }, ['gateway/a.ts:1']],
      [
        'a provider SDK in a tool',
        { 'agent/tools/a.ts': "export const f = () => import('openai');" },
        ['agent/tools/a.ts:1'],
      ],
      [
        'a chat SDK in another platform',
        { 'adapters/slack/a.ts': "import { Bot } from 'grammy';" },
        ['adapters/slack/a.ts:1'],
      ],
      ['cron outside the scheduler', { 'gateway/a.ts': "import { Cron } from 'croner';" }, ['gateway/a.ts:1']],
      ['unguarded requests', { 'agent/tools/web/a.ts': "import { fetch } from 'undici';" }, ['agent/tools/web/a.ts:1']],
      ['a browser elsewhere', { 'agent/tools/web/a.ts': "import 'playwright-core';" }, ['agent/tools/web/a.ts:1']],
      ...['linkedom', '@mozilla/readability', 'turndown', 'turndown-plugin-gfm', 'unpdf', 'mammoth'].map(
        (name): [string, Files, readonly string[]] => [
          `${name} outside the reader of pages`,
          { 'agent/tools/web/a.ts': `export const f = () => import('${name}');` },
          ['agent/tools/web/a.ts:1'],
        ],
      ),
      [
        'the kit of MCP in a tool, as a type',
        { 'agent/tools/a.ts': "import type { Client } from '@modelcontextprotocol/sdk/client/index.js';" },
        ['agent/tools/a.ts:1'],
      ],
    ],
    fine: [
      [
        'behind their fences',
        {
          'data/a.ts': "import 'kysely';",
          'gateway/http/routes/a.ts': "import 'hono';",
          'gateway/voice/a.ts': "import 'openai';",
          'adapters/telegram/a.ts': "import 'grammy';",
          'agent/net/a.ts': "export const f = () => import('undici');",
          'agent/tools/browser/a.ts': "export const f = () => import('playwright-core');",
          'agent/tools/web/extract/a.ts': "export const f = () => import('linkedom');",
          'agent/mcp/connection/a.ts': "import type { a } from '@modelcontextprotocol/sdk/types.js';",
          'gateway/mcp/a.ts': "import type { a } from '@modelcontextprotocol/sdk/types.js';",
        },
      ],
      ['names that only begin alike', { 'gateway/a.ts': "import 'hono-like';\nimport 'openai-types';" }],
      ['tests', { 'tests/a.ts': "import 'better-sqlite3';" }],
    ],
  },
  'process data': {
    caught: [
      [
        'a tool that reads the outbox',
        { 'agent/tools/a.ts': "import { next } from '../../data/process/outbox.ts';" },
        ['agent/tools/a.ts:1'],
      ],
      [
        'a skill, as a type',
        { 'skills/a.ts': "import type { Person } from '../data/process/people.ts';" },
        ['skills/a.ts:1'],
      ],
    ],
    fine: [
      ['the gateway', { 'gateway/a.ts': "import { next } from '../data/process/outbox.ts';" }],
      ['scoped data', { 'agent/a.ts': "import { read } from '../data/messages.ts';" }],
    ],
  },
  'shared without I/O': {
    caught: [
      ['files', { 'shared/a.ts': "import { readFile } from 'node:fs/promises';" }, ['shared/a.ts:1']],
      ['network', { 'shared/a.ts': "import net from 'node:net';" }, ['shared/a.ts:1']],
    ],
    fine: [
      [
        'pure builtins and types',
        { 'shared/a.ts': "import { createHash } from 'node:crypto';\nimport type { Stats } from 'node:fs';" },
      ],
    ],
  },
  'plain import paths': {
    caught: [
      ['an alias', { 'agent/a.ts': "import { x } from '#shared/ids.ts';" }, ['agent/a.ts:1']],
      ['another alias', { 'agent/a.ts': "import { x } from '@/shared/ids.ts';" }, ['agent/a.ts:1']],
      ['no ending', { 'shared/b.ts': '', 'shared/a.ts': "import { x } from './b';" }, ['shared/a.ts:1']],
      ['a file that is gone', { 'shared/a.ts': "import type { x } from './gone.ts';" }, ['shared/a.ts:1']],
    ],
    fine: [
      [
        'relative, whole, there',
        {
          'shared/b.ts': '',
          'shared/a.ts':
            "import { x } from './b.ts';\nimport data from '../package.json' with { type: 'json' };\nimport z from '@scope/z';",
        },
      ],
    ],
  },
  'lazy SDKs': {
    caught: [
      [
        'through two files',
        {
          'cli/main.ts': "import './run.ts';",
          'cli/run.ts': "import '../adapters/telegram/bot.ts';",
          'adapters/telegram/bot.ts': "import { Bot } from 'grammy';",
        },
        ['adapters/telegram/bot.ts:1'],
      ],
      [
        'through the list of platforms',
        {
          'adapters/manifests.ts': "import './slack/manifest.ts';",
          'adapters/slack/manifest.ts': "import bolt from '@slack/bolt';",
        },
        ['adapters/slack/manifest.ts:1'],
      ],
      ...[
        'undici',
        'linkedom',
        '@mozilla/readability',
        'turndown',
        'unpdf',
        'mammoth',
        '@modelcontextprotocol/sdk',
      ].map((name): [string, Files, readonly string[]] => [
        `${name} with the tools`,
        { 'gateway/compose.ts': "import '../agent/a.ts';", 'agent/a.ts': `import { a } from '${name}';` },
        ['agent/a.ts:1'],
      ]),
      [
        'through a manifest, also what is light',
        {
          'adapters/manifests.ts': "import './email/manifest.ts';",
          'adapters/email/manifest.ts': "import { z } from 'zod';\nimport { a } from './settings.ts';",
          'adapters/email/settings.ts': "import path from 'node:path';\nimport ini from 'tiny-ini';",
        },
        ['adapters/email/settings.ts:2'],
      ],
    ],
    fine: [
      [
        'behind import(), and as types',
        {
          'cli/main.ts': "import './run.ts';",
          'cli/run.ts':
            "import type { Bot } from 'grammy';\nexport const load = () => import('../adapters/telegram/bot.ts');",
          'adapters/telegram/bot.ts': "import { Bot } from 'grammy';",
        },
      ],
    ],
  },
  'import cycles': {
    caught: [
      ['two files', { 'data/a.ts': "import './b.ts';", 'data/b.ts': "import './a.ts';" }, ['data/b.ts:1']],
      [
        'three files, one by type',
        {
          'data/a.ts': "import './b.ts';",
          'data/b.ts': "import './c.ts';",
          'data/c.ts': "\nimport type { A } from './a.ts';",
        },
        ['data/c.ts:2'],
      ],
      ['itself', { 'data/a.ts': "import './a.ts';" }, ['data/a.ts:1']],
    ],
    fine: [
      [
        'a diamond',
        {
          'data/a.ts': "import './b.ts';\nimport './c.ts';",
          'data/b.ts': "import './d.ts';",
          'data/c.ts': "import './d.ts';",
          'data/d.ts': '',
        },
      ],
      [
        'a way back that runs later',
        { 'data/a.ts': "import './b.ts';", 'data/b.ts': "export const f = () => import('./a.ts');" },
      ],
    ],
  },
  'platform names': {
    caught: [
      [
        'a text',
        { ...MANIFESTS, 'gateway/a.ts': "export const a = (p: string) => p === 'telegram';" },
        ['gateway/a.ts:1'],
      ],
      [
        'inside a sentence',
        { ...MANIFESTS, 'agent/a.ts': "export const a = 'Send it on Telegram.';" },
        ['agent/a.ts:1'],
      ],
      [
        'inside a template',
        { ...MANIFESTS, 'agent/a.ts': 'export const a = (x: string) => `telegram:${x}`;' },
        ['agent/a.ts:1'],
      ],
      ['an identifier', { ...MANIFESTS, 'gateway/a.ts': '\nexport const telegramToken = 1;' }, ['gateway/a.ts:2']],
      ['a key', { ...MANIFESTS, 'config/a.ts': 'export const a = { telegram: 1 };' }, ['config/a.ts:1']],
      ['an environment name', { ...MANIFESTS, 'cli/a.ts': "export const a = 'TELEGRAM_BOT_TOKEN';" }, ['cli/a.ts:1']],
      [
        'an everyday word that is exactly an id',
        { ...MANIFESTS, 'gateway/a.ts': "export const a = 'signal';" },
        ['gateway/a.ts:1'],
      ],
      [
        'another platform',
        { ...MANIFESTS, 'adapters/signal/a.ts': "export const a = 'telegram';" },
        ['adapters/signal/a.ts:1'],
      ],
    ],
    fine: [
      [
        'its own folder, the list, tests, comments',
        {
          ...MANIFESTS,
          'adapters/telegram/a.ts': "export const a = 'telegram';",
          'adapters/manifests.ts': "import { telegram } from './telegram/manifest.ts';",
          'tests/a.ts': "export const a = 'telegram';",
          'shared/a.ts': '// as telegram does\nexport {};',
        },
      ],
      [
        'an everyday word in other use',
        {
          ...MANIFESTS,
          'gateway/a.ts':
            "export const f = (signal: AbortSignal) => ({ signal, a: 'a signal came', b: signal.aborted });",
        },
      ],
      ['a longer word', { ...MANIFESTS, 'gateway/a.ts': "export const a = 'telegraphy, telegrams';" }],
      ['no such platform', { 'gateway/a.ts': "export const a = 'telegram';" }],
    ],
  },
  'process.env': {
    caught: [
      ['read', { 'gateway/a.ts': 'export const f = () => process.env.HOME;' }, ['gateway/a.ts:1']],
      ['by brackets', { 'cli/a.ts': "export const f = () => process['env'];" }, ['cli/a.ts:1']],
      [
        'picked',
        { 'agent/a.ts': 'export function f() {\n  const { env } = process;\n  return env;\n}' },
        ['agent/a.ts:2'],
      ],
      ['imported', { 'agent/a.ts': "import { env } from 'node:process';" }, ['agent/a.ts:1']],
      ['global', { 'agent/a.ts': 'export const f = () => globalThis.process.env;' }, ['agent/a.ts:1']],
    ],
    fine: [
      ['config', { 'config/load.ts': 'export const f = (env = process.env) => env;' }],
      [
        'another env, other parts of process, comments',
        {
          'gateway/a.ts':
            "// process.env\nexport const f = (options: { env: object }) => [options.env, process.pid, 'process.env'];",
        },
      ],
    ],
  },
  'plain exports': {
    caught: [
      ['export *', { 'data/a.ts': "export * from './b.ts';" }, ['data/a.ts:1']],
      ['export * as', { 'data/a.ts': "export * as b from './b.ts';" }, ['data/a.ts:1']],
      ['re-export', { 'data/a.ts': "export { b } from './b.ts';" }, ['data/a.ts:1']],
      ['re-exported type', { 'data/a.ts': "export type { B } from './b.ts';" }, ['data/a.ts:1']],
      ['default', { 'data/a.ts': 'export default function f() {}' }, ['data/a.ts:1']],
      ['default by name', { 'data/a.ts': 'const f = 1;\nexport { f as default };' }, ['data/a.ts:2']],
    ],
    fine: [
      ['named exports', { 'data/a.ts': 'const a = 1;\nexport { a };\nexport const b = 2;\nexport type C = number;' }],
    ],
  },
  'no effects on import': {
    caught: [
      ['a call', { 'gateway/a.ts': 'start();\nfunction start() {}' }, ['gateway/a.ts:1']],
      ['an assignment', { 'gateway/a.ts': 'globalThis.x = 1;' }, ['gateway/a.ts:1']],
      ['a condition', { 'gateway/a.ts': 'if (Math.random() > 2) throw new Error();' }, ['gateway/a.ts:1']],
      ['waiting', { 'gateway/a.ts': "export const a = await import('./b.ts');" }, ['gateway/a.ts:1']],
      ['an import for its effects', { 'gateway/a.ts': "import './b.ts';" }, ['gateway/a.ts:1']],
      [
        'reading a file',
        { 'gateway/a.ts': "import fs from 'node:fs';\nexport const a = fs.readFileSync('x');" },
        ['gateway/a.ts:2'],
      ],
      ['a timer', { 'gateway/a.ts': 'const timer = setInterval(() => {}, 1);' }, ['gateway/a.ts:1']],
      ['a hook of the process', { 'gateway/a.ts': "const p = process.on('exit', () => {});" }, ['gateway/a.ts:1']],
    ],
    fine: [
      [
        'declarations and pure constants',
        {
          'gateway/a.ts':
            "import { z } from 'zod';\nexport const schema = z.object({});\nconst seen = new Set([1]);\nexport class A {\n  run() {\n    setTimeout(() => {}, 1);\n  }\n}\nexport async function f() {\n  await import('./b.ts');\n}\nexport type T = number;\ninterface I {}\ndeclare const d: I;",
        },
      ],
      [
        'functions that would have effects when called',
        {
          'gateway/a.ts':
            "import fs from 'node:fs';\nexport const f = () => fs.readFileSync('x');\nexport const g = async () => await f();",
        },
      ],
      ['the program', { 'cli/main.ts': 'process.exitCode = 1;' }],
    ],
  },
  'type escapes': {
    caught: [
      ['any', { 'data/a.ts': 'export const f = (x: any) => x;' }, ['data/a.ts:1']],
      ['any inside a type', { 'data/a.ts': 'export type A = Record<string, any[]>;' }, ['data/a.ts:1']],
      ['!', { 'data/a.ts': 'export const f = (x?: number) => x!;' }, ['data/a.ts:1']],
      ['! of a field', { 'data/a.ts': 'export class A {\n  b!: number;\n}' }, ['data/a.ts:2']],
      ['@ts-ignore', { 'data/a.ts': '\n// @ts-ignore because\nexport {};' }, ['data/a.ts:2']],
    ],
    fine: [
      [
        'words and negation',
        { 'data/a.ts': "// any value!\nexport const f = (any: boolean) => !any && 'any' !== 'b';" },
      ],
    ],
  },
  casts: {
    caught: [
      ['as', { 'data/a.ts': 'export const f = (x: unknown) => x as string;' }, ['data/a.ts:1']],
      [
        'as unknown as',
        { 'data/a.ts': 'export const f = (x: number) => x as unknown as string;' },
        ['data/a.ts:1', 'data/a.ts:1'],
      ],
      [
        'one more than its brands',
        { 'data/scope.ts': 'export const f = (x: unknown) => [x as string, x as number];' },
        ['data/scope.ts:1', 'data/scope.ts:1'],
      ],
    ],
    fine: [
      [
        'as const, satisfies, renamed imports',
        {
          'data/a.ts':
            "import { b as c } from './b.ts';\nexport const a = [1, c] as const satisfies readonly unknown[];",
        },
      ],
      ['brands', { 'shared/ids.ts': 'export const id = (raw: string) => raw as Id;\ntype Id = string;' }],
    ],
  },
  'file sizes': {
    caught: [['401 lines', { 'data/a.ts': lines(401, '// x') }, ['data/a.ts:1']]],
    fine: [
      ['400 lines, with an end of line', { 'data/a.ts': `${lines(400, '// x')}\n` }],
      ['a long test', { 'tests/a.test.ts': lines(900, '// x') }],
    ],
  },
  'function sizes': {
    caught: [
      ['81 lines', { 'data/a.ts': `export function f() {\n${lines(79, '  // x')}\n}` }, ['data/a.ts:1']],
      [
        'inside of a maker',
        { 'data/a.ts': `export function make() {\n  return () => {\n${lines(79, '  // x')}\n  };\n}` },
        ['data/a.ts:2'],
      ],
    ],
    fine: [
      ['80 lines', { 'data/a.ts': `export function f() {\n${lines(78, '  // x')}\n}` }],
      [
        'a maker of many small ones',
        { 'data/a.ts': `export function make() {\n${lines(60, '  const f = () => {\n  };')}\n}` },
      ],
    ],
  },
  'folder sizes': {
    caught: [['16 files', files(16, 'agent/tools'), ['agent/tools:1']]],
    fine: [
      ['15 files beside a subfolder', { ...files(15, 'agent/tools'), ...files(15, 'agent/tools/web') }],
      ['one file per slash command', files(40, 'gateway/commands')],
      ['many tests', files(40, 'tests/agent')],
    ],
  },
  'no module mocks': {
    caught: [
      ['vi.mock', { 'tests/a.test.ts': "import { vi } from 'vitest';\nvi.mock('./x.ts');" }, ['tests/a.test.ts:2']],
      [
        'vi.doMock',
        { 'tests/a.test.ts': "import { vi } from 'vitest';\nvi.doMock('./x.ts', () => ({}));" },
        ['tests/a.test.ts:2'],
      ],
    ],
    fine: [
      [
        'functions passed in',
        { 'tests/a.test.ts': "import { vi } from 'vitest';\nexport const f = vi.fn();\nexport const t = 'vi.mock(';" },
      ],
    ],
  },
};

test('every rule is proven, and every proof has its rule', () => {
  expect(Object.keys(PROOFS).toSorted()).toEqual(RULES.map((rule) => rule.name).toSorted());
  for (const [name, proof] of Object.entries(PROOFS))
    expect(Math.min(proof.caught.length, proof.fine.length), name).toBeGreaterThan(0);
});

describe.each(RULES)('$name', (rule) => {
  const proof = PROOFS[rule.name] ?? { caught: [], fine: [] };
  const found = (tree: Files) =>
    rule.check(makeProject(new Map(Object.entries(tree)))).map(({ file, line }) => `${file}:${line}`);

  test.each(proof.caught)('catches %s', (_, tree, at) => {
    expect([...new Set(found(tree))]).toEqual([...new Set(at)]);
  });

  test.each(proof.fine)('lets pass %s', (_, tree) => {
    expect(found(tree)).toEqual([]);
  });
});

test('exceptions for long files only shrink', () => {
  const check = (length: number, exceptions: Record<string, number>): string[] =>
    checkFileSizes(makeProject(new Map([['data/a.ts', lines(length, '// x')]])), exceptions).map(
      (violation: Violation) => violation.message,
    );
  expect(check(450, { 'data/a.ts': 450 })).toEqual([]);
  expect(check(451, { 'data/a.ts': 450 })[0]).toContain('at most 450');
  expect(check(449, { 'data/a.ts': 450 })[0]).toContain('lower its exception');
  expect(check(300, { 'data/a.ts': 450 })[0]).toContain('take it off');
  expect(check(300, { 'data/gone.ts': 450 })[0]).toContain('take it off');
});

test('a file that cannot be parsed is an error, not a blind spot', () => {
  expect(() => makeProject(new Map([['data/a.ts', 'export const = 1;']]))).toThrow('data/a.ts');
});
