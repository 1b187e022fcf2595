// The official example servers through the client: everything (over both transports), filesystem, memory.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { ElicitationQuestion, SamplingRequest } from '../../../agent/mcp/ports.ts';
import { systemClock } from '../../../shared/clock.ts';
import { freePort } from '../../support/free-port.ts';
import { officialServer, openRig, until, type McpRig, type RigOptions } from '../../support/mcp/rig.ts';

const ends: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function ready(servers: Record<string, unknown>, options: RigOptions = {}): Promise<McpRig> {
  const rig = await openRig(servers, options);
  ends.push(() => rig.close());
  await until(() => rig.mcp.tools().length > 0);
  return rig;
}

function temporaryFolder(): string {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'herald-mcp-'));
  ends.push(() => fs.rmSync(dir, { recursive: true, force: true }));
  return dir;
}

describe('everything, over stdio', () => {
  test('its tools, resources and prompts are there, and nothing of it is held back', async () => {
    const rig = await ready({ every: officialServer('everything', 'stdio') });
    const [status] = rig.mcp.status();
    expect(status).toMatchObject({
      transport: 'stdio',
      state: 'ready',
      heldBack: [],
      warnings: [],
      problem: undefined,
    });
    expect(status?.title).toMatch(/everything/);
    expect(await rig.call('mcp_every_echo', { message: 'hi' })).toMatchObject({ text: 'Echo: hi', origin: 'foreign' });
    expect((await rig.call('mcp_every_get_sum', { a: 2, b: 3 })).text).toContain('5');
    expect(rig.tool('mcp_every_get_sum').prepare({ a: 'two', b: 3 })).toMatchObject({ ok: false });
    expect((await rig.call('mcp_every_get_structured_content', { location: 'Chicago' })).text).toContain('temperature');
    expect((await rig.call('mcp_every_get_resource_links', { count: 2 })).text).toContain('[resource demo://resource');
    expect(
      (await rig.call('mcp_every_get_resource_reference', { resourceType: 'Text', resourceId: 1 })).text,
    ).toContain('[resource demo://');
    const listed = (await rig.call('mcp_every_list_resources')).text;
    expect(listed).toContain('demo://resource/dynamic/text/{resourceId}');
    expect((await rig.call('mcp_every_read_resource', { uri: 'demo://resource/dynamic/text/1' })).text).toContain(
      'Resource 1',
    );
    expect((await rig.call('mcp_every_read_resource', { uri: 'demo://no' })).isError).toBe(true);
    expect((await rig.call('mcp_every_list_prompts')).text).toContain('simple-prompt');
    expect((await rig.call('mcp_every_get_prompt', { name: 'simple-prompt' })).text).toMatch(/^user: /);
    expect((await rig.call('mcp_every_get_env')).text).not.toContain('npm_');
  });

  test('images are kept as files when there is somewhere to keep them', async () => {
    const kept: { name: string; mime: string; bytes: number }[] = [];
    const rig = await ready(
      { every: officialServer('everything', 'stdio') },
      {
        ports: {
          async storeFile({ name, mime, bytes }) {
            kept.push({ name, mime, bytes: bytes.byteLength });
            return { kind: 'image', path: '/x', name, mime, bytes: bytes.byteLength };
          },
        },
      },
    );
    const { text, files } = await rig.call('mcp_every_get_tiny_image');
    expect(kept).toEqual([{ name: 'image-1.png', mime: 'image/png', bytes: expect.any(Number) }]);
    expect(files).toHaveLength(1);
    expect(text).toContain('shown to the person');
  });

  test('it may ask model and person, for whom it was called', async () => {
    const sampled: SamplingRequest[] = [];
    const questions: ElicitationQuestion[] = [];
    const rig = await ready(
      { every: { ...officialServer('everything', 'stdio'), sampling: { enabled: true } } },
      {
        ports: {
          async ask(request) {
            sampled.push(request);
            return { text: 'a poem', toolCalls: [], stop: 'end', model: 'm' };
          },
          async askPerson(question) {
            questions.push(question);
            return { action: 'decline' };
          },
        },
      },
    );
    const tools = () => rig.mcp.tools().map(({ name }) => name);
    await until(() => tools().includes('mcp_every_trigger_sampling_request'));
    const poem = await rig.call(
      'mcp_every_trigger_sampling_request',
      { prompt: 'write', maxTokens: 9_999 },
      { person: 'bob' },
    );
    expect(poem.text).toContain('a poem');
    expect(sampled).toMatchObject([
      { server: 'every', maxOutputTokens: 4_096, tools: [], caller: { scope: { person: 'bob' } } },
    ]);
    const asked = await rig.call('mcp_every_trigger_elicitation_request');
    expect(asked.text).toMatch(/decline/i);
    expect(questions).toMatchObject([{ server: 'every', mode: 'form' }]);
  });

  test('it is closed when nobody uses it, known at the next start, and started again by a call', async () => {
    const dir = temporaryFolder();
    const servers = { every: { ...officialServer('everything', 'stdio'), idle_timeout_seconds: 0.2 } };
    const rig = await ready(servers, { dir });
    await until(() => rig.mcp.status()[0]?.state === 'idle');
    await rig.mcp.close();
    const again = await openRig(servers, { dir });
    ends.push(() => again.close());
    expect(again.mcp.tools().length).toBeGreaterThan(10);
    expect(again.mcp.status()[0]?.state).toBe('idle');
    expect((await again.call('mcp_every_echo', { message: 'there' })).text).toBe('Echo: there');
  });
});

