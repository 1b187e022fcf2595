// Whether this Node can run Herald. Checked before anything native is loaded: better-sqlite3 13 crashes the process on a Node
// without Node-API 10 instead of throwing.
const MIN_MAJOR = 24;
const MIN_NAPI = 10;

/** What is wrong with the runtime and what to do; undefined when it will do. */
export function describeRuntimeProblem(versions: { node: string; napi?: string | undefined }): string | undefined {
  const major = Number.parseInt(versions.node, 10);
  if (major >= MIN_MAJOR && Number(versions.napi ?? 0) >= MIN_NAPI) return undefined;
  return (
    `Herald needs Node ${MIN_MAJOR} or newer, and this is Node ${versions.node}. ` +
    `Install it from https://nodejs.org, or run Herald through npm in its folder (npm start), which brings its own.`
  );
}
