import { describeAdapter } from '../../contracts/adapter-contract.ts';
import { makeIrcv3Harness } from './irc-harness.ts';

describeAdapter('irc, with accounts and history', makeIrcv3Harness());
