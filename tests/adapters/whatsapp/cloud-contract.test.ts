import { describeAdapter } from '../../contracts/adapter-contract.ts';
import { makeCloudHarness } from './cloud-harness.ts';

describeAdapter('whatsapp, Cloud API', makeCloudHarness());
