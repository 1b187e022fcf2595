// How the account is, as people are told. A captcha that Signal wants stays on show until a message goes out again.
import type { AdapterHost, AdapterState } from '../contract.ts';
import type { LoginStep } from '../login.ts';

const CAPTCHA_PAGE = 'https://signalcaptchas.org/challenge/generate.html';

export class Health {
  readonly #host: AdapterHost;
  readonly #server: { url: string; number: string };
  #captcha: LoginStep | undefined;

  constructor(host: AdapterHost, server: { url: string; number: string }) {
    this.#host = host;
    this.#server = server;
  }

  online(): void {
    this.#host.status(
      'online',
      this.#captcha && 'Signal holds messages back until a captcha is solved; see the step that is shown.',
    );
    if (this.#captcha) this.#host.login(this.#captcha);
  }

  problem(state: Exclude<AdapterState, 'online'>, detail?: string): void {
    this.#host.status(state, detail);
  }

  /** What Signal wants solved; undefined: messages go out. */
  challenge(tokens: readonly string[] | undefined): void {
    const token = tokens?.find((one) => /^[\w.:+/=-]{1,500}$/.test(one));
    if (token === undefined) {
      if (this.#captcha && tokens === undefined) {
        this.#captcha = undefined;
        this.#host.login(undefined);
        this.online();
      }
      return;
    }
    this.#captcha = captchaStep(this.#server, token);
    this.online();
  }
}

function captchaStep({ url, number }: { url: string; number: string }, token: string): LoginStep {
  const target = `${url}/v1/accounts/${encodeURIComponent(number)}/rate-limit-challenge`;
  const body = JSON.stringify({ challenge_token: token, captcha: 'CAPTCHA' });
  return {
    kind: 'text',
    text: `curl -X POST -H 'content-type: application/json' -d '${body}' '${target}'`,
    caption: `Signal wants to know that a person is behind this account before it lets messages out. Open ${CAPTCHA_PAGE}, solve the captcha, copy the link of "Open Signal", put it in the place of CAPTCHA, and run this. Messages that wait then go out by themselves.`,
  };
}
