// The ssh backend as a terminal, on a real OpenSSH server.
import { makeSshBackend } from '../../../../agent/terminal/ssh/backend.ts';
import { sshSettings } from '../../../../agent/terminal/ssh/settings.ts';
import { terminalContract } from '../../../contracts/terminal-contract.ts';
import { sshdMissing, startSshServer } from '../../../support/machines/sshd.ts';

terminalContract('ssh', {
  skipScripts: 'its machine is this one, whose shell the local machine is tried with',
  skip: sshdMissing,
  async open() {
    const server = await startSshServer();
    const settings = sshSettings.parse({
      host: '127.0.0.1',
      port: server.port,
      user: server.user,
      identity_file: server.identityFile,
      known_hosts: server.knownHosts,
      folder: server.folder,
    });
    return { backend: makeSshBackend({ settings }), workspace: '/nowhere', close: server.remove };
  },
});
