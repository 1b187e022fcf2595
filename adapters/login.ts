// Typed steps of setting a platform up, rendered by terminal and page. A platform says what is asked and shown, never how.

/** What a person must do on another device or page. Shown until it is replaced or withdrawn. */
export type LoginStep =
  /** To be scanned; `data` is what the code encodes. */
  | { kind: 'qr'; data: string; caption: string; expiresAt?: number | undefined }
  /** To be typed in on the other device. */
  | { kind: 'code'; code: string; caption: string; expiresAt?: number | undefined }
  | { kind: 'url'; url: string; caption: string }
  /** To be copied as a whole, such as an app manifest. */
  | { kind: 'text'; text: string; caption: string };

export interface LoginQuestion {
  /** Names the answer: a settings key of the platform. */
  key: string;
  label: string;
  /** Where to find the value, in a sentence or two. */
  hint?: string | undefined;
  /** Not shown while it is typed, and kept in .env. */
  secret?: boolean | undefined;
  /** May stay empty. */
  optional?: boolean | undefined;
  /** Offered as the answer. */
  initial?: string | undefined;
  /** What is wrong with an answer; undefined: nothing. */
  check?(answer: string): string | undefined;
}

export interface LoginChoice {
  key: string;
  label: string;
  options: readonly { value: string; label: string; hint?: string | undefined }[];
}

/** How a login flow talks to the person. Questions reject with AppError `cancelled` when the person breaks off. */
export interface LoginIo {
  ask(question: LoginQuestion): Promise<string>;
  choose(choice: LoginChoice): Promise<string>;
  show(step: LoginStep): void;
  /** A line about what goes on, such as a check that failed and why. */
  say(text: string): void;
  /** What config.yaml has of the platform already. */
  current?: Readonly<Record<string, unknown>> | undefined;
  fetch: typeof fetch;
  signal: AbortSignal;
}

/** A platform as setting up shows it. */
export interface SetupPlatform {
  id: string;
  title: string;
  /** off: not set up. */
  state: 'off' | 'connecting' | 'online' | 'offline' | 'needs-login';
  detail?: string | undefined;
  /** What the person must do so that it can log in. */
  login?: LoginStep | undefined;
}

/** Where a login flow stands. Exactly one of ask, choose, done and failed is there. */
export interface SetupView {
  session: string;
  /** Shown and said since the last answer. */
  shown: readonly LoginStep[];
  said: readonly string[];
  ask?: Omit<LoginQuestion, 'check'> | undefined;
  choose?: LoginChoice | undefined;
  /** It is saved; `name`: who we are there. It begins to run with the next start. */
  done?: { name: string } | undefined;
  failed?: string | undefined;
}

/** Setting platforms up, for a client of ours whose user may do that. All reject with AppError. */
export interface SetupPort {
  platforms(): Promise<readonly SetupPlatform[]>;
  begin(platform: string): Promise<SetupView>;
  /** Resolves with the next question, or the end. */
  answer(session: string, text: string): Promise<SetupView>;
  cancel(session: string): void;
  /** Starts the gateway anew, so that what was set up runs. */
  restart(): Promise<void>;
}

/** What is to be saved: secrets by the keys of the manifest's `secrets` (they go to .env), everything else to config.yaml. */
export interface LoginResult {
  /** Who we are there, for people. */
  name: string;
  settings: Readonly<Record<string, unknown>>;
  secrets: Readonly<Record<string, string>>;
}
