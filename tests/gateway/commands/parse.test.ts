// Which texts are commands, and which command is meant.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { findCommand, parseCommand } from '../../../gateway/commands/parse.ts';
import { commands } from '../../../gateway/commands/registry.ts';

describe('commands', () => {
  test.each([
    ['/help', 'help', ''],
    ['/HELP', 'help', ''],
    ['  /new  ', 'new', ''],
    ['/title A new title', 'title', 'A new title'],
    ['/title\tTabbed', 'title', 'Tabbed'],
    ['/title first\nsecond\n', 'title', 'first\nsecond'],
    ['/deny\n01ABC too risky', 'deny', '01ABC too risky'],
    ['/stop@herald_bot', 'stop', ''],
    ['/usage@herald.bot 30', 'usage', '30'],
    ['/Some-Skill x', 'some_skill', 'x'],
    ['/unheard_of', 'unheard_of', ''],
    ['!stop', 'stop', ''],
    ['!Status now', 'status', 'now'],
    ['!reset', 'reset', ''],
  ])('%j', (text, name, args) => {
    expect(parseCommand(text)).toEqual({ name, args });
  });
});

describe('chat text', () => {
  test.each([
    '',
    '/',
    '/ ',
    '/ help',
    '//help',
    '/etc/passwd',
    '/etc/passwd is a file',
    '/help.',
    '/help!',
    '/help/me',
    '/1',
    '/2 of 3',
    '/_new',
    '/-new',
    '/ｎｅｗ',
    '/ſtop',
    '/stop@',
    '/stop@a/b',
    '!',
    '! stop',
    '!!stop',
    '!important: read this',
    '!= is not equal',
    '!sta',
    'help',
    'please /help',
    'a\n/stop',
    '\\/stop',
    `/${'a'.repeat(33)}`,
  ])('%j is no command', (text) => {
    expect(parseCommand(text)).toBeUndefined();
  });

  test('random text never throws, and only what begins with a slash or bang and a word is a command', () => {
    const pieces = fc.constantFrom(
      '/',
      '!',
      '@',
      ' ',
      '\n',
      'new',
      'stop',
      '-',
      '_',
      '.',
      'ſ',
      '\u0000',
      '😀',
      '\ud800',
    );
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(pieces, { maxLength: 8 }).map((each) => each.join('')),
    );
    fc.assert(
      fc.property(text, (each) => {
        const parsed = parseCommand(each);
        if (!parsed) return;
        expect(each.trim()).toMatch(/^[/!][A-Za-z]/);
        expect(parsed.name).toMatch(/^[a-z][a-z0-9_]{0,31}$/);
        expect(parsed.args).toBe(parsed.args.trim());
        expect(each).toContain(parsed.args);
      }),
      { numRuns: 1_000 },
    );
  });

  test('sentences are never commands', () => {
    const word = fc.stringMatching(/^[A-Za-z0-9.,:;?'"()-]{1,12}$/);
    const sentence = fc
      .tuple(word, fc.array(fc.oneof(word, fc.constant('/stop'), fc.constant('!stop'))))
      .map(([first, rest]) => [first, ...rest].join(' '));
    fc.assert(
      fc.property(sentence, (each) => parseCommand(each) === undefined),
      { numRuns: 500 },
    );
  });

  test('every command comes back with its arguments, however its name is written', () => {
    const names = commands.flatMap((command) => [command.name, ...command.aliases]);
    const shout = fc.constantFrom(
      (name: string) => name,
      (name: string) => name.toUpperCase(),
    );
    fc.assert(
      fc.property(
        fc.constantFrom('/', '!'),
        fc.constantFrom(...names),
        shout,
        fc.string(),
        (sign, name, write, args) => {
          expect(parseCommand(`${sign}${write(name)} ${args}`)).toEqual({ name, args: args.trim() });
        },
      ),
      { numRuns: 500 },
    );
  });

  test('a long run of anything is decided quickly', () => {
    const started = performance.now();
    for (const text of ['/'.repeat(1e6), `/a${'-'.repeat(1e6)}`, `/a@${'b'.repeat(1e6)}`, ' '.repeat(1e6)])
      expect(parseCommand(text)).toBeUndefined();
    expect(performance.now() - started).toBeLessThan(1_000);
  });
});

describe('finding', () => {
  const nameOf = (typed: string) => {
    const found = findCommand(typed);
    return 'command' in found ? found.command.name : found.suggestions;
  };

  test('every name and alias finds its command', () => {
    for (const command of commands)
      for (const name of [command.name, ...command.aliases]) expect(nameOf(name)).toBe(command.name);
  });

  test.each([
    ['personal', 'personality'],
    ['comp', 'compress'],
    ['se', 'sessions'],
    ['WHO', 'whoami'],
    ['reset', 'new'],
  ])('/%s is /%s', (typed, name) => {
    expect(nameOf(typed)).toBe(name);
  });

  test('an exact name wins over longer ones that begin with it', () => {
    expect(nameOf('q')).toBe('queue');
    expect(nameOf('pair')).toBe('pair');
  });

  test('a beginning that several have suggests them', () => {
    expect(nameOf('sta')).toEqual(expect.arrayContaining(['status', 'start']));
    expect(nameOf('res')).toEqual(expect.arrayContaining(['resume', 'restart']));
  });

  test('one letter is never enough to act', () => {
    expect(nameOf('d')).toEqual(['deny']);
    expect(nameOf('w')).toEqual(['whoami']);
  });

  test.each([
    ['stpo', 'stop'],
    ['hlep', 'help'],
    ['stauts', 'status'],
    ['modle', 'model'],
    ['who-am-i', 'whoami'],
    ['sesions', 'sessions'],
  ])('/%s suggests /%s first', (typed, name) => {
    expect(nameOf(typed)[0]).toBe(name);
  });

  test('what resembles nothing suggests nothing', () => {
    expect(nameOf('xylophone')).toEqual([]);
    expect(nameOf('tmp')).toEqual([]);
  });

  test('names that objects have by birth are no commands', () => {
    for (const name of ['constructor', '__proto__', 'tostring', 'hasownproperty']) expect(nameOf(name)).toEqual([]);
  });

  test('any name gives a command or at most three that exist', () => {
    const known = commands.map((command) => command.name);
    fc.assert(
      fc.property(fc.string({ maxLength: 40 }), (typed) => {
        const found = findCommand(typed);
        if ('command' in found) return;
        expect(found.suggestions.length).toBeLessThanOrEqual(3);
        for (const suggestion of found.suggestions) expect(known).toContain(suggestion);
      }),
    );
  });
});
