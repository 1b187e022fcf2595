// Reads what a person refers to by the rules of the tools: files of the workspace as read_file, pages as web_extract.
import type { StoredFile } from '../../../shared/messages.ts';
import type { FileAccess } from '../../tools/files/access.ts';
import { readFileRange } from '../../tools/files/read.ts';
import type { ReferencePorts } from './references.ts';

export interface ReferencePortDeps {
  access: FileAccess;
  readPage: ReferencePorts['readPage'];
  keepText(name: string, mime: string, content: string): Promise<StoredFile>;
}

export function makeReferencePorts({ access, readPage, keepText }: ReferencePortDeps): ReferencePorts {
  return {
    async readPath({ path, from, to }, call) {
      const limit = from === undefined || to === undefined ? undefined : Math.max(1, to - from + 1);
      const file = await readFileRange(access, call, { path, offset: from, limit });
      return file.text;
    },
    readPage,
    keep: (name, text) => keepText(name, 'text/plain', text),
  };
}
