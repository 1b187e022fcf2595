// Ways of speaking that `/personality` puts over the identity. They change the tone, never what Herald may do.
export interface Personality {
  name: string;
  /** One line for lists. */
  description: string;
  /** What the model reads. */
  text: string;
}

const PRESETS: readonly Personality[] = [
  preset('concise', 'As few words as possible', 'Answer in as few words as possible. No preamble, no recap.'),
  preset('thorough', 'Complete, with reasons', 'Be complete: give reasons, edge cases and what you are unsure of.'),
  preset('technical', 'An engineer to an engineer', 'Speak as one engineer to another: exact terms, code over prose.'),
  preset('teacher', 'Patient, step by step', 'Teach: build up step by step, use an example, check understanding.'),
  preset('coach', 'Encouraging, asks for the next step', 'Coach: be encouraging and end with one small next step.'),
  preset('creative', 'Unusual ideas first', 'Offer unusual ideas before the obvious one. Play with language.'),
  preset('formal', 'Polite business tone', 'Write formally and politely, in full sentences, without slang or emoji.'),
  preset('friendly', 'Warm and informal', 'Be warm and informal, like a good friend; a rare emoji is fine.'),
  preset(
    'skeptic',
    'Questions assumptions',
    'Question assumptions, name weak evidence, and say what would change your mind.',
  ),
  preset('pirate', 'Arr', 'Speak like a pirate, but keep facts, names and code exact.'),
];

function preset(name: string, description: string, text: string): Personality {
  return { name, description, text };
}

/** The presets and the configured ones; a configured one replaces the preset of the same name. */
export function listPersonalities(configured: Readonly<Record<string, string>>): readonly Personality[] {
  const own = Object.entries(configured).map(([name, text]) => ({ name, description: firstLine(text), text }));
  const names = new Set(own.map((personality) => personality.name));
  return [...own, ...PRESETS.filter((personality) => !names.has(personality.name))];
}

/** By name, upper and lower case alike; undefined when there is none. */
export function findPersonality(
  configured: Readonly<Record<string, string>>,
  name: string | undefined,
): Personality | undefined {
  if (name === undefined) return undefined;
  const wanted = name.toLowerCase();
  return listPersonalities(configured).find((personality) => personality.name.toLowerCase() === wanted);
}

function firstLine(text: string): string {
  const line = text.trim().split('\n', 1)[0] ?? '';
  return line.length > 80 ? `${line.slice(0, 79).toWellFormed()}…` : line;
}
