// The tree that markdown is parsed into. Its public names are in markdown.ts; it lies apart so that reader and writer can share it.

export type Inline =
  | { type: 'text'; text: string }
  | { type: 'code'; text: string }
  | { type: 'bold' | 'italic' | 'strike'; children: readonly Inline[] }
  | { type: 'link'; href: string; children: readonly Inline[] }
  /** An image in the text; platforms that cannot place it show the link. */
  | { type: 'image'; href: string; alt: string }
  | { type: 'break' };

export interface ListItem {
  /** Of a task list: done or not. */
  checked?: boolean | undefined;
  children: readonly Block[];
}

export type Block =
  | { type: 'paragraph'; children: readonly Inline[] }
  | { type: 'heading'; level: 1 | 2 | 3 | 4 | 5 | 6; children: readonly Inline[] }
  /** `language` is '' when the fence names none. `text` has no trailing newline. */
  | { type: 'code'; language: string; text: string }
  | { type: 'quote'; children: readonly Block[] }
  | { type: 'list'; ordered: boolean; start: number; items: readonly ListItem[] }
  | { type: 'table'; header: readonly (readonly Inline[])[]; rows: readonly (readonly (readonly Inline[])[])[] }
  | { type: 'rule' };
