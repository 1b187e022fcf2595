// `npm run bench [-- --json] [-- --checkout] [-- --cpu-prof DIR]`: measures Herald beside a bare loop, on this machine and now: as it is built
// for the package and the image, or as it runs from the checkout. Nothing is compared with an earlier run; what can be held to a number without a clock is held by tests/bench/budget.test.ts. Needs Linux, for /proc.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { buildOnce, teardown } from '../tests/support/build-once.ts';
import { Started, startChatLoad, startModel } from './child-processes.ts';
import { measureInstall } from './install-size.ts';
import { measure, USERS, type Measures } from './measure.ts';
import { measurePromptTokens } from './prompt-tokens.ts';
import { formatReport, type Report } from './report.ts';
import { measureStatements } from './statements.ts';
import { makeBareLoop, makeHerald, type Subject, type SubjectInput } from './subjects.ts';

/** Of each subject. */
const DEADLINE_MS = 100_000;
const ROOT = path.join(import.meta.dirname, '..');

async function measureBeside(options: { root: string; profileTo: string | undefined }): Promise<Report> {
  const machine = {
    cpu: os.cpus()[0]?.model ?? 'unknown',
    cores: os.availableParallelism(),
    memoryGb: Math.round(os.totalmem() / 1024 ** 3),
    system: `${os.type()} ${os.release()}`,
    node: process.versions.node,
    loadBefore: os.loadavg()[0] ?? 0,
  };
  const bare = await withServers((input) => makeBareLoop(input, { conversation: false }));
  const bareAgent = await withServers((input) => makeBareLoop(input, { conversation: true }));
  const herald = await withServers((input) => makeHerald({ ...input, users: USERS, ...options }));
  return {
    date: new Date().toISOString(),
    machine,
    herald,
    bare,
    bareAgent,
    prompt: await measurePromptTokens(),
    install: measureInstall(ROOT),
    database: await measureStatements(),
  };
}

/** Each subject has servers of its own, so that none finds them warmer than the other. */
async function withServers(make: (input: SubjectInput) => Subject): Promise<Measures> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'herald-bench-'));
  const started = new Started();
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), DEADLINE_MS);
  try {
    const tooLate = new Promise<never>((_, reject) =>
      late.signal.addEventListener('abort', () => reject(new Error('the benchmark took too long'))),
    );
    const chat = await startChatLoad(started);
    const modelUrl = await startModel(started, folder);
    return await Promise.race([measure(make({ started, chat, modelUrl, folder }), chat), tooLate]);
  } finally {
    clearTimeout(timer);
    await started.stopAll();
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

const { values } = parseArgs({
  options: { json: { type: 'boolean' }, checkout: { type: 'boolean' }, 'cpu-prof': { type: 'string' } },
});
if (os.platform() !== 'linux') {
  console.error('The benchmark reads /proc, so it runs on Linux only.');
  process.exitCode = 1;
} else {
  const profileTo = values['cpu-prof'];
  try {
    const report = await measureBeside({
      root: values.checkout ? ROOT : await buildOnce(),
      profileTo: profileTo === undefined ? undefined : path.resolve(profileTo),
    });
    console.log(values.json ? JSON.stringify(report, undefined, 2) : formatReport(report));
  } finally {
    teardown();
  }
}
