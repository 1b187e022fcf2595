// Plays ByteRover's program: keeps what it is told in its working folder. The folder above says how it behaves (`fault`, `version`) and gets
// told of calls that the program does not allow (`violations`).
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** To be run by node. */
export const BRV_PROGRAM = fileURLToPath(import.meta.url);

const args = process.argv.slice(2);
const dir = path.dirname(process.cwd());
const read = (name: string) =>
  fs.existsSync(path.join(dir, name)) ? fs.readFileSync(path.join(dir, name), 'utf8') : '';
const factsFile = path.join(process.cwd(), 'facts.json');

function facts(): string[] {
  const known: unknown = fs.existsSync(factsFile) ? JSON.parse(fs.readFileSync(factsFile, 'utf8')) : [];
  return Array.isArray(known) ? known.map(String) : [];
}

function add(text: string): void {
  fs.writeFileSync(factsFile, JSON.stringify([...facts(), text]));
}

function say(command: string, success: boolean, data: object): void {
  console.log(JSON.stringify({ command, data, success, timestamp: '2026-11-21T12:00:00.000Z' }));
}

function act(): void {
  const [command, ...rest] = args;
  const isPlain = rest.slice(0, 3).join(' ') === '--format json --' && rest.length === 4;
  const [, , , text = ''] = rest;
  if (command === 'status' && rest.join(' ') === '--format json') return say('status', true, { status: 'ready' });
  if (command === 'query' && isPlain) {
    const words = text.toLowerCase().match(/\p{L}{3,}/gu) ?? [];
    const found = facts().filter((fact) => words.some((word) => fact.toLowerCase().includes(word)));
    console.log('Looking …');
    say('query', true, { event: 'response', content: 'x', taskId: '1' });
    return say('query', true, { event: 'completed', status: 'completed', taskId: '1', result: found.join('\n') });
  }
  if (command === 'curate' && isPlain) {
    if (read('version') !== 'new') {
      add(text);
      return say('curate', true, { event: 'completed', status: 'completed' });
    }
    return say('curate', true, {
      ok: true,
      status: 'needs-llm-step',
      step: 'generate-html',
      sessionId: 's-1',
      prompt: '…',
    });
  }
  if (command === 'curate' && rest.length === 5 && rest.slice(0, 2).join(' ') === '--session s-1') {
    const page = /^--response=<bv-topic path="[a-z0-9_/]+" title="[^"<>]*"><bv-fact>([^<>]*)<\/bv-fact><\/bv-topic>$/s;
    const [, fact] = page.exec(rest[2] ?? '') ?? [];
    if (fact !== undefined) {
      add(fact.replaceAll('&quot;', '"').replaceAll('&gt;', '>').replaceAll('&lt;', '<').replaceAll('&amp;', '&'));
      return say('curate', true, { ok: true, status: 'done', filePath: 'x.html' });
    }
  }
  fs.appendFileSync(path.join(dir, 'violations'), `${JSON.stringify(args)}\n`);
  say(command ?? '', false, { status: 'error', error: 'unknown' });
}

function main(): void {
  switch (read('fault')) {
    case 'error':
      process.exitCode = 2;
      break;
    case 'refuse':
      say(args[0] ?? '', false, { status: 'error', error: 'log in first' });
      break;
    case 'garbage':
      console.log('<html> not json');
      break;
    case 'odd':
      console.log('[[7]]');
      break;
    case 'huge':
      process.stdout.write('x'.repeat(3 * 1024 * 1024));
      break;
    case 'hang':
      fs.writeFileSync(path.join(dir, 'hangs'), String(process.pid));
      setInterval(() => undefined, 1_000);
      break;
    default:
      act();
  }
}

if (process.argv[1] === BRV_PROGRAM) main();
