// What the thread that reads pages is asked, and what it answers. Both cross between threads, so they are plain data.
export type PageFormat = 'markdown' | 'text';

export type PageJob =
  | { kind: 'html'; html: string; url: string; format: PageFormat }
  | { kind: 'pdf'; bytes: Uint8Array }
  | { kind: 'docx'; bytes: Uint8Array; format: PageFormat }
  | { kind: 'feed'; xml: string; url: string }
  /** Links with their descriptions, of a page of search results. */
  | { kind: 'results'; html: string; url: string };

export interface PageText {
  title?: string | undefined;
  author?: string | undefined;
  /** As the page writes it. */
  date?: string | undefined;
  text: string;
  /** For the reader: what was left out. */
  note?: string | undefined;
  links?: readonly { title: string; url: string; snippet: string }[] | undefined;
}
