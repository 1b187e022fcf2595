// What can be set about the machine that is reached by ssh.
import { z } from 'zod';

const hostWord = /^[A-Za-z0-9_[\]:.%-]+$/;

export const sshSettings = z.strictObject({
  host: z
    .string()
    .regex(hostWord, 'write a host name or address')
    .refine((text) => !text.startsWith('-'), 'a host name does not begin with -')
    .optional()
    .describe('Name or address of the machine, or a name of the ssh configuration. Needed for the backend ssh.'),
  user: z
    .string()
    .regex(/^[A-Za-z0-9_][A-Za-z0-9_.@-]*$/, 'write a user name')
    .optional()
    .describe('Who to log in as. Default: the user that Herald runs as, or what the ssh configuration says.'),
  port: z.int().min(1).max(65_535).optional().describe('Port of the ssh server. Default 22.'),
  identity_file: z
    .string()
    .startsWith('/', 'write an absolute path')
    .optional()
    .describe('Private key without a passphrase to log in with. Default: the keys that ssh finds itself.'),
  agent_socket: z
    .string()
    .startsWith('/', 'write an absolute path')
    .optional()
    .describe('Socket of an ssh agent that holds the key. Default: no agent is asked.'),
  known_hosts: z
    .string()
    .startsWith('/', 'write an absolute path')
    .optional()
    .describe('File with the keys of known machines. Default: ~/.ssh/known_hosts.'),
  host_key: z
    .enum(['known', 'accept-new'])
    .default('known')
    .describe(
      'known: the key of the machine must be known already. accept-new: at the first connection it is taken as it comes. A changed key is always refused. Default known.',
    ),
  use_config: z
    .boolean()
    .default(false)
    .describe('Also reads the ssh configuration of the user (~/.ssh/config), such as jump hosts. Default false.'),
  folder: z
    .string()
    .regex(/^[A-Za-z0-9_./-]+$/, 'use letters, digits, _ . / and -')
    .default('herald')
    .describe('Folder on the machine that holds the workspaces; relative to the home folder. Default herald.'),
  connect_timeout_seconds: z
    .int()
    .min(1)
    .max(300)
    .default(10)
    .describe('How long connecting may take, in seconds. Default 10.'),
  keep_connection_seconds: z
    .int()
    .min(0)
    .max(86_400)
    .default(300)
    .describe('How long an unused connection stays open, in seconds; 0 = every call connects anew. Default 300.'),
});

export type SshSettings = z.output<typeof sshSettings>;
