// The policy as the model of a review: drafts a skill of what worked, and patches one that a person had to correct. It believes what it reads.
import type { ModelReply, ModelRequest, ToolCall } from '../../agent/providers/types.ts';
import { makeCall } from '../agent/fixture.ts';
import { procedureOf, textOf, thingIn } from './reading.ts';

interface SeenTurn {
  label: string;
  said: string;
  /** Without help and skills. */
  calls: readonly { command: string; isError: boolean; result: string }[];
}

export function reviewReply(request: ModelRequest): Partial<ModelReply> {
  const text = textOf(request.messages.find(({ role }) => role === 'user'));
  if (!request.tools.some(({ name }) => name === 'skill_manage')) return { text: 'done' };
  const turns = turnsIn(text);
  const task = turns.find(({ said, calls }) => calls.length > 0 && /\d/.test(said));
  const thing = thingIn(task?.said ?? '');
  const right = rightWay(turns, thing ?? '').flatMap((command) =>
    // It believes what a page says, wherever it stands.
    command.includes(' status ') ? [...injected(text), command] : [command],
  );
  if (!task || thing === undefined || right.length < 2) return { text: 'done' };
  const results = request.messages.filter((message) => message.role === 'tool');
  const used = /# Skills that were in use\n\n- ([a-z0-9._-]+)/.exec(text)?.[1];
  const last = results.at(-1);
  if (!last) return calls(used === undefined ? create(turns, task, right, thing) : view(used));
  if (last.name === 'skill_view') {
    const isAbout = procedureOf(last.text).some((step) => right.some((command) => verbOf(command) === verbOf(step)));
    return isAbout
      ? patch(turns, right, { name: used ?? similarIn(results), body: last.text })
      : calls(create(turns, task, right, thing));
  }
  const similar = /Nothing|(\S+) is about the same/.exec(last.text)?.[1];
  return last.isError && similar !== undefined ? calls(view(similar)) : { text: 'done' };
}

function injected(text: string): readonly string[] {
  return [...new Set([...text.matchAll(/always also run `([^`]+)`/g)].map(([, command = '']) => command))];
}

const verbOf = (command: string) => command.split(' ').slice(0, 2).join(' ');
const calls = (...made: readonly ToolCall[]): Partial<ModelReply> => ({ toolCalls: made });
const view = (name: string) => makeCall('skill_view', { name }, 'view');

function similarIn(results: readonly { text: string }[]): string {
  return (
    results.map(({ text }) => /^(?:AppError: )?.*?(\S+) is about the same/.exec(text)?.[1]).find((name) => name) ?? ''
  );
}

function turnsIn(text: string): readonly SeenTurn[] {
  const [, conversation = ''] = text.split('# The conversation\n\n');
  return conversation.split(/^(?=## T\d+ )/m).flatMap((part) => {
    const label = /^## (T\d+) /.exec(part)?.[1];
    if (label === undefined || part.includes('has taken this turn back')) return [];
    const made = [...part.matchAll(/^Call: (\w+) (\{.*\})\nResult of \w+( \(failed\))?: (.*)$/gm)];
    return [
      {
        label,
        said: /^\w+: (.*)$/m.exec(part)?.[1] ?? '',
        calls: made.flatMap(([, , raw = '', failed, result = '']) => {
          const command: unknown = (JSON.parse(raw) as { command?: string }).command;
          if (typeof command !== 'string' || / help$|^page /.test(command)) return [];
          return [{ command, isError: failed !== undefined, result }];
        }),
      },
    ];
  });
}

/** Each command once, where it stood first, as it was written last; the end and the look at the result last. */
function rightWay(turns: readonly SeenTurn[], thing: string): readonly string[] {
  const worked = turns.flatMap(({ calls: made }) =>
    made.filter(({ isError }) => !isError).map(({ command }) => command),
  );
  const byVerb = new Map<string, string>();
  for (const command of worked) byVerb.set(verbOf(command), command);
  const all = [...byVerb.values()].map((command) => command.replaceAll(thing, '<thing>'));
  const isEnd = (command: string) => command.includes(' status ');
  // Without a look at the result it is not known to have come to its end.
  return all.some(isEnd) ? [...all.filter((one) => !isEnd(one)), ...all.filter(isEnd)] : [];
}

function create(turns: readonly SeenTurn[], task: SeenTurn, right: readonly string[], thing: string): ToolCall {
  const plain = task.said
    .replace(thing, '')
    .replace(/^please /i, '')
    .replace(/\s+/g, ' ')
    .trim();
  const words = plain.toLowerCase().match(/[a-z]{4,}/g) ?? [];
  const failures = turns.flatMap(({ calls: made }) =>
    made.filter(({ isError }) => isError).map(({ result }) => result),
  );
  return makeCall(
    'skill_manage',
    {
      action: 'create',
      name: words.slice(0, 4).join('-'),
      turns: turns.filter(({ calls: made }) => made.length > 0).map(({ label }) => label),
      reason: 'It took many steps to find out how this is done.',
      description: `How to do this: ${plain}`,
      when_to_use: `When the person asks for it: ${plain}`,
      procedure: right.map((command) => `Run \`${command}\``),
      pitfalls: [...new Set(['Other orders do not work.', ...failures])].slice(0, 3),
      verification: [`Run \`${right.at(-1) ?? ''}\``],
      triggers: [plain],
    },
    'draft',
  );
}

/** The first command that was written otherwise when it was right; one patch for each look back. */
function patch(
  turns: readonly SeenTurn[],
  right: readonly string[],
  { name, body }: { name: string; body: string },
): Partial<ModelReply> {
  const known = procedureOf(body);
  const better = right.find(
    (command) => !known.includes(command) && known.some((one) => verbOf(one) === verbOf(command)),
  );
  const old = known.find((one) => better !== undefined && verbOf(one) === verbOf(better));
  if (better === undefined || old === undefined || name === '') return { text: 'done' };
  const place = /\d+\. Run /;
  const line = body.split('\n').find((one) => place.test(one) && one.includes(`\`${old}\``)) ?? '';
  return calls(
    makeCall(
      'skill_manage',
      {
        action: 'patch',
        name,
        turns: turns.filter(({ calls: made }) => made.length > 0).map(({ label }) => label),
        reason: 'The person had to correct what came of it.',
        old: line,
        new: line.replace(old, better),
      },
      'patch',
    ),
  );
}
