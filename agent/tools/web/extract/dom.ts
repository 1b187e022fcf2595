// Pages as trees: linkedom's parser behind the few DOM types that are used here. (The DOM's own types belong to browsers, and would
// make every file of the project look as if it ran in one.)
export interface PageNode {
  readonly nodeType: number;
  readonly nodeName: string;
  textContent: string | null;
  readonly parentNode: PageNode | null;
  readonly childNodes: Iterable<PageNode>;
  remove(): void;
}

export interface PageElement extends PageNode {
  readonly tagName: string;
  innerHTML: string;
  readonly parentElement: PageElement | null;
  getAttribute(name: string): string | null;
  setAttribute(name: string, value: string): void;
  removeAttribute(name: string): void;
  readonly ownerDocument: { createElement(name: string): PageElement };
  append(...nodes: readonly PageNode[]): void;
  replaceWith(...nodes: readonly PageNode[]): void;
  querySelector(selector: string): PageElement | null;
  querySelectorAll(selector: string): Iterable<PageElement>;
}

export interface PageDocument extends PageElement {
  readonly documentElement: PageElement | null;
  readonly body: PageElement | null;
  title: string;
}

export const TEXT_NODE = 3;
export const COMMENT_NODE = 8;

/** The document of `html`. Never throws on broken markup. A page without frame gets one. */
export async function parsePage(html: string): Promise<PageDocument> {
  const whole = /<html[\s>]/i.test(html) ? html : `<!doctype html><html><head></head><body>${html}</body></html>`;
  return parse(whole, 'text/html');
}

/** The document of `xml`, such as a feed. */
export async function parseXml(xml: string): Promise<PageDocument> {
  return parse(xml, 'text/xml');
}

async function parse(markup: string, type: 'text/html' | 'text/xml'): Promise<PageDocument> {
  const { DOMParser } = await import('linkedom');
  const document: unknown = new DOMParser().parseFromString(markup, type);
  if (!isDocument(document)) throw new Error('the parser made no document');
  return document;
}

/** Text in one line. */
export function lineOf(node: PageNode | null | undefined): string {
  return (node?.textContent ?? '').replace(/\s+/g, ' ').trim();
}

/** `href` against `base` as an http(s) address, else undefined. */
export function absoluteUrl(href: string | null, base: string): string | undefined {
  if (href === null || !URL.canParse(href.trim(), base)) return undefined;
  const url = new URL(href.trim(), base);
  return /^https?:$/.test(url.protocol) ? url.href : undefined;
}

function isDocument(value: unknown): value is PageDocument {
  return typeof value === 'object' && value !== null && 'querySelectorAll' in value && 'documentElement' in value;
}
