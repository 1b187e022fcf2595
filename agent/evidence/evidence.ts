// Evidence of skills, loaded when there is something to write down or somebody asks.
import type { EvidenceInput, OpenedEvidence } from './opened.ts';

export function openEvidence(input: EvidenceInput): OpenedEvidence {
  let opening: Promise<OpenedEvidence> | undefined;
  const opened = () => (opening ??= import('./opened.ts').then((loaded) => loaded.openEvidence(input)));
  return {
    source: {
      name: 'evidence',
      ended: async (turn) => (await opened()).source.ended?.(turn),
      left: async (at) => (await opened()).source.left?.(at),
      close: async () => (await opening)?.source.close?.(),
    },
    upkeep: async (scope) => (await opened()).upkeep(scope),
    report: async (scope) => (await opened()).report(scope),
    series: async (scope, filter) => (await opened()).series(scope, filter),
    condemn: async (scope, revision, findings) => (await opened()).condemn(scope, revision, findings),
    undoCuration: async (scope, id) => (await opened()).undoCuration(scope, id),
  };
}
