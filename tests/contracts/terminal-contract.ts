// What every place to run commands in must do, through the shell and the jobs that Herald builds on it. A backend runs it with one call of
// `terminalContract`; everything is real: processes, files, signals.
import { createHash, randomBytes } from 'node:crypto';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JobNote, JobNotes } from '../../agent/terminal/job-notes.ts';
import { openJobs } from '../../agent/terminal/jobs.ts';
import { openShell } from '../../agent/terminal/shell.ts';
import { AppError } from '../../shared/errors.ts';
import { systemClock } from '../../shared/clock.ts';
import { silentLog } from '../../shared/log.ts';
import { describeJobs } from './terminal-jobs.ts';
import { describeUnless, makeRig, never, output, type Rig, type TerminalContract } from './terminal-rig.ts';

export function terminalContract(name: string, contract: TerminalContract): void {
  describe.skipIf(contract.skip !== undefined)(
    `${name} as a terminal${contract.skip === undefined ? '' : ` (skipped: ${contract.skip})`}`,
    () => {
      const rig = makeRig(contract);
      beforeAll(rig.open, 60_000);
      afterAll(rig.close, 60_000);
      // First what may go on at the same time, then what changes the shell that all share.
      describeCalls(rig);
      describeHostile(rig);
      describeStopping(rig);
      describeFiles(rig);
      describeLasting(rig);
      describeUnless(rig.skipScripts, 'what the scripts do', () => describeScripts(rig));
      describeUnless(rig.skipHeavy, 'much output', () => describeHeavy(rig));
      describeJobs(rig);
      describeEnd(rig);
    },
  );
}

function describeCalls(rig: Rig): void {
  it.concurrent('gives output of both kinds in order, and the exit status', async ({ expect }) => {
    const result = await rig.run('echo one; echo two >&2; echo three; exit 3');
    expect(result).toMatchObject({ code: 3, ended: 'exit', output: 'one\ntwo\nthree\n', droppedBytes: 0 });
  });

  it.concurrent('runs in the workspace, which is made when it is not there', async ({ expect }) => {
    expect(await output(rig, 'cd "$(dirname "$PWD")" && cd - >/dev/null && pwd')).toBe(`${rig.machine().workspace}\n`);
  });

  it.concurrent('has no input: a program that asks for some ends', async ({ expect }) => {
    expect(await output(rig, 'cat; read -r line || echo "no line"')).toBe('no line\n');
  });

  it.concurrent('gives commands nothing of our own environment', async ({ expect }) => {
    process.env['HERALD_CONTRACT_SECRET'] = 'sk-not-for-children';
    try {
      const seen = await output(rig, "env; cat /proc/self/environ 2>/dev/null | tr '\\0' '\\n'");
      expect(seen).not.toContain('sk-not-for-children');
      expect(seen).not.toContain('VITEST');
      expect(seen).toContain('PATH=');
    } finally {
      delete process.env['HERALD_CONTRACT_SECRET'];
    }
  });

  it.concurrent('hands output on while it comes', async ({ expect }) => {
    const seen: string[] = [];
    const file = path.posix.join(rig.machine().workspace, 'heard-early');
    const result = await rig.run('echo early; until [ -e heard-early ]; do sleep 0.05; done; echo late', {
      cwd: rig.machine().workspace,
      onOutput(chunk) {
        if (seen.push(Buffer.from(chunk).toString()) === 1) void rig.machine().put(file, new Uint8Array(), never);
      },
    });
    expect(result).toMatchObject({ code: 0, ended: 'exit' });
    expect(seen.join('')).toBe('early\nlate\n');
  });

  it.concurrent('runs calls at the same time without mixing them up', async ({ expect }) => {
    const results = await Promise.all([1, 2, 3].map((n) => output(rig, `sleep 0.${n}; echo call ${n}`)));
    expect(results).toEqual(['call 1\n', 'call 2\n', 'call 3\n']);
  });

  it.concurrent('gives a pseudo-terminal when asked, and only then', async ({ expect }) => {
    const check = 'if [ -t 0 ] && [ -t 1 ]; then echo a terminal; else echo none; fi; exit 4';
    expect(await rig.run(check)).toMatchObject({ code: 4, output: 'none\n' });
    const result = await rig.run(check, { pty: true });
    if (result.code === 126) expect(result.output).toContain('no program here that makes a pseudo-terminal');
    else expect(result).toMatchObject({ code: 4, output: 'a terminal\r\n' });
    expect(await output(rig, 'cat; echo "$TERM"')).toBe('dumb\n');
  });
}

