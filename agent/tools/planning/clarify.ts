// Asks the person of the turn something in their chat, and waits for what they say. Never for workers, whom nobody talks to.
import { z } from 'zod';
import type { PersonAnswer, PersonQuestion } from '../../../data/work/questions.ts';
import { cleanText, preview } from '../../../shared/text.ts';
import { defineTool, type Tool, type ToolResult } from '../tool.ts';

/** How the agent asks people. */
export interface QuestionPort {
  /**
   * Shows the fields of `question` one after another in its chat and waits for what its person says there. `expired` when a field is not
   * answered in time. Asking again with the same turn and key, after a restart, shows nothing twice. Rejects when `signal` aborts, and with
   * AppError when nothing can be shown. Undefined: nobody can be asked.
   */
  askPerson?: ((question: PersonQuestion, signal: AbortSignal) => Promise<PersonAnswer>) | undefined;
}

const DEFAULT_TTL_MS = 30 * 60_000;
const FIELD = 'answer';

export function makeClarifyTool(deps: QuestionPort & { ttlMs?: number | undefined }): Tool {
  const { askPerson, ttlMs = DEFAULT_TTL_MS } = deps;
  return defineTool({
    name: 'clarify',
    description: 'Ask the person and wait, when going on would be a guess that matters.',
    parameters: z.strictObject({
      question: z.string().trim().min(1).max(2_000),
      choices: z
        .array(z.string().trim().min(1).max(60))
        .max(6)
        .refine((choices) => new Set(choices).size === choices.length, 'choices must differ')
        .optional()
        .describe('Other words may be said all the same'),
      multi: z.boolean().optional().describe('Several may be chosen'),
    }),
    effect: 'idempotent',
    touches: [],
    // Another question of the same chat may be asked first.
    timeoutMs: () => 2 * ttlMs + 60_000,
    origin: 'agent',
    toolset: 'planning',
    available: () => askPerson !== undefined,
    summarize: ({ question }) => `asking: ${preview(question, 80)}`,
    async execute({ question, choices = [], multi = false }, context) {
      if (context.tree.depth > 0 || !askPerson) return NOBODY_HERE;
      const answer = await askPerson(
        {
          scope: context.scope,
          turn: context.turn,
          address: context.address,
          key: context.idempotencyKey,
          fields: [{ name: FIELD, text: cleanText(question), choices: choices.map(cleanText), multi }],
          ttlMs,
        },
        context.signal,
      );
      return resultOf(answer, ttlMs);
    },
  });
}

function resultOf(answer: PersonAnswer, ttlMs: number): ToolResult {
  switch (answer.state) {
    case 'answered':
      return { text: (answer.values[FIELD] ?? []).join(', '), origin: answer.origin };
    case 'declined':
      return { text: 'The person does not want to answer. Do not ask again; go on without it or stop here.' };
    case 'expired':
      return {
        text:
          `No answer came within ${Math.round(ttlMs / 60_000)} minutes. Do not ask again now: go on with the most careful assumption and say ` +
          'which it is, or end here with the question as your answer.',
      };
  }
}

const NOBODY_HERE: ToolResult = {
  text: 'Nobody can be asked here. Go on with the most careful assumption, and say in your result what is open.',
  isError: true,
};
