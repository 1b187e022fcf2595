// What scripts can do: call tools, print, fail; in both languages.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import fs from 'node:fs';
import path from 'node:path';
import { NO_SANDBOX, fenceProblem, openBench, pythonProblem, type ScriptBench } from './script-bench.ts';

let bench: ScriptBench;
beforeAll(() => {
  bench = openBench();
});
afterAll(() => bench.close());

describe.each([
  { where: 'in its sandbox', options: {}, skip: fenceProblem },
  { where: 'without a sandbox', options: { sandbox: NO_SANDBOX }, skip: undefined },
])('JavaScript $where', ({ options, skip }) => {
  it.skipIf(skip !== undefined)(`calls tools, also at the same time, and prints ${skip ?? ''}`, async () => {
    let most = 0;
    let running = 0;
    const end = await bench.run(
      'javascript',
      `import { basename } from 'node:path';
       const one = await tools.echo({ n: 1 });
       const more = await Promise.all([2, 3, 4].map((n) => tools.echo({ n })));
       print(basename('/a/b'), JSON.parse(one), more.length, 'echo' in tools, Object.keys(tools));
       console.error('to the side');`,
      {
        ...options,
        async call({ arguments: args }) {
          most = Math.max(most, ++running);
          await new Promise((resolve) => setTimeout(resolve, 20));
          running--;
          return { ok: true, text: JSON.stringify(args) };
        },
      },
    );
    expect(end).toMatchObject({ code: 0, stopped: undefined, calls: 4, cutOff: [] });
    expect(end.stdout).toBe("b { n: 1 } 3 true [ 'echo', 'bad' ]\n");
    expect(end.stderr).toBe('to the side\n');
    expect(end.served.map(({ id }) => id)).toEqual([1, 2, 3, 4]);
    expect(most).toBe(3);
  });

  it.skipIf(skip !== undefined)(`gets errors of tools as exceptions ${skip ?? ''}`, async () => {
    const end = await bench.run(
      'javascript',
      `try { await tools.bad({}); } catch (error) { print(error instanceof ToolError, error.message); }
       print(await tools.nothing_like_it({}).catch((error) => error.message));
       await tools.bad();`,
      options,
    );
    expect(end.stdout).toBe('true it went wrong\nno tool nothing_like_it\n');
    expect(end.code).toBe(1);
    expect(end.stderr).toMatch(/^ToolError: it went wrong\n +at script\.mjs:3:\d+\n$/);
  });

  it.skipIf(skip !== undefined)(`is told where it is wrong ${skip ?? ''}`, async () => {
    const end = await bench.run('javascript', 'import fs from "node:fs";\nprint(await 1);\nprint(', options);
    expect(end).toMatchObject({ code: 1, stdout: '' });
    expect(end.stderr).toMatch(/script\.mjs:3\nprint\(\n\nSyntaxError: /);
  });

  it.skipIf(skip !== undefined)(`that fails loses nothing of what it printed ${skip ?? ''}`, async () => {
    const end = await bench.run(
      'javascript',
      "print('x'.repeat(300_000)); print('last'); throw new Error('boo');",
      options,
    );
    expect(end.stderr).toBe('Error: boo\n    at script.mjs:1:50\n');
    expect(end.stdout).toMatch(/x\nlast\n$/);
  });

  it.skipIf(skip !== undefined)(`waits at its end for calls that it did not wait for ${skip ?? ''}`, async () => {
    const end = await bench.run('javascript', 'tools.echo({ n: 1 }).then(print);', options);
    expect(end).toMatchObject({ code: 0, calls: 1, cutOff: [], stdout: '{"n":1}\n' });
  });
});

describe.skipIf(pythonProblem !== undefined)(`Python ${pythonProblem ?? ''}`, () => {
  it('calls tools, from threads too, and prints', async () => {
    const end = await bench.run(
      'python',
      `import json, sys
from concurrent.futures import ThreadPoolExecutor
one = json.loads(tools.echo(n=1))
with ThreadPoolExecutor(3) as pool:
    more = list(pool.map(lambda n: tools.echo({'n': n}), [2, 3, 4]))
print(one, sorted(more), dir(tools))
print('to the side', file=sys.stderr)
open('made.txt', 'w').write('by a script')`,
    );
    expect(end).toMatchObject({ code: 0, stopped: undefined, calls: 4 });
    expect(end.stdout).toBe(`{'n': 1} ['{"n":2}', '{"n":3}', '{"n":4}'] ['bad', 'echo']\n`);
    expect(end.stderr).toBe('to the side\n');
    expect(fs.readFileSync(path.join(bench.workspace, 'made.txt'), 'utf8')).toBe('by a script');
  });

  it('gets errors of tools as exceptions, and sees where', async () => {
    const end = await bench.run(
      'python',
      `try:
    tools.bad()
except tools.ToolError as error:
    print('caught', error)
def f():
    tools.nothing_like_it(x=1)
f()`,
    );
    expect(end.stdout).toBe('caught it went wrong\n');
    expect(end.code).toBe(1);
    expect(end.stderr).toMatch(
      /line 7, in <module>\n +f\(\)\n.*line 6, in f\n.*\nToolError: no tool nothing_like_it\n$/s,
    );
  });

  it('ends with the status that it chooses, and is told where it is wrong', async () => {
    expect(await bench.run('python', 'import sys\nsys.exit(3)')).toMatchObject({ code: 3, stderr: '' });
    const end = await bench.run('python', 'print(1)\nprint(');
    expect(end).toMatchObject({ code: 1, stdout: '' });
    expect(end.stderr).toMatch(/script\.py", line 2\n[^]*SyntaxError/);
  });
});

it('Python is refused where there is no sandbox', async () => {
  await expect(bench.run('python', 'print(1)', { sandbox: NO_SANDBOX })).rejects.toMatchObject({
    code: 'tool_unavailable',
    publicMessage: expect.stringMatching(/sandbox only.*JavaScript can be used. Nothing was run/),
  });
});
