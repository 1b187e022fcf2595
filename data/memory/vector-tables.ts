// The table of meanings, one to one with data/migrations/0011-vectors.ts. Part of data/schema.ts.
import type { SpaceId } from '../../shared/ids.ts';

export interface VectorTables {
  memory_vectors: {
    memory_id: number;
    space_id: SpaceId;
    /** Which model made it; vectors of different models cannot be compared. */
    model: string;
    dimensions: number;
    /** 32-bit floats as the machine writes them, which is how the extension reads them. */
    vector: Buffer;
  };
}
