// A gateway whose turns ask the person, for tests of what counts as the answer.
import type { PersonQuestion } from '../../data/work/questions.ts';
import type { FakePlatform } from '../support/fake-platform.ts';
import {
  answer,
  openTestGateway,
  type RunTurn,
  type TestGateway,
  type TestGatewayOptions,
} from '../support/gateway.ts';

const opened: TestGateway[] = [];
export async function closeAll(): Promise<void> {
  for (const gateway of opened.splice(0)) await gateway.close();
}

export type Asked = Partial<Omit<PersonQuestion, 'scope' | 'turn' | 'address'>>;
export const MINUTE = 60_000;
export const COLOURS = ['Red', 'Green', 'Deep blue'];
export const colour: Asked = { fields: [{ name: 'it', text: 'Which colour?', choices: COLOURS }] };

/** A gateway whose turns ask when they are told "ask" and echo anything else. A resumed turn asks again. */
export async function open(
  fake: FakePlatform,
  questions: readonly Asked[],
  options: Partial<TestGatewayOptions> = {},
): Promise<TestGateway> {
  const { promise: ready, resolve } = Promise.withResolvers<TestGateway>();
  const run: RunTurn = async (turn, signal) => {
    const text = turn.inputs.map((input) => input.text).join(' | ');
    if (text !== 'ask') return answer(turn, `echo: ${text}`);
    const { core } = await ready;
    try {
      const answers = await Promise.all(
        questions.map((asked, index) =>
          core.questions.ask(
            {
              scope: turn.scope,
              turn: turn.id,
              address: turn.address,
              key: `call-${index}`,
              fields: [{ name: 'it', text: 'What?' }],
              ttlMs: 30 * MINUTE,
              ...asked,
            },
            signal,
          ),
        ),
      );
      return answer(turn, `told: ${answers.map((one) => JSON.stringify(one)).join(' ')}`);
    } catch {
      return { end: 'stopped', text: 'Stopped.', files: [], transcript: [] };
    }
  };
  const gateway = await openTestGateway({
    platforms: [fake],
    run,
    settings: { turnTimeoutMs: 60 * MINUTE, debounceMs: 0 },
    ...options,
  });
  opened.push(gateway);
  resolve(gateway);
  return gateway;
}

export const told = (values: unknown, origin = 'owner') =>
  `told: ${JSON.stringify({ state: 'answered', values, origin })}`;
export const inboxStates = async ({ db }: TestGateway) =>
  (await db.query.selectFrom('inbox').select(['state', 'reason']).orderBy('seq').execute()).map((row) => row.state);
export const questionStates = async ({ db }: TestGateway) =>
  (await db.query.selectFrom('questions').select('state').orderBy('id').execute()).map((row) => row.state);

/** Kills a gateway; resolves with its home for the next start. */
export async function kill(gateway: TestGateway): Promise<string> {
  opened.splice(opened.indexOf(gateway), 1);
  return gateway.crash();
}
