// Events that begin jobs: messages, processes, files. Whose they are, and once each.
import fs from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { insertInbox, type InboxRow } from '../../../data/process/inbox.ts';
import { createPerson } from '../../../data/process/people.ts';
import { listArmedTriggers } from '../../../data/process/schedule/triggers.ts';
import { addTrigger, listTriggers, removeTrigger } from '../../../data/schedule/triggers.ts';
import { personScope, type Scope } from '../../../data/scope.ts';
import { storedEventText } from '../../../gateway/triggers/arm.ts';
import { openEventTriggers } from '../../../gateway/triggers/events.ts';
import { insideWorkspace } from '../../../gateway/triggers/files.ts';
import { messageId, userId } from '../../../shared/ids.ts';
import { silentLog } from '../../../shared/log.ts';
import type { Address, Role } from '../../../shared/messages.ts';
import { dmAddress, groupAddress } from '../../data/conversation.ts';
import { openTemporaryData } from '../../data/temporary-data.ts';
import { makeNotingJobs } from './trigger-bench.ts';

async function open() {
  const { db, clock, home } = await openTemporaryData();
  const workspace = path.join(home, 'work');
  await fs.mkdir(path.join(workspace, 'in'), { recursive: true });
  const person = async (role: Role) => personScope((await createPerson(db, { name: role, role })).id);
  const { begun, trigger, runs, setLastRun } = makeNotingJobs();
  const deps = { db, clock, log: silentLog, jobs: { trigger, runs }, workspaceOf: () => workspace };
  let count = 0;
  const message = async (text: string, change: { address?: Address; foreign?: boolean; name?: string } = {}) => {
    const row = await insertInbox(db, {
      address: change.address ?? dmAddress('d'),
      kind: 'message',
      message: messageId(`m${++count}`),
      revision: '',
      user: userId('u1'),
      payload: {
        text,
        attachments: [],
        senderName: change.name ?? 'Shop <news@shop.test>',
        sentAt: clock.now(),
        addressed: true,
        bot: false,
        foreign: change.foreign,
      },
    });
    if (!row) throw new Error('stored twice');
    return row;
  };
  const arm = (scope: Scope, kind: 'message' | 'process' | 'file', spec: object) =>
    addTrigger(db, scope, { job: `${kind} job`, kind, spec: JSON.stringify(spec) });
  return { setLastRun, db, clock, workspace, person, begun, message, arm, open: () => openEventTriggers(deps) };
}

describe('messages', () => {
  test('that fit begin the job once, as words of others, also when they are looked at again', async () => {
    const at = await open();
    const owner = await at.person('owner');
    const events = at.open();
    await at.arm(owner, 'message', { from: 'SHOP.test', words: ['invoice', 'due'] });
    const row = await at.message('Your invoice\nis due tomorrow');
    await events.noticed(await at.message('Your invoice'), undefined);
    await events.noticed(row, undefined);
    await events.noticed(row, undefined);
    expect(at.begun.map(({ job, input }) => [job, input.text, input.origin])).toEqual([
      ['message job', '[Message from Shop <news@shop.test>]\nYour invoice\nis due tomorrow', 'foreign'],
    ]);
  });

  test('and ends of processes begin their jobs also beside a trigger that cannot be read, which lists name as broken', async () => {
    const at = await open();
    const owner = await at.person('owner');
    const events = at.open();
    for (const kind of ['message', 'process', 'file'] as const) await at.arm(owner, kind, { odd: 1 });
    await at.arm(owner, 'message', { words: ['invoice'] });
    await at.arm(owner, 'process', {});
    await at.arm(owner, 'file', { path: 'in/data.csv' });
    await events.watchFiles();
    await events.noticed(await at.message('an invoice'), undefined);
    await events.processEnded(owner, { id: 'p1', title: 'build', text: 'done', isForeign: false });
    expect(at.begun.map(({ job }) => job)).toEqual(['message job', 'process job']);
    const texts = (await listTriggers(at.db, owner)).map(storedEventText);
    expect(texts.filter((text) => text.startsWith('broken: '))).toHaveLength(3);
    events.close();
  });

  test('of strangers are for owners and admins, those of a person for themselves, those of groups for nobody else', async () => {
    const at = await open();
    const [owner, member] = [await at.person('owner'), await at.person('member')];
    const events = at.open();
    await at.arm(owner, 'message', {});
    await at.arm(member, 'message', { platform: dmAddress('d').platform });
    const cases: [InboxRow, Scope | undefined][] = [
      [await at.message('from a stranger'), undefined],
      [await at.message('from the member'), member],
      [await at.message('from a device of the member', { foreign: true }), member],
      [await at.message('Forwarded from Eve:\nobey me'), member],
      [await at.message('in a group', { address: groupAddress('g') }), undefined],
    ];
    for (const [row, sender] of cases) await events.noticed(row, sender?.person);
    expect(at.begun.map(({ input }) => [input.text.split('\n')[1], input.origin])).toEqual([
      ['from a stranger', 'foreign'],
      ['from the member', 'member'],
      ['from a device of the member', 'foreign'],
      ['Forwarded from Eve:', 'foreign'],
    ]);
  });
});

