// Files on their way: sent as soon as they are chosen, attached to the next message by the id that the server gives.
import { formatBytes, make } from './lines.js';

const MAX_FILES = 10;

export class Uploads {
  #list;
  #items = new Set();
  #on;
  maxBytes = Number.POSITIVE_INFINITY;

  /** on: changed(), notice(text), needSession() → Promise */
  constructor(list, on) {
    this.#list = list;
    this.#on = on;
  }

  get busy() {
    return [...this.#items].some((item) => item.file === undefined && !item.failed);
  }

  get ready() {
    return [...this.#items].flatMap((item) => (item.file === undefined ? [] : [item.file]));
  }

  add(files) {
    for (const file of files) {
      if (this.#items.size >= MAX_FILES) {
        this.#on.notice(`At most ${MAX_FILES} files go with one message.`);
        return;
      }
      if (file.size > this.maxBytes) {
        this.#on.notice(`${file.name} is larger than ${formatBytes(this.maxBytes)} and was not attached.`);
        continue;
      }
      this.#start(file);
    }
  }

  /** Forgets all; those that are ready are returned. */
  take() {
    const files = this.ready;
    for (const item of this.#items) if (item.file !== undefined) this.#remove(item);
    return files;
  }

  #start(source) {
    const progress = make('progress', { max: '1', value: '0', 'aria-label': `Sending ${source.name}` });
    const label = make('span', { text: source.name || 'file' });
    const cancel = make('button', { type: 'button', text: '×', 'aria-label': `Remove ${source.name}` });
    const item = {
      element: make('li', {}, label, progress, cancel),
      file: undefined,
      failed: false,
      request: undefined,
    };
    cancel.addEventListener('click', () => {
      item.request?.abort();
      this.#remove(item);
    });
    this.#items.add(item);
    this.#list.append(item.element);
    this.#send(item, source, progress, true);
    this.#changed();
  }

  #send(item, source, progress, mayRetry) {
    const request = new XMLHttpRequest();
    item.request = request;
    request.open('POST', `files?name=${encodeURIComponent(source.name || 'file')}`);
    request.setRequestHeader('content-type', source.type || 'application/octet-stream');
    request.responseType = 'json';
    request.upload.addEventListener('progress', (event) => {
      if (event.lengthComputable) progress.value = event.loaded / event.total;
    });
    request.addEventListener('load', () => {
      if (request.status === 201) {
        item.file = request.response;
        progress.replaceWith(make('small', { text: formatBytes(item.file.bytes) }));
        this.#changed();
      } else if (request.status === 401 && mayRetry) {
        const again = () => this.#send(item, source, progress, false);
        this.#on.needSession().then(again, again);
      } else this.#fail(item, progress, request.response?.error?.message ?? 'not sent');
    });
    request.addEventListener('error', () =>
      this.#fail(item, progress, 'The server cannot be reached. Remove it and attach it again later.'),
    );
    request.send(source);
  }

  #fail(item, progress, why) {
    item.failed = true;
    item.element.classList.add('failed');
    item.element.title = why;
    progress.remove();
    this.#on.notice(why);
    this.#changed();
  }

  #remove(item) {
    item.element.remove();
    this.#items.delete(item);
    this.#changed();
  }

  #changed() {
    this.#list.hidden = this.#items.size === 0;
    this.#on.changed();
  }
}
