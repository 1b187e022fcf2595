// What is installed here: its version, and where its files lie that are no code (pages, pictures, built-in skills). From a checkout they lie beside
// the code, in a build (packaging/build.ts, which keeps this module one folder deep) under the same names in dist/.
import manifest from '../package.json' with { type: 'json' };

/** Version of the package, as npm writes it. */
export const VERSION: string = manifest.version;

/** `name`: from the root of the project, such as `skills/builtin`. */
export function assetUrl(name: string): URL {
  return new URL(`../${name}`, import.meta.url);
}

/** The same for a module of ours that is loaded by its address, such as that of a thread. */
export function moduleUrl(name: string): URL {
  return assetUrl(`${name}${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`);
}
