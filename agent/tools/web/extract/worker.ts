// What runs in the threads that read pages: markup of strangers costs time and memory, and both end with the thread (reader.ts).
import { readDocx, readPdf } from './documents.ts';
import { readHtml } from './html.ts';
import { dropInvisible } from './invisible.ts';
import type { PageJob, PageText } from './job.ts';
import { readFeed, readResults } from './lists.ts';

/** Rejects with whatever the parsers throw: for the other side that is an error of the thread. */
export async function readJob(job: PageJob): Promise<PageText> {
  const { text, title, author, ...rest } = await read(job);
  const clean = (line: string | undefined) => (line === undefined ? undefined : dropInvisible(line));
  return { ...rest, text: dropInvisible(text), title: clean(title), author: clean(author) };
}

function read(job: PageJob): Promise<PageText> {
  switch (job.kind) {
    case 'html':
      return readHtml(job.html, job.url, job.format);
    case 'pdf':
      return readPdf(job.bytes);
    case 'docx':
      return readDocx(job.bytes, job.format);
    case 'feed':
      return readFeed(job.xml, job.url);
    case 'results':
      return readResults(job.html, job.url);
  }
}
