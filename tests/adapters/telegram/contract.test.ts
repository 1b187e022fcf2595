import { describeAdapter } from '../../contracts/adapter-contract.ts';
import { RECORDINGS_DIR } from '../../support/recordings.ts';
import { makeTelegramHarness } from './telegram-harness.ts';

describeAdapter('telegram, polling', makeTelegramHarness('polling', RECORDINGS_DIR));
describeAdapter('telegram, webhook', makeTelegramHarness('webhook', RECORDINGS_DIR));
