// One chat of a person on one platform, as the continuity test sees it.
import type { GatewayProcess } from '../support/gateway-process.ts';

/** How soon a program asks again that found no gateway, while one starts, which takes seconds. */
export const TRY_AGAIN_MS = 100;
/** Two minutes in all. */
export const TRIES = 1_200;

export interface PersonsChat {
  platform: string;
  /** Its section in config.yaml. */
  settings: Record<string, unknown>;
  /** Lines of .env. */
  secrets: readonly string[];
  say(text: string): Promise<void> | void;
  /** What Herald said there, oldest first, each message once, as it stands now. */
  told(): Promise<readonly string[]> | readonly string[];
  /** True where a message that nobody takes at once is gone: there people write when somebody listens. */
  keepsNothing?: boolean;
  /** True where whoever can write is the owner, so that nothing is to be approved. */
  isOwners?: boolean;
  /** Told where the gateway serves, once it does. */
  gatewayAt?(gateway: Pick<GatewayProcess, 'url' | 'socket'>): void;
  close(): Promise<void>;
}

/** `gatewayUrl`: where the gateway will serve. */
export type OpenChat = (gatewayUrl: string) => Promise<PersonsChat>;
