import { describeAdapter } from '../../contracts/adapter-contract.ts';
import { sealedMatrixHarness } from './matrix-harness.ts';

describeAdapter('matrix, encrypted', sealedMatrixHarness);
