// How skills are named: what is kept of a reference leads to the same place again.
import { describe, expect, it } from 'vitest';
import { formatReference, parseReference } from '../../../skills/hub/reference.ts';

describe('references', () => {
  it.each([
    ['owner/repo', 'github:owner/repo'],
    ['owner/repo.git', 'github:owner/repo'],
    ['owner/repo/a/b@v1.2/next', 'github:owner/repo/a/b@v1.2/next'],
    ['https://github.com/owner/repo', 'github:owner/repo'],
    ['https://github.com/owner/repo/tree/main/skills/my%20skill', 'github:owner/repo/skills/my skill@main'],
    ['https://www.skills.sh/owner/repo/pdf', 'github:owner/repo/pdf'],
    ['skills-sh:site/docs.example/pdf', 'well-known:https://docs.example#pdf'],
    ['well-known:docs.example', 'well-known:https://docs.example'],
    ['https://docs.example/.well-known/agent-skills/index.json#pdf', 'well-known:https://docs.example#pdf'],
    ['https://docs.example/team/?utm=x', 'well-known:https://docs.example/team'],
    ['https://github.com/owner/repo/archive/main.zip#pdf', 'https://github.com/owner/repo/archive/main.zip#pdf'],
    ['https://docs.example/a/SKILL.md', 'https://docs.example/a/SKILL.md'],
    ['/srv/skills#letters', 'folder:/srv/skills#letters'],
    ['folder:/srv/skills/pdf', 'folder:/srv/skills/pdf'],
  ])('%s is kept as %s', (text, kept) => {
    const reference = parseReference(text);
    expect(formatReference(reference)).toBe(kept);
    expect(parseReference(kept)).toEqual(reference);
  });
});
