import manifest from '../package.json' with { type: 'json' };

/** Version of the package, as npm writes it. */
export const VERSION: string = manifest.version;
