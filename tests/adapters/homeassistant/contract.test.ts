import { describeAdapter } from '../../contracts/adapter-contract.ts';
import { makeHomeHarness } from './homeassistant-harness.ts';

describeAdapter('homeassistant, own notifications', makeHomeHarness('persistent'));
describeAdapter('homeassistant, on a phone', makeHomeHarness('mobile'));
