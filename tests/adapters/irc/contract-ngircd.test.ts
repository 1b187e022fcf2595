import { describe } from 'vitest';
import { describeAdapter } from '../../contracts/adapter-contract.ts';
import { NGIRCD_MISSING } from '../../support/irc/ngircd.ts';
import { makeNgircdHarness } from './irc-harness.ts';

describe.skipIf(NGIRCD_MISSING)(`on Debian's ngircd ${NGIRCD_MISSING}`.trim(), () => {
  describeAdapter('irc, on ngircd', makeNgircdHarness());
});
