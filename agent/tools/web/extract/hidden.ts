// Takes out of a page what its visitors do not see: the usual place for words that are meant for a model only. What a style sheet of
// another file, a script or a picture hides is not known here: page text stays foreign text, whatever was taken out.
import { COMMENT_NODE, TEXT_NODE, type PageDocument, type PageElement, type PageNode } from './dom.ts';

const NEVER_TEXT =
  'script, style, noscript, template, iframe, object, embed, svg, canvas, link, meta[http-equiv], dialog:not([open])';
const MAIN = 'main, article, body, [role=main]';
const MAX_RULES = 300;
const MAX_STYLE_CHARS = 200_000;

type Style = Readonly<Record<string, string>>;

/** Changes `document`. */
export function removeHidden(document: PageDocument): void {
  const rules = hidingSelectors(document);
  // The data for search engines stays until the reader has taken title and author from it.
  for (const element of document.querySelectorAll(NEVER_TEXT)) {
    if (!/ld\+json/.test(element.getAttribute('type') ?? '')) element.remove();
  }
  for (const comment of commentsOf(document)) comment.remove();
  for (const selector of rules) for (const element of select(document, selector)) drop(element);
  for (const element of select(document, '[hidden], [aria-hidden=true], [inert], input[type=hidden]')) drop(element);
  for (const element of select(document, '[style], [color]')) hideByStyle(element);
}

function hideByStyle(element: PageElement): void {
  if (element.parentNode === null) return;
  const style = styleOf(element);
  if (isHiding(style)) return drop(element);
  if (isTiny(style['font-size'])) return dropTiny(element);
  const color = colorOf(style['color'] ?? element.getAttribute('color') ?? undefined);
  if (color !== undefined && isUnseen(color, backgroundOf(element))) drop(element);
}

/** Not the frame or the main part of a page: hiding those is what pages do until their scripts have run. */
function drop(element: PageElement): void {
  if (/^(html|body|main|article)$/i.test(element.tagName) || element.querySelector(MAIN) !== null) return;
  element.remove();
}

/** Zero size is also used to close gaps between elements that set a size again. */
function dropTiny(element: PageElement): void {
  const isSetAgain = [...select(element, '[style]')].some((inner) => {
    const size = styleOf(inner)['font-size'];
    return size !== undefined && !isTiny(size);
  });
  if (!isSetAgain) return drop(element);
  for (const child of element.childNodes) if (child.nodeType === TEXT_NODE) child.remove();
}

