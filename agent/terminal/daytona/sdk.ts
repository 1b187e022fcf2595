// The one place that loads the software kit of Daytona, which the user installs: it is large, and few need it.
import type { Daytona, DaytonaConfig } from '@daytonaio/sdk';
import { AppError } from '../../../shared/errors.ts';

const INSTALL = 'npm install @daytonaio/sdk@0.218.0';

/** What is used of the package. */
export interface DaytonaKit {
  Daytona: new (config: DaytonaConfig) => Daytona;
}

export interface DaytonaAccess {
  apiKey: string;
  apiUrl: string;
  target: string;
}

export function importDaytona(): Promise<DaytonaKit> {
  return import('@daytonaio/sdk');
}

/** Rejects with AppError `tool_unavailable` when it is not installed. */
export async function openDaytona(access: DaytonaAccess, load: () => Promise<DaytonaKit>): Promise<Daytona> {
  let kit: DaytonaKit;
  try {
    kit = await load();
  } catch (cause) {
    throw new AppError(
      'tool_unavailable',
      `The terminal backend daytona needs a package that is not installed. Nothing was run. Install it where Herald is installed: ${INSTALL}`,
      { cause },
    );
  }
  // Without events: their connection would stay open, and reconnect, while nobody uses the sandbox.
  return new kit.Daytona({ ...access, useDeprecatedPolling: true, requestTimeoutMs: 120_000 });
}
