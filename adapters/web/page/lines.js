// What the conversation looks like. A line is known by `message`, else by `key`; one that comes again takes the place of itself.
// `html` comes from our server, which escapes it; everything else goes in as text.

const time = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const day = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long' });

/** Element with classes, text and children. */
export function make(tag, { className = '', text, ...attributes } = {}, ...children) {
  const element = document.createElement(tag);
  if (className !== '') element.className = className;
  if (text !== undefined) element.textContent = text;
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined) element.setAttribute(name, value);
  element.append(...children.filter((child) => child !== undefined));
  return element;
}

export function lineId(entry) {
  return entry.message === undefined ? `k:${entry.key}` : `m:${entry.message}`;
}

export function formatBytes(bytes) {
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 1024 * 1024) return `${Math.round(bytes / 1024)} KB`;
  return `${(bytes / 1024 / 1024).toFixed(1)} MB`;
}

/** on: press(entry, button), reply(entry, text) */
export class Lines {
  #root;
  #on;
  #lines = new Map();

  constructor(root, on) {
    this.#root = root;
    this.#on = on;
  }

  get size() {
    return this.#lines.size;
  }

  has(id) {
    return this.#lines.has(id);
  }

  ids() {
    return new Set(this.#lines.keys());
  }

  /** Key of the oldest line that the server's history knows. */
  oldestKey() {
    for (const element of this.#root.children) {
      const key = element.dataset.key;
      if (key !== undefined && !key.startsWith('in:')) return key;
    }
    return undefined;
  }

  /** Puts a line at the end, or where it already is. */
  put(entry) {
    const id = lineId(entry);
    const element = this.#element(entry);
    const old = this.#lines.get(id);
    this.#lines.set(id, element);
    if (old !== undefined) {
      // A button that was pressed stays so.
      if (old.dataset.pressed !== undefined) disableButtons(element);
      old.replaceWith(element);
      return;
    }
    const last = this.#root.lastElementChild;
    if (last?.dataset.day !== element.dataset.day) this.#root.append(dayLine(entry.at));
    this.#root.append(element);
  }

  /** Puts older lines, oldest first, before all others. */
  prepend(entries) {
    const before = this.#root.firstChild;
    for (const entry of entries) {
      const id = lineId(entry);
      if (this.#lines.has(id)) continue;
      const element = this.#element(entry);
      this.#lines.set(id, element);
      this.#root.insertBefore(element, before);
    }
    this.#markDays();
  }

  /** Takes away every line that is not in `ids`. */
  keepOnly(ids) {
    for (const [id, element] of this.#lines) {
      if (ids.has(id)) continue;
      element.remove();
      this.#lines.delete(id);
    }
    this.#markDays();
  }

  #markDays() {
    for (const old of this.#root.querySelectorAll('.day')) old.remove();
    let current;
    const shown = Array.from(this.#root.children); // the live list grows meanwhile
    for (const element of shown) {
      if (element.dataset.day !== current) element.before(dayLine(Number(element.dataset.at)));
      current = element.dataset.day;
    }
  }

  #element(entry) {
    const bubble = makeBubble(entry);
    const buttons = entry.buttons.flatMap((row) => row);
    const article = make(
      'article',
      { className: `entry ${entry.direction} ${entry.kind}` },
      bubble,
      this.#meta(entry, bubble),
    );
    if (buttons.length > 0) bubble.append(this.#buttons(entry, buttons, article));
    article.dataset.key = entry.key;
    article.dataset.at = String(entry.at);
    article.dataset.day = new Date(entry.at).toDateString();
    article.setAttribute('aria-label', entry.direction === 'in' ? 'You' : 'Herald');
    return article;
  }

  #buttons(entry, buttons, article) {
    const group = make('div', { className: 'buttons', role: 'group' });
    for (const button of buttons) {
      const element = make('button', { type: 'button', text: button.label });
      element.addEventListener('click', () => {
        article.dataset.pressed = '';
        disableButtons(article);
        this.#on.press(entry, button);
      });
      group.append(element);
    }
    return group;
  }

  #meta(entry, bubble) {
    const stamp = make('time', { text: time.format(entry.at), datetime: new Date(entry.at).toISOString() });
    const via = entry.via === undefined ? undefined : make('span', { text: `via ${entry.via}` });
    const meta = make('div', { className: 'meta' }, stamp, via);
    if (entry.direction === 'in') return meta;
    const plain = () => bubble.querySelector('.text')?.innerText ?? '';
    const copy = make('button', { type: 'button', text: 'Copy' });
    copy.addEventListener('click', () => copyText(plain(), copy));
    const reply = make('button', { type: 'button', text: 'Reply' });
    reply.addEventListener('click', () => this.#on.reply(entry, plain()));
    meta.append(copy, reply);
    return meta;
  }
}

/** The content of a line or of a message that waits. */
export function makeBubble(entry) {
  const bubble = make('div', { className: 'bubble' });
  if (entry.html !== undefined) {
    if (entry.html !== '') bubble.append(makeHtml(entry.html));
  } else if (entry.text !== '') bubble.append(make('div', { className: 'text', dir: 'auto', text: entry.text }));
  if (entry.html === undefined && entry.direction === 'out') bubble.firstElementChild?.classList.add('plain');
  if (entry.files.length > 0) bubble.append(make('div', { className: 'files' }, ...entry.files.map(makeFile)));
  return bubble;
}

/** The preview of an answer that is being written. */
export function makeDraft(draft) {
  const bubble = make('div', { className: 'bubble' });
  if (draft.tools.length > 0) {
    bubble.append(make('ul', { className: 'tools' }, ...draft.tools.map((text) => make('li', { text }))));
  }
  if (draft.html !== undefined && draft.html !== '') bubble.append(makeHtml(draft.html));
  return make('article', { className: 'entry out draft' }, bubble);
}

function makeHtml(html) {
  const element = make('div', { className: 'text' });
  element.innerHTML = html;
  for (const figure of element.querySelectorAll('figure.code')) {
    const copy = make('button', { className: 'copy', type: 'button', text: 'Copy' });
    copy.addEventListener('click', () => copyText(figure.querySelector('code')?.textContent ?? '', copy));
    figure.append(copy);
  }
  return element;
}

function makeFile(file) {
  const href = `files/${file.id}`;
  if (file.kind === 'image' || file.kind === 'sticker') {
    const image = make('img', { src: href, alt: file.name, loading: 'lazy' });
    const link = make('a', { href, target: '_blank', rel: 'noopener' }, image);
    image.addEventListener('error', () => link.replaceWith(fileLink(file, href)));
    return link;
  }
  if (file.kind === 'audio' || file.kind === 'voice')
    return make('audio', { src: href, controls: '', preload: 'none', title: file.name });
  if (file.kind === 'video') return make('video', { src: href, controls: '', preload: 'metadata', title: file.name });
  return fileLink(file, href);
}

function fileLink(file, href) {
  return make(
    'a',
    { className: 'file', href, download: file.name },
    make('span', { text: file.name }),
    make('small', { text: formatBytes(file.bytes) }),
  );
}

function disableButtons(article) {
  for (const button of article.querySelectorAll('.buttons button')) button.disabled = true;
}

function dayLine(at) {
  const line = make('div', { className: 'day', text: day.format(at) });
  line.dataset.day = new Date(at).toDateString();
  return line;
}

async function copyText(text, button) {
  const label = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // No clipboard outside of secure contexts (plain http on another machine).
    const area = make('textarea', { className: 'hidden-text' });
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand('copy');
    area.remove();
  }
  button.textContent = 'Copied';
  setTimeout(() => (button.textContent = label), 1500);
}
