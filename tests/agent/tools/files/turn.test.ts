// The tools for files in whole turns: what the policy makes of them, and what is undone afterwards.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openCheckpoints, type Checkpoints } from '../../../../agent/checkpoints/checkpoints.ts';
import { makeFileTools } from '../../../../agent/tools/files/file-tools.ts';
import type { Tool } from '../../../../agent/tools/tool.ts';
import { decideApproval } from '../../../../data/policy/approvals.ts';
import { systemClock } from '../../../../shared/clock.ts';
import { silentLog } from '../../../../shared/log.ts';
import { makeCall, makePorts, openHome, outline, runTurnOnce, type Home, type Scripted } from '../../fixture.ts';

let home: Home;
let checkpoints: Checkpoints;
let tools: readonly Tool[];
let workspace: string;
beforeEach(async () => {
  home = await openHome();
  checkpoints = openCheckpoints({ dir: path.join(home.dir, 'checkpoints'), clock: systemClock, log: silentLog });
  tools = makeFileTools({ home: home.dir, userHome: undefined, clock: systemClock, checkpoints });
  // As tests/agent/fixture.ts names it.
  workspace = path.join(home.dir, 'workspaces', home.scope.space.replace(/[^a-z0-9]/gi, '-'));
});
afterEach(() => home.close());

async function run(calls: readonly Scripted[], asked: string[] = []) {
  const ports = makePorts({
    requestApproval: async (approval, reason) => {
      asked.push(`${approval.tool}: ${reason}`);
      await decideApproval(home.db, home.scope, approval.id, { allow: true });
    },
  });
  const { result } = await runTurnOnce(home, [...calls, { text: 'done' }], { agent: { tools, ports } });
  return outline(result.transcript).join('\n');
}

describe('in a turn', () => {
  it('files are written, read, patched and searched without a question, and undone', async () => {
    const asked: string[] = [];
    const told = await run(
      [
        { toolCalls: [makeCall('write_file', { path: 'src/a.ts', content: 'const a = 1;\n' })] },
        { toolCalls: [makeCall('read_file', { path: 'src/a.ts' })] },
        { toolCalls: [makeCall('patch', { path: 'src/a.ts', old_string: 'a = 1', new_string: 'a = 2' })] },
        { toolCalls: [makeCall('search_files', { pattern: 'a = 2' })] },
      ],
      asked,
    );
    expect(asked).toEqual([]);
    expect(told).toContain('tool read_file: 1|const a = 1;');
    expect(told).toContain('tool search_files: src/a.ts\n1:const a = 2;');
    expect(readFileSync(path.join(workspace, 'src/a.ts'), 'utf8')).toBe('const a = 2;\n');
    const [checkpoint] = await checkpoints.list(home.scope.space);
    expect(checkpoint?.paths.at(-1)).toBe(path.join(workspace, 'src/a.ts'));
    await checkpoints.undo(home.scope.space, checkpoint?.id ?? '');
    expect(existsSync(workspace) ? readdirSync(workspace) : []).toEqual([]);
  });

  it('secrets are refused without a question', async () => {
    await writeFile(path.join(home.dir, '.env'), 'OPENAI_API_KEY=very-secret\n');
    const asked: string[] = [];
    const told = await run(
      [
        { toolCalls: [makeCall('read_file', { path: path.join(home.dir, '.env') })] },
        { toolCalls: [makeCall('search_files', { pattern: 'very', path: home.dir }, 'c2')] },
        { toolCalls: [makeCall('write_file', { path: '../../config.yaml', content: 'x' }, 'c3')] },
      ],
      asked,
    );
    expect(asked).toEqual([]);
    expect(told).not.toContain('very-secret');
    expect(told.match(/Not allowed: /g)).toHaveLength(3);
    expect(existsSync(path.join(home.dir, 'config.yaml'))).toBe(false);
  });

  it('outside, and what steers later turns, is asked about', async () => {
    const asked: string[] = [];
    await run(
      [
        { toolCalls: [makeCall('write_file', { path: 'AGENTS.md', content: 'Be brief.\n' })] },
        { toolCalls: [makeCall('read_file', { path: '/etc/hostname' }, 'c2')] },
      ],
      asked,
    );
    expect(asked).toHaveLength(2);
    expect(asked[0]).toContain('AGENTS.md');
    expect(readFileSync(path.join(workspace, 'AGENTS.md'), 'utf8')).toBe('Be brief.\n');
  });
});
