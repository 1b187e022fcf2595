// The one place that loads the software kit of Modal, which the user installs. On the registry, `modal` is somebody else's package from
// version 1 on: only the exact version is right.
import type { ModalClient, ModalClientParams } from 'modal';
import { AppError } from '../../../shared/errors.ts';

const INSTALL = 'npm install --save-exact modal@0.11.1';

/** What is used of the package. */
export interface ModalKit {
  ModalClient: new (params: ModalClientParams) => ModalClient;
}

export interface ModalAccess {
  tokenId: string;
  tokenSecret: string;
  environment: string | undefined;
}

export function importModal(): Promise<ModalKit> {
  return import('modal');
}

/** Rejects with AppError `tool_unavailable` when it is not installed. */
export async function openModal(
  { tokenId, tokenSecret, environment }: ModalAccess,
  load: () => Promise<ModalKit>,
): Promise<ModalClient> {
  let kit: ModalKit;
  try {
    kit = await load();
    if (typeof kit.ModalClient !== 'function') throw new Error('this package modal is another one');
  } catch (cause) {
    throw new AppError(
      'tool_unavailable',
      `The terminal backend modal needs a package that is not installed. Nothing was run. Install it where Herald is installed: ${INSTALL}`,
      { cause },
    );
  }
  const silent = () => undefined;
  return new kit.ModalClient({
    tokenId,
    tokenSecret,
    ...(environment === undefined ? {} : { environment }),
    logger: { debug: silent, info: silent, warn: silent, error: silent },
  });
}
