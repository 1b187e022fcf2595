// The terminal chat (`herald chat`), over the gateway's local socket.
import { z } from 'zod';
import { userId } from '../../shared/ids.ts';
import { defineManifest } from '../contract.ts';

/** Who writes from here: only the owner of this machine account can open the local socket. */
export const TERMINAL_OWNER = userId('local');

export const terminalManifest = defineManifest({
  id: 'terminal',
  title: 'Terminal',
  secrets: [],
  settings: z.strictObject({
    max_upload_mb: z
      .number()
      .positive()
      .max(2048)
      .default(25)
      .describe('Largest file that can be sent from the terminal, in MB (1024 * 1024 bytes). Default 25.'),
  }),
  builtin: true,
  ownerUser: TERMINAL_OWNER,
  load: async () => (await import('./adapter.ts')).makeTerminalAdapter,
});