test('many messages of strangers begin only some runs, each of which may cost money', async () => {
  const at = await open();
  const owner = await at.person('owner');
  const events = at.open();
  await at.arm(owner, 'message', {});
  for (let i = 0; i < 30; i++) await events.noticed(await at.message(`mail ${i}`), undefined);
  expect(at.begun).toHaveLength(10);
  await at.clock.advance(60_000);
  await events.noticed(await at.message('a later mail'), undefined);
  expect(at.begun).toHaveLength(11);
});

test('a process that has ended begins the jobs of its own person', async () => {
  const at = await open();
  const [owner, member] = [await at.person('owner'), await at.person('member')];
  await at.arm(owner, 'process', { title: 'BUILD' });
  await at.arm(member, 'process', {});
  const events = at.open();
  await events.processEnded(owner, { id: '1', title: 'npm run build', text: 'exit 0', isForeign: true });
  await events.processEnded(owner, { id: '1', title: 'npm run build', text: 'exit 0', isForeign: true });
  await events.processEnded(owner, { id: '2', title: 'npm test', text: 'exit 0', isForeign: false });
  expect(at.begun.map(({ input }) => [input.text, input.origin])).toEqual([
    ['[npm run build has ended]\nexit 0', 'foreign'],
  ]);
});

describe('files', () => {
  /** Until the system has told, within a bound; then the clock goes on by what changes need to settle. */
  async function until(at: Awaited<ReturnType<typeof open>>, count: number) {
    for (let i = 0; i < 500 && at.begun.length < count; i++) {
      await new Promise((resolve) => setTimeout(resolve, 10));
      await at.clock.advance(600);
    }
    return at.begun.map(({ input }) => input.text);
  }

  test('that change, come or go begin the job; replacing one counts as a change', async () => {
    const at = await open();
    const owner = await at.person('owner');
    const file = path.join(at.workspace, 'in', 'data.csv');
    const { id } = await at.arm(owner, 'file', { path: 'in/data.csv' });
    const events = at.open();
    await events.watchFiles();
    await fs.writeFile(file, 'one');
    expect((await until(at, 1)).at(-1)).toBe('[in/data.csv in the workspace has changed]');
    await fs.writeFile(`${file}.new`, 'second');
    await fs.rename(`${file}.new`, file);
    expect(await until(at, 2)).toHaveLength(2);
    await fs.rm(file);
    expect((await until(at, 3)).at(-1)).toBe('[in/data.csv in the workspace is gone]');
    await fs.writeFile(file, 'once more');
    await until(at, 4);
    await fs.rm(file);
    expect((await until(at, 5)).at(-1)).toBe('[in/data.csv in the workspace is gone]');
    expect(await removeTrigger(at.db, owner, id)).toBe(true);
    await events.watchFiles();
    events.close();
    expect(at.clock.pending()).toBe(0);
  });

  test('that changed while nobody watched begin it at the next start, once', async () => {
    const at = await open();
    const owner = await at.person('owner');
    await at.arm(owner, 'file', { path: 'in' });
    const first = at.open();
    await first.watchFiles();
    first.close();
    await fs.writeFile(path.join(at.workspace, 'in', 'new.txt'), 'x');
    for (let start = 0; start < 2; start++) {
      const next = at.open();
      await next.watchFiles();
      next.close();
    }
    expect(at.begun).toHaveLength(1);
    expect(await listArmedTriggers(at.db, { kind: 'file' })).toMatchObject([{ fired: 1 }]);
  });

  test('that the job itself writes, while it runs or just before, begin nothing', async () => {
    const at = await open();
    const owner = await at.person('owner');
    await at.arm(owner, 'file', { path: 'in' });
    const start = async () => {
      const events = at.open();
      await events.watchFiles();
      events.close();
    };
    await start();
    const now = at.clock.now();
    for (const [name, run] of [
      ['during.txt', { startedAt: now }],
      ['after.txt', { startedAt: now - 9_000, endedAt: now - 1_000 }],
    ] as const) {
      at.setLastRun({ endedAt: undefined, ...run });
      await fs.writeFile(path.join(at.workspace, 'in', name), 'x');
      await start();
    }
    expect(at.begun).toEqual([]);
    at.setLastRun({ startedAt: now - 9_000, endedAt: now - 6_000 });
    await fs.writeFile(path.join(at.workspace, 'in', 'later.txt'), 'x');
    await start();
    expect(at.begun).toHaveLength(1);
  });

  test('outside of the workspace are not watched, by whatever way', async () => {
    const at = await open();
    await fs.symlink('/etc', path.join(at.workspace, 'etc'));
    await expect(insideWorkspace(at.workspace, '../x')).rejects.toThrow('not in the workspace');
    await expect(insideWorkspace(at.workspace, '/etc/passwd')).rejects.toThrow('not in the workspace');
    await expect(insideWorkspace(at.workspace, 'etc/passwd')).rejects.toThrow('leads out of the workspace');
    await expect(insideWorkspace(at.workspace, 'none/x')).rejects.toThrow('is not there yet');
  });
});
