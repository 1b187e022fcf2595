// How the model of the stories reads: messages, the thing that a task is about, the steps of a skill.
import type { ModelMessage } from '../../agent/providers/types.ts';

/** What the task is about: the last name with a number in it. */
export function thingIn(text: string): string | undefined {
  return text.match(/\b[a-z]+-?\d[\w-]*/g)?.at(-1);
}

export function textOf(message: ModelMessage | undefined): string {
  if (!message) return '';
  if (message.role !== 'user') return message.text;
  return message.content.map((part) => (part.type === 'text' ? part.text : '')).join('\n');
}

/** Commands of the numbered steps, in order. */
export function procedureOf(text: string): readonly string[] {
  const section = /## Procedure\n([\s\S]*?)(?=\n## |$)/.exec(text)?.[1] ?? '';
  return [...section.matchAll(/^\d+\. .*?`([^`]+)`/gm)].map(([, command = '']) => command);
}
