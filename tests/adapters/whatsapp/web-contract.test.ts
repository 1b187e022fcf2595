import { describeAdapter } from '../../contracts/adapter-contract.ts';
import { makeWebHarness } from './web-harness.ts';

describeAdapter('whatsapp, linked device, streaming: edit', makeWebHarness());
