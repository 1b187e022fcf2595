// Text of PDF and Word files.
import { parsePage } from './dom.ts';
import type { PageFormat, PageText } from './job.ts';
import { toMarkdown } from './markdown.ts';

const MAX_PAGES = 300;

export async function readPdf(bytes: Uint8Array): Promise<PageText> {
  const { getDocumentProxy, getMeta } = await import('unpdf');
  const pdf = await getDocumentProxy(bytes, { isEvalSupported: false, verbosity: 0 });
  const info: unknown = (await getMeta(pdf)).info;
  const pages: string[] = [];
  const last = Math.min(pdf.numPages, MAX_PAGES);
  for (let number = 1; number <= last; number++) {
    const page = await pdf.getPage(number);
    const { items } = await page.getTextContent();
    const text = joinItems(items);
    pages.push(last === 1 ? text : `[page ${number} of ${pdf.numPages}]\n\n${text}`);
    page.cleanup();
  }
  const text = pages.join('\n\n').trim();
  return {
    title: field(info, 'Title'),
    author: field(info, 'Author'),
    date: pdfDate(field(info, 'CreationDate')),
    text,
    note:
      text.replace(/\[page \d+ of \d+\]|\s/g, '') === ''
        ? 'The PDF holds no text, only pictures of it.'
        : pdf.numPages > MAX_PAGES
          ? `Only the first ${MAX_PAGES} of ${pdf.numPages} pages were read.`
          : undefined,
  };
}

export async function readDocx(bytes: Uint8Array, format: PageFormat): Promise<PageText> {
  const { default: mammoth } = await import('mammoth');
  const { value } = await mammoth.convertToHtml(
    { buffer: Buffer.from(bytes) },
    { convertImage: mammoth.images.imgElement(async () => ({ src: '' })) },
  );
  const document = await parsePage(`<html><head></head><body>${value}</body></html>`);
  for (const image of document.querySelectorAll('img')) image.remove();
  return { text: document.body === null ? '' : await toMarkdown(document.body, format) };
}

function joinItems(items: readonly unknown[]): string {
  let text = '';
  for (const item of items) {
    if (typeof item !== 'object' || item === null || !('str' in item) || typeof item.str !== 'string') continue;
    text += item.str;
    if ('hasEOL' in item && item.hasEOL === true) text += '\n';
  }
  return text
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')
    .trim();
}

function field(info: unknown, name: string): string | undefined {
  if (typeof info !== 'object' || info === null) return undefined;
  const value: unknown = Object.entries(info).find(([key]) => key === name)?.[1];
  return typeof value === 'string' && value.trim() !== '' ? value.trim().slice(0, 300) : undefined;
}

/** "D:20261121093000+01'00'" as "2026-11-21". */
function pdfDate(text: string | undefined): string | undefined {
  const [, year, month, day] = /^(?:D:)?(\d{4})(\d{2})?(\d{2})?/.exec(text ?? '') ?? [];
  return year === undefined ? undefined : [year, month, day].filter((part) => part !== undefined).join('-');
}
