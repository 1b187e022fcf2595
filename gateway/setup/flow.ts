// One login flow as steps: the flow asks, a client answers in its own time, and both see where it stands.
import type { LoginChoice, LoginIo, LoginQuestion, LoginResult, LoginStep, SetupView } from '../../adapters/login.ts';
import { AppError, asAppError } from '../../shared/errors.ts';

/** What waits for the client: a question, or the end. */
type Pending = Pick<SetupView, 'ask' | 'choose' | 'done' | 'failed'>;

export interface Flow {
  /** Where it stands, once it asks something or has ended. */
  view(): Promise<SetupView>;
  /** Throws AppError `bad_input` when nothing is asked, or the answer is none of the choices or does not pass. */
  answer(text: string): void;
  cancel(): void;
  readonly ended: boolean;
}

export interface FlowPorts {
  fetch: typeof fetch;
  current: Readonly<Record<string, unknown>>;
  /** Runs the platform's flow. */
  run(io: LoginIo): Promise<LoginResult>;
  /** Keeps what it came to. */
  save(result: LoginResult): Promise<void>;
}

export function openFlow(session: string, ports: FlowPorts): Flow {
  const stopping = new AbortController();
  let shown: LoginStep[] = [];
  let said: string[] = [];
  let question: LoginQuestion | undefined;
  let options: LoginChoice | undefined;
  let settle: ((answer: string) => void) | undefined;
  let pending = Promise.withResolvers<Pending>();
  let ended = false;

  function wait(asked: Pending): Promise<string> {
    return new Promise((resolve, reject) => {
      const stop = () => reject(new AppError('cancelled', 'Setup was broken off. Nothing was saved.'));
      if (stopping.signal.aborted) return stop();
      stopping.signal.addEventListener('abort', stop, { once: true });
      settle = (answer) => {
        stopping.signal.removeEventListener('abort', stop);
        settle = undefined;
        question = options = undefined;
        pending = Promise.withResolvers();
        shown = [];
        said = [];
        resolve(answer);
      };
      pending.resolve(asked);
    });
  }

  const io: LoginIo = {
    ask(asked) {
      question = asked;
      const { check: _, ...ask } = asked;
      return wait({ ask });
    },
    choose(choose) {
      options = choose;
      return wait({ choose });
    },
    show: (step) => void shown.push(step),
    say: (text) => void said.push(text),
    current: ports.current,
    fetch: ports.fetch,
    signal: stopping.signal,
  };

  void ports
    .run(io)
    .then(async (result) => {
      await ports.save(result);
      return { done: { name: result.name } };
    })
    .catch((error: unknown) => ({ failed: asAppError(error).publicMessage }))
    .then((end) => {
      ended = true;
      pending.resolve(end);
    });

  return {
    get ended() {
      return ended;
    },
    async view() {
      const now = await pending.promise;
      return { session, shown, said, ...now };
    },
    answer(text) {
      const problem = problemOf(text, question, options);
      if (settle === undefined || problem !== undefined)
        throw new AppError('bad_input', problem ?? 'Nothing is asked just now.');
      settle(text);
    },
    cancel: () => stopping.abort(),
  };
}

function problemOf(
  text: string,
  question: LoginQuestion | undefined,
  choice: LoginChoice | undefined,
): string | undefined {
  if (choice) return choice.options.some((one) => one.value === text) ? undefined : 'Choose one of what is offered.';
  if (text.trim() === '') return question?.optional === true ? undefined : 'This must not be empty.';
  return question?.check?.(text);
}