test('everything, over streamable HTTP', async () => {
  const port = await freePort();
  const { command, args } = officialServer('everything', 'streamableHttp');
  const server = spawn(command, args, { env: { PATH: process.env['PATH'], PORT: String(port) }, stdio: 'pipe' });
  ends.push(() => void server.kill('SIGKILL'));
  let said = '';
  for (const stream of [server.stdout, server.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
  await until(() => said.includes('listening'));
  const rig = await ready({ every: { url: `http://127.0.0.1:${port}/mcp` } });
  expect(rig.mcp.status()[0]).toMatchObject({ transport: 'http', state: 'ready' });
  expect((await rig.call('mcp_every_echo', { message: 'hi' })).text).toBe('Echo: hi');
  const long = rig.call('mcp_every_trigger_long_running_operation', { duration: 0.2, steps: 2 });
  expect((await long).text).toMatch(/completed/i);
  server.kill('SIGKILL');
  await until(() => server.exitCode !== null || server.signalCode !== null);
  const gone = await rig.call('mcp_every_echo', { message: 'hi' });
  expect(gone).toMatchObject({ isError: true });
  expect(rig.mcp.tools().length).toBeGreaterThan(10);
});

test('filesystem reads and writes in the folder of the person, and nowhere else', async () => {
  const [ann, bob, own] = [temporaryFolder(), temporaryFolder(), temporaryFolder()];
  fs.writeFileSync(path.join(ann, 'a.txt'), 'of ann');
  const rig = await ready({ files: { ...officialServer('filesystem', own), roots: true } });
  const read = (who: string, file: string) =>
    rig.call('mcp_files_read_text_file', { path: file }, { person: path.basename(who), workspace: who });
  // The server takes roots over in its own time.
  let text = '';
  for (let attempt = 0; attempt < 20 && text !== 'of ann'; attempt++) {
    ({ text } = await read(ann, path.join(ann, 'a.txt')));
    await systemClock.sleep(50);
  }
  expect(text).toBe('of ann');
  const refused = await read(bob, path.join(ann, 'a.txt'));
  expect(refused.isError).toBe(true);
  expect(refused.text).not.toContain('of ann');
  expect((await read(ann, '/etc/passwd')).isError).toBe(true);
  for (let attempt = 0; attempt < 20 && !fs.existsSync(path.join(bob, 'b.txt')); attempt++) {
    const args = { path: path.join(bob, 'b.txt'), content: 'x' };
    await rig.call('mcp_files_write_file', args, { workspace: bob, person: path.basename(bob) });
    await systemClock.sleep(50);
  }
  expect(fs.readFileSync(path.join(bob, 'b.txt'), 'utf8')).toBe('x');
  expect(rig.tool('mcp_files_read_text_file').available({ role: 'member', address: undefined as never })).toBe(false);
});

test('memory keeps what it is told, and only what changed in the configuration is touched', async () => {
  const dir = temporaryFolder();
  const memory = { ...officialServer('memory'), env: { MEMORY_FILE_PATH: path.join(dir, 'memory.jsonl') } };
  const rig = await ready({ memory, other: { ...officialServer('memory'), enabled: false } });
  const entities = [{ name: 'A', entityType: 't', observations: ['likes tea'] }];
  expect((await rig.call('mcp_memory_create_entities', { entities })).isError).toBe(false);
  expect((await rig.call('mcp_memory_read_graph')).text).toContain('likes tea');
  const { mcpServersSection } = await import('../../../agent/mcp/config.ts');
  const same = mcpServersSection.parse({
    memory,
    filtered: { ...memory, tools: { include: ['read_*', 'search*'], exclude: ['*_nodes'] }, resources: false },
  });
  await rig.mcp.reload(same);
  expect(rig.mcp.status().map(({ name, state }) => `${name} ${state}`)).toContain('memory ready');
  await until(() => rig.mcp.tools().some(({ name }) => name.startsWith('mcp_filtered')));
  expect(
    rig.mcp
      .tools()
      .map(({ name }) => name)
      .filter((name) => name.startsWith('mcp_filtered')),
  ).toEqual(['mcp_filtered_read_graph']);
  await rig.mcp.reload(mcpServersSection.parse({}));
  expect(rig.mcp.tools()).toEqual([]);
  expect(fs.readdirSync(path.join(rig.dir, 'catalog'))).toEqual([]);
});
