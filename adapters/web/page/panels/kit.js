// What all panels are made of: asking the server, saying what went wrong, buttons, times. Texts of others only ever become text nodes.
import { make } from '../lines.js';

const SVG = 'http://www.w3.org/2000/svg';

export async function read(path) {
  return answerOf(fetch(`panel/${path}`), 'Out of reach, so this is not up to date. Nothing was changed.');
}

export async function change(path, body) {
  const asked = fetch(`panel/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return answerOf(asked, 'Out of reach. Whether that was done is not known: look again when the connection is back.');
}

async function answerOf(asked, away) {
  const answer = await asked.catch(() => undefined);
  if (answer === undefined) throw new Error(away);
  const result = await answer.json().catch(() => ({}));
  if (answer.ok) return result;
  const message = result.error?.message ?? `The server answered with status ${answer.status}. Nothing was changed.`;
  throw Object.assign(new Error(message), { status: answer.status });
}

/** What was opened stays open over a refresh, and when the view is left. */
const opened = new Set();

/** One view: a notice, and what `draw(panel)` resolves with, again after each change. */
export class Panel {
  #root;
  #notice = make('p', { className: 'panel-notice', role: 'alert' });
  #column = make('div', { className: 'panel-column' });
  #draw;
  #round = 0;
  #loading = [];

  constructor(root, draw) {
    this.#root = root;
    this.#draw = draw;
    this.#notice.hidden = true;
    this.#column.append(make('p', { className: 'soft waiting-text', text: 'One moment…' }));
    root.replaceChildren(this.#notice, this.#column);
    void this.refresh();
  }

  /** For what is drawn to fit: px within a card. */
  get width() {
    return this.#column.clientWidth - 62;
  }

  /** True while somebody writes here or is about to press something. */
  get isBusy() {
    return this.#column.contains(document.activeElement);
  }

  async refresh() {
    const round = ++this.#round;
    this.#loading = [];
    try {
      const elements = await this.#draw(this);
      // Put in place whole, so that what was scrolled to stays where it is.
      while (this.#loading.length > 0) await Promise.all(this.#loading.splice(0));
      if (round === this.#round) this.#put(elements);
    } catch (error) {
      if (round !== this.#round) return;
      this.#column.querySelector('.waiting-text')?.remove();
      this.say(error.message);
    }
  }

  #put(elements) {
    const focused = this.isBusy ? nameOf(document.activeElement) : undefined;
    this.#column.replaceChildren(...elements.filter((element) => element !== undefined));
    if (focused === undefined || this.isBusy) return;
    const again = [...this.#column.querySelectorAll('button, summary')].find((element) => nameOf(element) === focused);
    (again ?? this.#root).focus({ preventScroll: true });
  }

  say(text) {
    this.#notice.textContent = text;
    this.#notice.hidden = text === '';
  }

  /** A button that changes something: `work` resolves when it is done; what is shown is then read again. */
  button(text, work, { className = '', label } = {}) {
    const button = make('button', { type: 'button', className, text, 'aria-label': label });
    button.addEventListener('click', () => void this.run(button, work));
    return button;
  }

  /** The same with a second press, for what nothing brings back. */
  sureButton(text, work, options = {}) {
    const button = make('button', { type: 'button', text, 'aria-label': options.label });
    let isSure = false;
    button.addEventListener('click', () => {
      if (isSure) return void this.run(button, work);
      isSure = true;
      button.textContent = options.question ?? 'Sure?';
      button.removeAttribute('aria-label');
      button.classList.add('danger');
    });
    button.addEventListener('blur', () => {
      isSure = false;
      button.textContent = text;
      if (options.label) button.setAttribute('aria-label', options.label);
      button.classList.remove('danger');
    });
    return button;
  }

  /** What is loaded when it is opened. `load` resolves with elements. */
  expander(key, title, load) {
    const body = make('div', { className: 'more' });
    const details = make('details', {}, make('summary', { text: title, 'data-key': key }), body);
    let filled;
    const fill = () =>
      (filled ??= load().then(
        (elements) => body.replaceChildren(...elements.filter((element) => element !== undefined)),
        (error) => {
          filled = undefined;
          body.replaceChildren(make('p', { className: 'problem', text: error.message }));
        },
      ));
    details.addEventListener('toggle', () => {
      if (!details.open) return void opened.delete(key);
      opened.add(key);
      void fill();
    });
    if (opened.has(key)) {
      details.open = true;
      this.#loading.push(fill());
    }
    return details;
  }

  async run(button, work) {
    button.disabled = true;
    try {
      this.say('');
      const said = await work();
      await this.refresh();
      if (typeof said === 'string') this.say(said);
    } catch (error) {
      this.say(error.message);
    } finally {
      button.disabled = false;
    }
  }
}

function nameOf(element) {
  return element.dataset.key ?? element.getAttribute('aria-label') ?? element.textContent;
}

export function section(title, ...children) {
  return make('section', {}, make('h2', { text: title }), ...children);
}

export function chip(text, kind = '') {
  const element = make('span', { className: 'chip', text });
  if (kind !== '') element.dataset.kind = kind;
  return element;
}

export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes))
    if (value !== undefined)
      element.setAttribute(name, typeof value === 'number' ? String(Math.round(value * 100) / 100) : value);
  element.append(...children);
  return element;
}

export function svgText(text, attributes) {
  const element = svg('text', attributes);
  element.textContent = text;
  return element;
}

/** A table with a head; numbers stand to the right. `rows` hold strings and elements. */
export function table(head, rows) {
  const cell = (tag) => (value) =>
    typeof value === 'string'
      ? make(tag, { className: /^[-–$\d][\d,.\s%–\u2060()$]*$/.test(value) ? 'number' : '', text: value, dir: 'auto' })
      : make(tag, {}, value);
  return make(
    'div',
    { className: 'numbers', tabindex: '0' },
    make(
      'table',
      {},
      make('thead', {}, make('tr', {}, ...head.map(cell('th')))),
      make('tbody', {}, ...rows.map((row) => make('tr', {}, ...row.map(cell('td'))))),
    ),
  );
}

const moment = new Intl.DateTimeFormat(undefined, {
  weekday: 'short',
  day: 'numeric',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
  hourCycle: 'h23',
});
const date = dateFormat(undefined);
const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });

export const momentText = (at) => moment.format(at);
export const dateText = (at) => date.format(at);
export const clockText = (at) => clock.format(at);

export const percent = (share) => `${Math.round(share * 100)} %`;

export function money(microUsd) {
  const usd = microUsd / 1_000_000;
  return `$${usd.toFixed(usd !== 0 && usd < 0.01 ? 4 : 2)}`;
}

export const amount = (count) => new Intl.NumberFormat().format(count);

/** Days as they are in a time zone; undefined: as here. */
export function dateFormat(timeZone) {
  return new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', year: 'numeric', timeZone });
}
