// The tools for files, built over one way of getting at files and one memory of what each session has seen.
import type { Tool } from '../tool.ts';
import { makeFileAccess, type FileToolsDeps } from './access.ts';
import { makePatchTool } from './patch.ts';
import { makeReadTool } from './read.ts';
import { makeSearchTool } from './search.ts';
import { makeSeenFiles } from './seen.ts';
import { makeWriteTool } from './write.ts';

/** read_file, write_file, patch and search_files, in this order. */
export function makeFileTools(deps: FileToolsDeps): readonly Tool[] {
  const access = makeFileAccess(deps);
  const seen = makeSeenFiles();
  return [
    makeReadTool(deps, access, seen),
    makeWriteTool(deps, access, seen),
    makePatchTool(deps, access, seen),
    makeSearchTool(access),
  ];
}