/** Selectors of plain rules in the page's own style sheets that hide what they match. Rules for print, states and screens are left. */
function hidingSelectors(document: PageDocument): readonly string[] {
  const css = [...document.querySelectorAll('style')].map((style) => style.textContent ?? '').join('\n');
  const plain = withoutBlocks(css.slice(0, MAX_STYLE_CHARS).replace(/\/\*[^]*?\*\//g, ''));
  const found: string[] = [];
  for (const [, selectors = '', body = ''] of plain.matchAll(/([^{}]{1,500})\{([^{}]{0,2000})\}/g)) {
    if (found.length >= MAX_RULES) break;
    const style = parseStyle(body);
    if (!isHiding(style) && !isTiny(style['font-size'])) continue;
    found.push(
      ...selectors
        .split(',')
        .map((one) => one.trim())
        .filter((one) => /^[\w.#-]+$/.test(one) && /[.#]/.test(one)),
    );
  }
  return found;
}

/** Without at-rules that hold rules, such as @media. */
function withoutBlocks(css: string): string {
  let out = '';
  let depth = 0;
  let isInside = false;
  for (const piece of css.split(/(?=[{}@;])/)) {
    if (depth === 0 && piece.startsWith('@')) isInside = true;
    if (piece.startsWith('{')) depth++;
    if (!isInside) out += piece;
    if (piece.startsWith('}')) depth = Math.max(0, depth - 1);
    if (isInside && depth === 0 && (piece.startsWith('}') || piece.startsWith(';'))) {
      isInside = false;
      out += piece.slice(1);
    }
  }
  return out;
}

function isHiding(style: Style): boolean {
  const { display, visibility, opacity, position } = style;
  if (display === 'none' || visibility === 'hidden' || visibility === 'collapse') return true;
  if (opacity !== undefined && Number.parseFloat(opacity) <= 0.02) return true;
  const isCut = style['overflow'] === 'hidden' || style['overflow'] === 'clip';
  if (isCut && [style['height'], style['width'], style['max-height'], style['max-width']].some(isZero)) return true;
  if (/^-\d{3,}/.test(style['text-indent'] ?? '')) return true;
  const isAway = [style['left'], style['top'], style['right'], style['margin-left']].some((side) =>
    /^-\d{3,}/.test(side ?? ''),
  );
  if (isAway && (position === 'absolute' || position === 'fixed')) return true;
  return /^rect\(\s*(0|1px)/.test(style['clip'] ?? '') || /^inset\(\s*(50|100)%/.test(style['clip-path'] ?? '');
}

function isZero(length: string | undefined): boolean {
  return /^[01](px)?$/.test(length ?? '');
}

function isTiny(size: string | undefined): boolean {
  const [, number, unit] = /^([\d.]+)\s*(px|pt|em|rem|%|vw|vh)?$/.exec(size ?? '') ?? [];
  if (number === undefined) return false;
  const value = Number.parseFloat(number);
  if (unit === 'em' || unit === 'rem') return value < 0.15;
  return unit === '%' ? value < 15 : value <= 2;
}

type Rgba = readonly [red: number, green: number, blue: number, alpha: number];

/** Text in the colour of what is behind it, as far as styles of the elements say; without any word of it, on white. */
function isUnseen(color: Rgba, background: Rgba): boolean {
  if (color[3] <= 0.05) return true;
  return [0, 1, 2].every((index) => Math.abs((color[index] ?? 0) - (background[index] ?? 0)) <= 8);
}

function backgroundOf(element: PageElement): Rgba {
  for (let at: PageElement | null = element; at !== null; at = at.parentElement) {
    const style = styleOf(at);
    const color = colorOf(style['background-color'] ?? style['background'] ?? at.getAttribute('bgcolor') ?? undefined);
    if (color !== undefined && color[3] > 0.5) return color;
    // A picture or a gradient: nobody knows.
    if (style['background'] !== undefined || style['background-image'] !== undefined) return [-1000, -1000, -1000, 1];
  }
  return [255, 255, 255, 1];
}

const NAMED: Readonly<Record<string, Rgba>> = {
  white: [255, 255, 255, 1],
  snow: [255, 250, 250, 1],
  black: [0, 0, 0, 1],
  transparent: [0, 0, 0, 0],
};

function colorOf(text: string | undefined): Rgba | undefined {
  const value = text?.trim().toLowerCase() ?? '';
  if (Object.hasOwn(NAMED, value)) return NAMED[value];
  const hex = /^#?([0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})$/.exec(value)?.[1];
  if (hex !== undefined) {
    const size = hex.length > 4 ? 2 : 1;
    const part = (index: number) =>
      Number.parseInt(hex.slice(index * size, (index + 1) * size).repeat(size === 1 ? 2 : 1), 16);
    return [part(0), part(1), part(2), hex.length % 4 === 0 ? part(3) / 255 : 1];
  }
  const numbers = /^rgba?\(([^)]{1,60})\)$/
    .exec(value)?.[1]
    ?.split(/[\s,/]+/)
    .map(Number.parseFloat);
  if (numbers === undefined || numbers.length < 3 || numbers.some(Number.isNaN)) return undefined;
  return [numbers[0] ?? 0, numbers[1] ?? 0, numbers[2] ?? 0, numbers[3] ?? 1];
}

function styleOf(element: PageElement): Style {
  return parseStyle(element.getAttribute('style') ?? '');
}

function parseStyle(text: string): Style {
  const style: Record<string, string> = {};
  for (const declaration of text.slice(0, 5_000).split(';')) {
    const colon = declaration.indexOf(':');
    if (colon < 0) continue;
    const value = declaration
      .slice(colon + 1)
      .replace(/!important/i, '')
      .trim()
      .toLowerCase();
    style[declaration.slice(0, colon).trim().toLowerCase()] = value;
  }
  return style;
}

function select(root: PageElement, selector: string): readonly PageElement[] {
  try {
    return [...root.querySelectorAll(selector)];
  } catch {
    return []; // a selector that the parser does not know
  }
}

function commentsOf(root: PageNode): readonly PageNode[] {
  const found: PageNode[] = [];
  const stack: PageNode[] = [root];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (node.nodeType === COMMENT_NODE) found.push(node);
    else stack.push(...(node.childNodes ?? []));
  }
  return found;
}
