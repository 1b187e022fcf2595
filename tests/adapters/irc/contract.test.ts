import { describe } from 'vitest';
import { describeAdapter } from '../../contracts/adapter-contract.ts';
import { NGIRCD_MISSING } from '../../support/irc/ngircd.ts';
import { makeIrcv3Harness, makeNgircdHarness } from './irc-harness.ts';

describeAdapter('irc, with accounts and history', makeIrcv3Harness());

describe.skipIf(NGIRCD_MISSING)(`on Debian's ngircd ${NGIRCD_MISSING}`.trim(), () => {
  describeAdapter('irc, on ngircd', makeNgircdHarness());
});
