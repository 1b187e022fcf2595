// The state of MCP servers in words, for `herald doctor` and /tools. Names of tools and titles are foreign text, cleaned.
import type { ServerStatus } from './server.ts';

/** One server after the other; lines that belong to a server begin with two spaces. */
export function describeServers(servers: readonly ServerStatus[]): readonly string[] {
  return servers.flatMap((server) => {
    const { name, transport, state, title, offered, heldBack, warnings, problem } = server;
    const about = title === undefined ? '' : `, ${title}`;
    const lines = [`${name} (${transport}): ${state}, ${offered.length} tools${about}`];
    if (state === 'needs-login') lines.push(`  log in with \`herald mcp login ${name}\``);
    if (problem !== undefined) lines.push(`  ${problem}`);
    for (const { tool, reasons } of heldBack) lines.push(`  ${tool} is held back: ${reasons.join('; ')}`);
    if (heldBack.some((entry) => entry.state === 'changed'))
      lines.push(`  look at what changed, then \`herald mcp allow ${name}\``);
    for (const { tool, reasons } of warnings) lines.push(`  ${tool}: ${reasons.join('; ')}`);
    return lines;
  });
}
