// What a pattern of the guard is. Each is one line wide and has no nested repetition, so that no text makes it slow.
export type GuardCategory =
  | 'exfiltration'
  | 'injection'
  | 'destructive'
  | 'persistence'
  | 'network'
  | 'obfuscation'
  | 'execution'
  | 'traversal'
  | 'mining'
  | 'supply_chain'
  | 'privilege_escalation'
  | 'credential_exposure'
  | 'structure';

export type GuardSeverity = 'critical' | 'high' | 'medium' | 'low';

export interface GuardPattern {
  category: GuardCategory;
  severity: GuardSeverity;
  /** For people. */
  about: string;
  pattern: RegExp;
}

/** Files that hold secrets, as part of a pattern. */
export const SECRET_FILES =
  '(?:\\.ssh/|id_rsa|id_ed25519|\\.aws/credentials|\\.netrc|\\.npmrc|\\.pypirc|\\.git-credentials|\\.docker/config\\.json|\\.kube/config|\\.gnupg|keychain|login\\.keychain|/etc/shadow|wallet\\.dat|\\.env\\b|cookies\\.sqlite|login data)';

/** Compared with lower-case text. */
export function rule(category: GuardCategory, severity: GuardSeverity, about: string, source: string): GuardPattern {
  return { category, severity, about, pattern: new RegExp(source) };
}
