// Reads what a person refers to by the rules of the tools: files of the workspace as read_file, pages as web_extract.
import type { FileAccess } from '../../tools/files/access.ts';
import { readFileRange } from '../../tools/files/read.ts';
import type { ReferencePorts } from './references.ts';

export interface ReferencePortDeps {
  access: FileAccess;
  readPage: ReferencePorts['readPage'];
}

/** All but where what was read is kept. */
export function makeReferencePorts({ access, readPage }: ReferencePortDeps): Omit<ReferencePorts, 'keep'> {
  return {
    async readPath({ path, from, to }, call) {
      const limit = from === undefined || to === undefined ? undefined : Math.max(1, to - from + 1);
      const file = await readFileRange(access, call, { path, offset: from, limit });
      return file.text;
    },
    readPage,
  };
}
