// What every command must fulfil so that each platform can put it in its menu.
import { expect, test } from 'vitest';
import { commands } from '../../../gateway/commands/registry.ts';

const EXPECTED =
  'approve compress deny help link model new pair personality queue restart resume retry save sessions start status stop title undo usage whoami';

test('every command that was promised is there', () => {
  const names = commands.map((command) => command.name);
  expect(names).toEqual(expect.arrayContaining(EXPECTED.split(' ')));
});

test('names, aliases and descriptions fit platform menus', () => {
  for (const command of commands) {
    for (const name of [command.name, ...command.aliases]) expect(name).toMatch(/^[a-z][a-z0-9_]{0,31}$/);
    expect(command.description.length, command.name).toBeLessThanOrEqual(60);
    expect(command.description, command.name).toMatch(/^[A-Z].*[^.]$/);
  }
});

test('no name or alias is used twice', () => {
  const names = commands.flatMap((command) => [command.name, ...command.aliases]);
  expect(new Set(names).size).toBe(names.length);
});

test('only pairing, restarting and what works on machines ask for a role', () => {
  const restricted = commands.filter((command) => command.role !== 'guest');
  expect(restricted.map((command) => [command.name, command.role])).toEqual([
    ['rollback', 'member'],
    ['cron', 'member'],
    ['background', 'member'],
    ['goal', 'member'],
    ['heartbeat', 'member'],
    ['suggestions', 'member'],
    ['extend', 'admin'],
    ['rules', 'member'],
    ['agents', 'member'],
    ['memory', 'member'],
    ['skills', 'member'],
    ['pair', 'admin'],
    ['restart', 'owner'],
  ]);
});

test('what changes the history waits for the running answer; stopping and approving never do', () => {
  const waiting = commands.filter((command) => !command.duringTurn).map((command) => command.name);
  expect(waiting.sort()).toEqual(['compress', 'retry', 'rollback', 'undo']);
});
