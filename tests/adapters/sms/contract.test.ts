import { describeAdapter } from '../../contracts/adapter-contract.ts';
import { RECORDINGS_DIR } from '../../support/recordings.ts';
import { makeSmsHarness } from './sms-harness.ts';

describeAdapter('sms, webhook', makeSmsHarness('webhook', RECORDINGS_DIR));
describeAdapter('sms, polling', makeSmsHarness('polling', RECORDINGS_DIR));
