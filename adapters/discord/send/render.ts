// Our tree → Discord's markdown, https://support.discord.com/hc/en-us/articles/210298617, read 2026-11-21. What it has no markup for
// (tables, rules, deeper headings, nested quotes) is text. Everything else that could be read as markup or as a mention is escaped.
import { chunkMarkdown } from '../../chunk.ts';
import { parseMarkdown, plainText, serializeMarkdown, type Block, type Inline, type ListItem } from '../../markdown.ts';
import { layOutTable } from '../../plain.ts';
import { MAX_TEXT_CHARS } from '../capabilities.ts';
import { UnsendableError } from '../../transport/failures.ts';
import { codeSpan, escapeLineStarts, escapeText, fence, joinParts } from './escape.ts';

export function renderMarkdown(blocks: readonly Block[]): string {
  return renderBlocks(blocks, { quoted: false, gap: '\n\n' }).trim();
}

/** Text without any markup; what looks like it is escaped. */
export function renderPlain(blocks: readonly Block[]): string {
  const text = plainText(blocks).trim();
  const escaped = escapeLineStarts(escapeText(text, true));
  // Escapes may not be what makes a text too long that fits as it is.
  return escaped.length > MAX_TEXT_CHARS ? text : escaped;
}

/** Room for escapes, tried in this order when a text that fits is too long with its markup. */
const SMALLER = [1_700, 1_300, 900, 500];

/** The text as messages that Discord takes; as a rule one. Throws UnsendableError `too_long` on text beyond the declared limit. */
export function renderParts(blocks: readonly Block[], plain: boolean): readonly string[] {
  expectFit(plainText(blocks));
  if (plain) return [renderPlain(blocks)];
  const whole = renderMarkdown(blocks);
  if (whole.length <= MAX_TEXT_CHARS) return [whole];
  const source = serializeMarkdown(blocks);
  for (const max of SMALLER) {
    const parts = chunkMarkdown(source, { max, unit: 'utf16' }).map((part) => renderMarkdown(parseMarkdown(part)));
    if (parts.every((part) => part.length <= MAX_TEXT_CHARS)) return parts;
  }
  return [renderPlain(blocks)];
}

/** The text as one message, for an edit: without markup when that makes it too long. Throws as `renderParts`. */
export function renderWhole(blocks: readonly Block[], plain: boolean): string {
  expectFit(plainText(blocks));
  const whole = plain ? renderPlain(blocks) : renderMarkdown(blocks);
  return whole.length <= MAX_TEXT_CHARS ? whole : renderPlain(blocks);
}

function expectFit(text: string): void {
  const { length } = text.trim();
  if (length > MAX_TEXT_CHARS)
    throw new UnsendableError('too_long', `The text has ${length} characters; ${MAX_TEXT_CHARS} are allowed.`);
}

interface Place {
  /** Inside a block quote, where Discord shows no other. */
  quoted: boolean;
  gap: '\n' | '\n\n';
}

function renderBlocks(blocks: readonly Block[], place: Place): string {
  return blocks.map((block) => renderBlock(block, place)).join(place.gap);
}

/** Deeper headings have no markup. */
const MAX_HEADING = 3;

function renderBlock(block: Block, place: Place): string {
  switch (block.type) {
    case 'paragraph':
      return escapeLineStarts(renderInlines(block.children, NO_STYLE));
    case 'heading':
      return block.level <= MAX_HEADING
        ? `${'#'.repeat(block.level)} ${oneLine(renderInlines(block.children, NO_STYLE))}`
        : `**${renderInlines(block.children, { ...NO_STYLE, bold: true })}**`;
    case 'code':
      return block.text.trim() === '' ? '' : fence(block.text, block.language);
    case 'quote': {
      const inner = renderBlocks(block.children, { quoted: true, gap: '\n\n' });
      return prefixLines(inner, place.quoted ? '\\> ' : '> ');
    }
    case 'list':
      return block.items
        .map((item, i) => renderItem(item, block.ordered ? `${block.start + i}.` : '-', place))
        .join('\n');
    case 'table':
      return fence(layOutTable(block.header, block.rows), '');
    case 'rule':
      return '———';
  }
}

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, ' ');
}

function renderItem(item: ListItem, bullet: string, place: Place): string {
  const box = item.checked === undefined ? '' : item.checked ? '☑ ' : '☐ ';
  const text = renderBlocks(item.children, { ...place, gap: '\n' });
  return `${bullet} ${box}${indentLines(text, ' '.repeat(bullet.length + 1))}`.trimEnd();
}

function prefixLines(text: string, prefix: string): string {
  return text.replace(/^/gm, prefix);
}

/** Indents continuation lines, except inside code blocks, where the indent would be shown. */
function indentLines(text: string, indent: string): string {
  return text
    .split(/(```[\s\S]*?```)/)
    .map((part) => (part.startsWith('```') ? part : part.replace(/\n(?!\n|$)/g, `\n${indent}`)))
    .join('');
}

/** What is in force: a style inside itself would end it. */
interface Style {
  bold: boolean;
  italic: boolean;
  strike: boolean;
  link: boolean;
}

const NO_STYLE: Style = { bold: false, italic: false, strike: false, link: false };

function renderInlines(nodes: readonly Inline[], style: Style): string {
  return joinParts(nodes.map((node, i) => renderInline(node, style, [nodes[i - 1], nodes[i + 1]])));
}

function renderInline(node: Inline, style: Style, beside: readonly (Inline | undefined)[]): string {
  switch (node.type) {
    case 'text':
      return escapeText(node.text);
    case 'break':
      return '\n';
    case 'code':
      return codeSpan(node.text);
    case 'bold':
    case 'italic':
    case 'strike': {
      const inner = renderInlines(node.children, { ...style, [node.type]: true });
      if (style[node.type] || inner.trim() === '') return inner;
      const marker = node.type === 'bold' ? '**' : node.type === 'strike' ? '~~' : italicMarker(node.children, beside);
      return `${marker}${inner}${marker}`;
    }
    case 'link':
      return renderLink(node.href, renderInlines(node.children, { ...style, link: true }), style);
    case 'image':
      return renderLink(node.href, escapeText(node.alt), style);
  }
}

/** Stars next to stars would run together. */
function italicMarker(children: readonly Inline[], beside: readonly (Inline | undefined)[]): '*' | '_' {
  const touching = [...beside, children[0], children.at(-1)];
  return touching.some((other) => other?.type === 'bold') ? '_' : '*';
}

/** Discord makes links of http and https only, and of none whose label looks like another address. */
function renderLink(href: string, label: string, style: Style): string {
  const bare = href.replace(/^(?:mailto|tel):/i, '');
  if (!/^https?:/i.test(href)) return label === '' || label === escapeText(bare) ? bare : `${label} (${bare})`;
  if (style.link || label.trim() === '') return href;
  if (label === escapeText(href)) return href;
  if (/:\/\/|\bwww\./i.test(label)) return `${label} (${href})`;
  const target = href.replaceAll('<', '%3C').replaceAll('>', '%3E');
  return /[()\s]/.test(target) ? `[${label}](<${target}>)` : `[${label}](${target})`;
}
