import { describeAdapter } from '../../contracts/adapter-contract.ts';
import { makeWebHarness } from './web-harness.ts';

describeAdapter('whatsapp, web', makeWebHarness());
