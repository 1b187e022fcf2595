import { describeAdapter } from '../../contracts/adapter-contract.ts';
import { makeMattermostHarness } from './mattermost-harness.ts';

describeAdapter('mattermost', makeMattermostHarness());
