import { afterAll, beforeAll, describe, it } from 'vitest';
import { describeAdapter } from '../../contracts/adapter-contract.ts';
import { startMailServer, whyNoMailServer, type MailServer } from '../../support/mail/server.ts';
import { makeEmailHarness } from './harness.ts';

const missing = whyNoMailServer();

if (missing === undefined) {
  let server: MailServer | undefined;
  beforeAll(async () => {
    server = await startMailServer();
  });
  afterAll(() => server?.close());
  describeAdapter(
    'email, dovecot and postfix',
    makeEmailHarness(() => {
      if (!server) throw new Error('the mail server does not run');
      return server;
    }),
  );
} else {
  describe('adapter contract: email', () => {
    it('is tried against real mail servers', (context) => context.skip(missing));
  });
}
