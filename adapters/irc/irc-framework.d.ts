// The part of irc-framework 4.14.0 that is used; it brings no types of its own. Payloads of events are checked where they are read.
declare module 'irc-framework' {
  export interface ConnectOptions {
    host: string;
    port: number;
    nick: string;
    username: string;
    gecos: string;
    /** '': other programs' CTCP VERSION is not answered. */
    version: string;
    /** Of the server (PASS). */
    password?: string;
    /** For SASL. Empty: no SASL, whatever the password. */
    account: { account?: string; password?: string };
    sasl_disconnect_on_fail: boolean;
    auto_reconnect: false;
    /** Seconds. */
    ping_interval: number;
    ping_timeout: number;
    transport: new (options: ConnectOptions) => unknown;
  }

  export class Client {
    readonly user: { readonly nick: string };
    readonly network: {
      readonly cap: { isEnabled(name: string): boolean; readonly available: ReadonlyMap<string, string> };
      readonly options: Readonly<Record<string, unknown>>;
      isChannelName(name: string): boolean;
    };
    readonly connection: { end(line: string | null, hadError: boolean): void };
    connect(options: ConnectOptions): void;
    requestCap(names: readonly string[]): void;
    on(event: string, listener: (event: unknown) => void): this;
    off(event: string, listener: (event: unknown) => void): this;
    /** One line, without its end. */
    raw(line: string): void;
    caseLower(text: string): string;
  }
}