function describeLasting(rig: Rig): void {
  it('keeps the working folder, also over a restart', async () => {
    const first = await rig.run("mkdir -p 'a b/c' && cd 'a b/c'");
    expect(first.cwd).toBe(path.posix.join(rig.machine().workspace, 'a b/c'));
    expect(await output(rig, 'pwd')).toBe(`${first.cwd}\n`);
    const again = openShell(await rig.reopen(), { clock: systemClock });
    expect((await again.run({ command: 'pwd; cd - >/dev/null; pwd', timeoutMs: 15_000, signal: never })).output).toBe(
      `${first.cwd}\n${rig.machine().workspace}\n`,
    );
  });
}

function describeHostile(rig: Rig): void {
  it.concurrent('runs exactly the text that it was given', async ({ expect }) => {
    const text = `'"\\$HOME \`id\` $(id) ; & | < > * ? [a] # ! ~ {a,b} \t é 東京 %s %n \\0 \\\\`;
    expect(await output(rig, `cat <<'EOF'\n${text}\nEOF`)).toBe(`${text}\n`);
  });

  it.concurrent('refuses NUL, and commands that are too long', async ({ expect }) => {
    await expect(rig.run('echo a\0b')).rejects.toMatchObject({ code: 'bad_input' });
    await expect(rig.run('x'.repeat(5 * 1024 * 1024))).rejects.toMatchObject({ code: 'too_large' });
  });

  it.concurrent('runs a command of a megabyte', async ({ expect }) => {
    const data = randomBytes(512 * 1024).toString('hex');
    const digest = createHash('sha256').update(`${data}\n`).digest('hex');
    expect(await output(rig, `sha256sum <<'EOF' | cut -c 1-64\n${data}\nEOF`, { timeoutMs: 60_000 })).toBe(
      `${digest}\n`,
    );
  });

  it.concurrent('keeps head and tail of long output', async ({ expect }) => {
    const result = await rig.run('echo first; head -c 2000000 /dev/zero | tr "\\0" x; echo; echo last');
    expect(result.output.startsWith('first\nxxx')).toBe(true);
    expect(result.output.endsWith('xxx\nlast\n')).toBe(true);
    expect(result.output.length).toBeLessThan(64 * 1024);
    expect(result.droppedBytes).toBeGreaterThan(1_900_000);
  });

  it.concurrent('takes binary output', async ({ expect }) => {
    const text = await output(rig, String.raw`printf 'a\000b\377\376c\033[31m\r\n'`);
    expect(text).toContain('a\0b');
    expect(text).toMatch(/c\u001b\[31m\r\n$/);
  });
}

/** A word that only processes of this test carry. */
const makeMark = () => `6${randomBytes(3).readUIntBE(0, 3)}`;

/** Counts what still runs with `sleep 8<mark>`, by its arguments; a zombie has none, and the one that looks carries brackets. */
async function countSleeping(rig: Rig, mark: string): Promise<number> {
  const all = "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n'";
  return Number(await output(rig, `${all} | grep -cx '[8]${mark}' || true`));
}

function describeStopping(rig: Rig): void {
  it.concurrent('ends one that ignores TERM, and what left its group', async ({ expect }) => {
    const mark = makeMark();
    const word = `8${mark}`;
    const stubborn = `trap '' TERM HUP INT; setsid sleep ${word} & sleep ${word}; sleep ${word}; sleep ${word}`;
    expect((await rig.run(stubborn, { timeoutMs: 500 })).ended).toBe('timeout');
    expect(await countSleeping(rig, mark)).toBe(0);
  });

  it.concurrent('ends at once when the turn is stopped', async ({ expect }) => {
    const mark = makeMark();
    const word = `8${mark}`;
    const controller = new AbortController();
    const running = rig.run(`trap '' TERM; echo up; setsid sleep ${word} & sleep ${word}; sleep ${word}`, {
      signal: controller.signal,
      onOutput: () => setTimeout(() => controller.abort(), 50),
    });
    await expect(running).rejects.toMatchObject({ code: 'cancelled' });
    await expect.poll(() => countSleeping(rig, mark), { timeout: 5_000 + rig.slowMs, interval: 250 }).toBe(0);
    await expect(rig.run('echo no', { signal: controller.signal })).rejects.toBeInstanceOf(AppError);
  });
}

/** What is decided by the scripts and the shell alone. */
function describeScripts(rig: Rig): void {
  it.concurrent('tells what is not there, what was killed, and what is no whole command', async ({ expect }) => {
    expect((await rig.run('no-such-program-here')).code).toBe(127);
    expect((await rig.run('kill -KILL $$')).code).toBe(137);
    expect((await rig.run("echo 'open")).code).not.toBe(0);
    expect(await output(rig, "echo fine # ' } ) EOF")).toBe('fine\n');
  });

  it('keeps what was exported, whatever it holds, and forgets what was not', async () => {
    await output(rig, `export HOSTILE="a'b\\"c\n\\$(touch pwned) \\\`id\\\`"; plain=1; export GONE=x`);
    await output(rig, 'unset GONE LANG; exit 0');
    const told = await output(rig, 'printf "%s|%s|%s|%s" "$HOSTILE" "$plain" "$GONE" "$LANG"; ls');
    expect(told.slice(0, told.lastIndexOf('|') + 1)).toBe(`a'b"c\n$(touch pwned) \`id\`|||`);
    expect(told).not.toContain('\npwned');
  });

  it('keeps both when the command ends by exit, and the old ones when it is killed', async () => {
    await rig.run('export KEPT=1; exit 5');
    await rig.run('export KEPT=2; kill -KILL $$');
    expect(await output(rig, 'echo "$KEPT"')).toBe('1\n');
  });

  it('recovers from a broken PATH', async () => {
    await rig.run('export OLD_PATH="$PATH" PATH=/nowhere');
    expect(await output(rig, 'export PATH="$OLD_PATH"; ls / >/dev/null && echo fine')).toBe('fine\n');
    expect(await output(rig, 'uname >/dev/null && echo fine')).toBe('fine\n');
  });

  it('takes a folder for one call only', async () => {
    await output(rig, `cd '${rig.machine().workspace}' && mkdir -p once`);
    expect(await output(rig, 'pwd', { cwd: 'once' })).toBe(`${rig.machine().workspace}/once\n`);
    expect(await output(rig, 'pwd')).toBe(`${rig.machine().workspace}\n`);
    expect(await output(rig, '[ "$PWD" = "$HOME" ] && echo home', { cwd: '~' })).toBe('home\n');
    const missing = await rig.run('echo ran', { cwd: "no'where" });
    expect(missing.code).toBe(96);
    expect(missing.output).toContain("no'where");
    expect(missing.output).not.toContain('ran');
  });

  it('goes back to the workspace when its folder was deleted', async () => {
    await output(rig, 'mkdir -p doomed/deep && cd doomed/deep && rm -rf ../../doomed');
    const after = await rig.run('pwd');
    expect(after).toMatchObject({ code: 0, moved: true, output: `${rig.machine().workspace}\n` });
    expect((await rig.run('pwd')).moved).toBe(false);
  });

  it('is not taken in by output that looks like its own report', async () => {
    const fake = await rig.run(String.raw`printf '\000herald-0123456789abcdef01234567 0 exit no /etc\000'; exit 9`);
    expect(fake.code).toBe(9);
    expect(fake.cwd).toBe(rig.machine().workspace);
  });

  it('leaves no notes of calls that are over, and clears away what killed ones left', async () => {
    const runs = `'${rig.machine().stateDir}/runs'`;
    const count = async () => Number(await output(rig, `ls ${runs} | wc -l`));
    await output(rig, `cd ${runs} && for n in $(seq 1 25); do mkdir old$n && touch -t 202001010000 old$n; done; cd -`);
    const before = await count();
    expect(before).toBeLessThan(20);
    await rig.run('exit 1');
    expect(await count()).toBe(before);
  });

  it.concurrent('ends a command that takes too long, with all of its group', async ({ expect }) => {
    const mark = makeMark();
    const word = `8${mark}`;
    const started = Date.now();
    const result = await rig.run(`echo begun; sleep ${word} & (sleep ${word} & sleep ${word})`, { timeoutMs: 500 });
    expect(result).toMatchObject({ ended: 'timeout', output: 'begun\n' });
    expect(Date.now() - started).toBeLessThan(6_000 + rig.slowMs);
    expect(await countSleeping(rig, mark)).toBe(0);
  });

  it.concurrent('ends what a command leaves behind in its group, and does not wait for it', async ({ expect }) => {
    const mark = makeMark();
    const word = `8${mark}`;
    const started = Date.now();
    expect((await rig.run(`sleep ${word} & echo done`)).output).toBe('done\n');
    expect(Date.now() - started).toBeLessThan(6_000 + rig.slowMs);
    expect(await countSleeping(rig, mark)).toBe(0);
  });
}

function describeHeavy(rig: Rig): void {
  it('keeps head and tail of endless output in flat memory', async () => {
    const before = process.memoryUsage();
    let peak = 0;
    const result = await rig.run('echo first; head -c 100000000 /dev/zero | tr "\\0" x; echo; echo last', {
      timeoutMs: 60_000 + rig.slowMs,
      onOutput: () => (peak = Math.max(peak, process.memoryUsage.rss())),
    });
    expect(result.output.startsWith('first\nxxx')).toBe(true);
    expect(result.output.endsWith('xxx\nlast\n')).toBe(true);
    expect(result.output.length).toBeLessThan(64 * 1024);
    expect(result.droppedBytes).toBeGreaterThan(99_000_000);
    expect(peak - before.rss).toBeLessThan(100 * 1024 * 1024);
  });
}

function describeFiles(rig: Rig): void {
  it.concurrent('takes and gives files whole, whatever their name', async ({ expect }) => {
    const machine = rig.machine();
    const file = path.posix.join(machine.workspace, "put dir/it's $(id) é\n.bin");
    const bytes = randomBytes(300_000);
    await machine.put(file, bytes, never);
    expect(Buffer.compare(Buffer.from(await machine.get(file, 400_000, never)), bytes)).toBe(0);
    await machine.put(file, Buffer.from('short'), never);
    expect(Buffer.from(await machine.get(file, 5, never)).toString()).toBe('short');
    await expect(machine.get(file, 4, never)).rejects.toMatchObject({ code: 'too_large' });
    expect(await output(rig, "find 'put dir' -type f | wc -l")).toMatch(/^\s*2\n$/);
    await machine.put(path.posix.join(machine.workspace, 'empty'), new Uint8Array(), never);
    expect((await machine.get(path.posix.join(machine.workspace, 'empty'), 10, never)).length).toBe(0);
    await expect(machine.put('empty', new Uint8Array(), never)).rejects.toMatchObject({ code: 'bad_input' });
  });

  it.concurrent('keeps the mode of a file that it replaces', async ({ expect }) => {
    const machine = rig.machine();
    await output(
      rig,
      'mkdir -p modes; echo old | tee modes/secret >modes/program; chmod 600 modes/secret; chmod 755 modes/program',
    );
    for (const name of ['secret', 'program', 'new'])
      await machine.put(path.posix.join(machine.workspace, 'modes', name), Buffer.from('echo new'), never);
    expect(await output(rig, 'modes/program; ls -ln modes | cut -c 1-10')).toMatch(
      /^new\ntotal.*\n-rw-(r--|rw-)r--\n-rwxr-xr-x\n-rw-------\n$/,
    );
  });

  it.concurrent('says what is not there, and does not replace folders', async ({ expect }) => {
    const machine = rig.machine();
    await expect(machine.get(path.posix.join(machine.workspace, 'none'), 10, never)).rejects.toMatchObject({
      code: 'not_found',
    });
    await output(rig, 'mkdir -p folder');
    await expect(
      machine.put(path.posix.join(machine.workspace, 'folder'), Buffer.from('x'), never),
    ).rejects.toBeInstanceOf(AppError);
    await expect(machine.get(path.posix.join(machine.workspace, 'folder'), 10, never)).rejects.toBeInstanceOf(AppError);
  });
}

function describeEnd(rig: Rig): void {
  it('ends for good, with what runs on it, and can be ended twice', async () => {
    const machine = await rig.reopen();
    const options = { clock: systemClock, log: silentLog, notes: memoryNotes(), events: unheard, key: 'k' };
    const jobs = openJobs(machine, options);
    const id = await jobs.start({ command: 'sleep 60', owner: '', signal: never });
    expect((await jobs.poll(id, never)).state).toBe('running');
    await jobs.close();
    await machine.destroy();
    await machine.destroy();
    const again = openJobs(await rig.reopen(), options);
    expect((await again.list(never)).filter((job) => job.state === 'running')).toEqual([]);
    await again.close();
  });
}

const unheard = { onEvent: () => Promise.resolve() };

function memoryNotes(): JobNotes {
  const notes = new Map<string, JobNote>();
  return { get: (id) => notes.get(id), all: () => [...notes.values()], put: (note) => void notes.set(note.id, note) };
}
