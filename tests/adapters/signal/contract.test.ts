import { describeAdapter } from '../../contracts/adapter-contract.ts';
import { RECORDINGS_DIR } from '../../support/recordings.ts';
import { makeSignalHarness } from './signal-harness.ts';

describeAdapter('signal, WebSocket', makeSignalHarness('json-rpc', RECORDINGS_DIR));
describeAdapter('signal, polling', makeSignalHarness('native', RECORDINGS_DIR));
