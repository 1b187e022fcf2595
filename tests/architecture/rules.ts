// All rules that hold for the project.
import {
  casts,
  environment,
  fileSizes,
  folderSizes,
  functionSizes,
  importEffects,
  noModuleMocks,
  plainExports,
  platformNames,
  typeEscapes,
} from './code-rules.ts';
import {
  importCycles,
  importTable,
  lazySdks,
  packageFences,
  plainSpecifiers,
  processData,
  sharedWithoutIo,
} from './import-rules.ts';
import type { Rule } from './project.ts';

export const RULES: readonly Rule[] = [
  importTable,
  packageFences,
  processData,
  sharedWithoutIo,
  plainSpecifiers,
  lazySdks,
  importCycles,
  platformNames,
  environment,
  plainExports,
  importEffects,
  typeEscapes,
  casts,
  fileSizes,
  functionSizes,
  folderSizes,
  noModuleMocks,
];
