// What the parts of the hub say to each other: where skills come from, what was found there, what is fetched and how it was judged.
import type { GuardVerdict } from '../guard.ts';
import type { SkillTrust } from '../types.ts';

/** The files of one skill: path within it, with forward slashes, and content. */
export type SkillFiles = ReadonlyMap<string, Uint8Array>;

export interface HubRequest {
  headers?: Readonly<Record<string, string>>;
  signal?: AbortSignal | undefined;
  /** Of the body after decompression; more rejects with AppError `too_large`. */
  maxBytes: number;
  /** Of the whole call, redirects and body included. */
  timeoutMs: number;
}

export interface HubResponse {
  /** Where the last redirect led. */
  url: string;
  status: number;
  /** Value of a header, undefined when it is not there. */
  header(name: string): string | undefined;
  body: Uint8Array;
}

/** HTTP GET that goes to checked addresses only. Any status resolves; rejects with AppError. */
export type HubFetch = (url: string, request: HubRequest) => Promise<HubResponse>;

export type Reference =
  | { source: 'github'; owner: string; repo: string; path: string | undefined; ref: string | undefined }
  | { source: 'well-known'; base: string; skill: string | undefined }
  | { source: 'url'; url: string; skill: string | undefined }
  | { source: 'folder'; path: string; skill: string | undefined };

export type SourceId = Reference['source'];

/** One line of a search or of a collection. */
export interface FoundSkill {
  name: string;
  description: string;
  /** What `install` takes. */
  reference: string;
  /** How much it is trusted because of where it is. */
  trust: SkillTrust;
  /** As counted by the registry. */
  installs?: number | undefined;
}

export interface FetchedSkill {
  files: SkillFiles;
  source: SourceId;
  /** The canonical reference: the same skill there, whatever revision is newest. */
  identifier: string;
  /** The commit or digest that the files are of, where the source knows one. */
  revision: string | undefined;
  trust: SkillTrust;
}

/** What a reference leads to: one skill or several. */
export interface Offer {
  skills: readonly FoundSkill[];
  /** The files of one of `skills`. Rejects with AppError. */
  fetch(skill: FoundSkill): Promise<FetchedSkill>;
}

/** A kind of place where skills are. Both reject with AppError: `not_found`, `platform_unreachable`, `too_large`, `bad_input` … */
export interface SkillSource<Kind extends SourceId> {
  open(reference: Extract<Reference, { source: Kind }>, signal: AbortSignal | undefined): Promise<Offer>;
}

export interface ScanReport {
  verdict: GuardVerdict;
  /** One line each, for people; no text of the skill that could act on a terminal. */
  findings: readonly string[];
}

/** What the front matter says. */
export interface SkillHeading {
  name: string;
  description: string;
}
