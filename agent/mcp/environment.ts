// The environment of MCP servers that we start: a short list of ours, and what the configuration gives them. Keys of ours never get there.

const PASSED: readonly string[] = ['PATH', 'HOME', 'USER', 'LANG', 'LC_ALL', 'TERM', 'SHELL', 'TMPDIR'];

/** `own` beats what is passed on of `ours`. */
export function childEnvironment(
  ours: Readonly<Record<string, string | undefined>>,
  own: Readonly<Record<string, string>>,
): Record<string, string> {
  const passed: Record<string, string> = {};
  for (const [name, value] of Object.entries(ours)) {
    if (value === undefined || !(PASSED.includes(name) || name.startsWith('XDG_'))) continue;
    // Exported functions of old shells are code.
    if (!value.startsWith('()')) passed[name] = value;
  }
  return { ...passed, ...own };
}
