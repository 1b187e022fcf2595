// Where the fake servers of the tests write what Herald sent them, one `<platform>.jsonl` per specification that is checked.
// `npm test` empties the folder first; .ci/run holds it against the specifications afterwards.
import path from 'node:path';

export const RECORDINGS_DIR = path.join(import.meta.dirname, '..', '..', '.recordings');
