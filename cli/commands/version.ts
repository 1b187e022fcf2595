import type { CliContext } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { VERSION } from '../../shared/installation.ts';

export async function runVersion(context: CliContext): Promise<number> {
  context.print({ version: VERSION, node: process.versions.node }, ({ version }) => `herald ${version}`);
  return EXIT.ok;
}
