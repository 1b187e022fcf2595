import { describeAdapter } from '../../contracts/adapter-contract.ts';
import { describeWithMail } from '../../support/mail/describe.ts';
import { makeEmailHarness } from './harness.ts';

describeWithMail('dovecot and postfix', (server) => {
  describeAdapter('email', makeEmailHarness(server));
});
