import { describeAdapter } from '../../contracts/adapter-contract.ts';
import { makeWebhookHarness } from './webhook-harness.ts';

describeAdapter('webhook', makeWebhookHarness());
