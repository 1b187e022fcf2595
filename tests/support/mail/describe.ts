// Suites against real mail servers. Without them they are shown as skipped, with the reason in their names.
import { afterAll, beforeAll, describe } from 'vitest';
import { startMailServer, whyNoMailServer, type MailServer } from './server.ts';

export function describeWithMail(title: string, suite: (server: () => MailServer) => void): void {
  const missing = whyNoMailServer();
  const name = missing === undefined ? title : `${title} (skipped: ${missing})`;
  describe.skipIf(missing !== undefined)(name, () => {
    let server: MailServer | undefined;
    beforeAll(async () => {
      server = await startMailServer();
    });
    afterAll(() => server?.close());
    suite(() => {
      if (!server) throw new Error('the mail server does not run');
      return server;
    });
  });
}
