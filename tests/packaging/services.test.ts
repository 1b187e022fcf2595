// The service files for systemd and launchd.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { EXIT } from '../../cli/exit-codes.ts';
import { parsePlist } from './plist.ts';

const PACKAGING = path.join(import.meta.dirname, '../../packaging');
const unit = readFileSync(path.join(PACKAGING, 'systemd/herald.service'), 'utf8');
const plistText = readFileSync(path.join(PACKAGING, 'launchd/herald.gateway.plist'), 'utf8');

function readUnit(text: string): Map<string, Map<string, string>> {
  const sections = new Map<string, Map<string, string>>();
  let section = new Map<string, string>();
  for (const line of text.split('\n').filter((candidate) => candidate.trim() !== '' && !candidate.startsWith('#'))) {
    const name = /^\[(\w+)\]$/.exec(line)?.[1];
    if (name !== undefined) sections.set(name, (section = new Map()));
    else {
      const [, key, value] = /^(\w+)=(.*)$/.exec(line) ?? [];
      if (key === undefined || value === undefined) throw new Error(`not a setting: ${line}`);
      section.set(key, value);
    }
  }
  return sections;
}

describe('systemd', () => {
  const service = readUnit(unit).get('Service') ?? new Map<string, string>();

  test('starts the gateway by an absolute path', () => {
    expect(service.get('ExecStart')).toMatch(/^(\/|%h\/)\S+ start$/);
    expect(readUnit(unit).get('Install')?.get('WantedBy')).toBe('default.target');
  });

  test('restarts for ever with growing waits, but not on a bad configuration', () => {
    expect(Object.fromEntries(service)).toMatchObject({
      Restart: 'always',
      RestartSec: '5',
      RestartSteps: '8',
      RestartMaxDelaySec: '60',
    });
    expect(readUnit(unit).get('Unit')?.get('StartLimitIntervalSec')).toBe('0');
    expect(service.get('RestartPreventExitStatus')).toBe(String(EXIT.startConfigInvalid));
    expect(service.get('SuccessExitStatus')).toBe(String(EXIT.restart));
  });

  test('lets turns end, then kills the rest', () => {
    expect(Object.fromEntries(service)).toMatchObject({ KillMode: 'process', KillSignal: 'SIGTERM' });
    expect(Number(service.get('TimeoutStopSec'))).toBeGreaterThan(10);
  });

  test('gives away what it does not need, and keeps what V8 needs', () => {
    expect(Object.fromEntries(service)).toMatchObject({
      NoNewPrivileges: 'yes',
      UMask: '0077',
      RestrictSUIDSGID: 'yes',
    });
    expect(service.has('MemoryDenyWriteExecute')).toBe(false);
    expect(service.has('User')).toBe(false);
    expect(service.get('RestrictAddressFamilies')?.split(' ')).toEqual(
      expect.arrayContaining(['AF_UNIX', 'AF_INET', 'AF_INET6']),
    );
  });

  test('systemd-analyze finds nothing wrong', (context) => {
    if (spawnSync('systemd-analyze', ['--version']).status !== 0) context.skip('no systemd-analyze on this machine');
    const folder = mkdtempSync(path.join(tmpdir(), 'herald-unit-'));
    try {
      const file = path.join(folder, 'herald.service');
      // The command is not installed here; any program stands for it.
      writeFileSync(file, unit.replace('ExecStart=%h/.local/bin/herald', `ExecStart=${process.execPath}`));
      const result = spawnSync('systemd-analyze', ['verify', '--user', '--man=no', file], {
        encoding: 'utf8',
        timeout: 15_000,
        env: { PATH: process.env['PATH'], HOME: folder, XDG_RUNTIME_DIR: folder },
      });
      const complaints = result.stderr.split('\n').filter((line) => line.includes('herald.service'));
      // Older versions do not know the two names of growing waits, and say so.
      expect(
        complaints.filter((line) => !/Unknown key(?: name)? '(RestartSteps|RestartMaxDelaySec)'/.test(line)),
      ).toEqual([]);
      expect(result.status, result.stderr).toBe(0);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test('and would find a mistake', (context) => {
    if (spawnSync('systemd-analyze', ['--version']).status !== 0) context.skip('no systemd-analyze on this machine');
    const folder = mkdtempSync(path.join(tmpdir(), 'herald-unit-'));
    try {
      const file = path.join(folder, 'herald.service');
      writeFileSync(file, unit.replace('ExecStart=%h/.local/bin/herald', 'ExecStart=/no/such/program'));
      const env = { PATH: process.env['PATH'], HOME: folder, XDG_RUNTIME_DIR: folder };
      const result = spawnSync('systemd-analyze', ['verify', '--user', '--man=no', file], {
        encoding: 'utf8',
        timeout: 15_000,
        env,
      });
      expect(result.stderr).toContain('/no/such/program');
      expect(result.status).not.toBe(0);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe('launchd', () => {
  const plist = parsePlist(plistText);

  test('starts the gateway, keeps it alive, and waits between starts', () => {
    expect(plist).toMatchObject({
      Label: 'herald.gateway',
      ProgramArguments: ['@HOME@/.local/bin/herald', 'start'],
      RunAtLoad: true,
      KeepAlive: true,
      ThrottleInterval: 10,
      ExitTimeOut: 30,
      Umask: 0o077,
    });
  });

  test('every path is absolute once the home folder is in', () => {
    const filled = parsePlist(plistText.replaceAll('@HOME@', '/Users/me'));
    expect(JSON.stringify(filled)).not.toMatch(/@|~/);
    expect(filled).toMatchObject({
      WorkingDirectory: '/Users/me',
      StandardErrorPath: '/Users/me/.herald/logs/launchd.log',
    });
    // The command in the file's head fills all of them.
    const sed = /sed "(s\|@HOME@\|\$HOME\|g)"/.exec(plistText)?.[1]?.replace('$HOME', '/Users/me');
    expect(parsePlist(execFileSync('sed', [sed ?? ''], { input: plistText, encoding: 'utf8' }))).toEqual(filled);
  });

  test('the reader of this test refuses what is no plist', () => {
    for (const broken of [
      '<plist><dict><key>a</key></dict></plist>',
      '<plist><dict><key>a</key><true/></plist>',
      '<plist><true/>',
      'x',
    ]) {
      expect(() => parsePlist(broken), broken).toThrow('plist');
    }
  });
});
