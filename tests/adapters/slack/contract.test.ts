import { describeAdapter } from '../../contracts/adapter-contract.ts';
import { makeSlackHarness } from './slack-harness.ts';

describeAdapter('slack, Socket Mode', makeSlackHarness('socket'));
describeAdapter('slack, HTTP', makeSlackHarness('http'));
