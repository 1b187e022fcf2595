import { describeAdapter } from '../../contracts/adapter-contract.ts';
import { matrixHarness } from './matrix-harness.ts';

describeAdapter('matrix', matrixHarness);
