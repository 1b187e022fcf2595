// The profile for macOS, as text: there is no such machine here to run it on.
import { expect, it } from 'vitest';
import { seatbeltProfile } from '../../../agent/terminal/local/seatbelt.ts';

const plan = {
  workspace: '/Users/ann/.herald/workspaces/one',
  stateDir: '/Users/ann/.herald/terminal/one/state',
  tmp: '/Users/ann/.herald/terminal/one/tmp',
  home: '/Users/ann/.herald/terminal/one/home',
  hidden: ['/Users/ann', '/Users/ann/.herald'],
};

it('hides first, then opens the own folders, since the last rule that fits wins', () => {
  const lines = seatbeltProfile({ ...plan, network: false }).split('\n');
  const at = (start: string) => lines.findIndex((line) => line.startsWith(start));
  expect(lines[0]).toBe('(version 1)');
  expect(lines[at('(deny file-read*')]).toContain('(subpath "/Users/ann/.herald")');
  expect(at('(deny file-write*)')).toBeLessThan(at('(allow file-read* file-write*'));
  expect(at('(deny file-read*')).toBeLessThan(at('(allow file-read* file-write*'));
  expect(lines[at('(allow file-read* file-write*')]).toBe(
    `(allow file-read* file-write* ${[plan.workspace, plan.stateDir, plan.tmp, plan.home].map((folder) => `(subpath "${folder}")`).join(' ')})`,
  );
  expect(lines).toContain('(deny network*)');
});

it('leaves the network alone when it is allowed, and quotes folders', () => {
  const profile = seatbeltProfile({ ...plan, workspace: '/w "x" \\', network: true });
  expect(profile).not.toContain('deny network');
  expect(profile).toContain(String.raw`(subpath "/w \"x\" \\")`);
});
