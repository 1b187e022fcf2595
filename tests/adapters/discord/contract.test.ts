import { describeAdapter } from '../../contracts/adapter-contract.ts';
import { RECORDINGS_DIR } from '../../support/recordings.ts';
import { makeDiscordHarness } from './discord-harness.ts';

describeAdapter('discord', makeDiscordHarness({ recordTo: RECORDINGS_DIR }));
