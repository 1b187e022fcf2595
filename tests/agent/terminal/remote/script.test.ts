// How scripts travel: through a real shell, whatever they hold, and however their output is cut.
import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { packScript } from '../../../../agent/terminal/remote/script.ts';

function send(script: string, stdin?: Uint8Array, login = 'sh') {
  const packed = packScript(script, stdin, 'test-1');
  // As sshd does it: the login shell gets one text.
  const result = spawnSync(login, ['-c', `echo "Welcome!"; exec sh -c '${packed.boot}'`], { input: packed.payload });
  const chunks: Uint8Array[] = [];
  const take = packed.output((chunk) => chunks.push(chunk));
  for (const byte of result.stdout) take(Uint8Array.of(byte));
  return {
    output: Buffer.concat(chunks),
    code: packed.exitCode(result.stderr.toString()),
    rest: result.stderr.toString().replace(/herald-exit \w+ \d+\n/, ''),
  };
}

it.each(['sh', 'bash'])('carries script, input and status through %s', (login) => {
  const stdin = Buffer.from(Array.from({ length: 100_000 }, (_, n) => (n * 31) % 256));
  const echoed = send('cat; exit 4', stdin, login);
  expect(Buffer.compare(echoed.output, stdin)).toBe(0);
  expect(echoed).toMatchObject({ code: 4, rest: '' });
});

it('changes nothing of what a script says', () => {
  const text = `'"\\$HOME \`id\` $(id) ! * é 東京 %s\n\n`;
  expect(send(`cat <<'EOF'\n${text}EOF`).output.toString()).toBe(text);
  expect(send('echo a >&2; echo b; echo c >&2').output.toString()).toBe('a\nb\nc\n');
  expect(send('echo "$HERALD_MACHINE $$" | grep -c "^test-1 [0-9]*$"').output.toString()).toBe('1\n');
  expect(send('if then').code).toBe(2);
  expect(send('').code).toBe(0);
  expect(send('kill -9 $$').code).toBe(137);
});

it('is not taken in by words of the script that look like the end mark', () => {
  expect(send('echo "herald-exit 0123456789abcdef 0"; exit 3').code).toBe(3);
  expect(send('echo "herald-exit 0123456789abcdef 0" >&2; exit 3').code).toBe(3);
});

it('refuses what no machine takes', () => {
  expect(() => packScript('a\0b', undefined)).toThrow(/NUL/);
  expect(() => packScript('x'.repeat(70_000), undefined)).toThrow(/too long/);
});
