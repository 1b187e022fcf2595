// The dialog that connects chat platforms: a list, then one question after another as the server asks them.
import { make } from './lines.js';

const REFRESH_MS = 2000;
const STATES = {
  off: 'Not connected',
  connecting: 'Connecting…',
  online: 'Connected',
  offline: 'Out of reach',
  'needs-login': 'Needs you',
};

export class Setup {
  #button;
  #dialog;
  #body;
  #session;
  #timer;
  #changed = false;

  constructor({ button, dialog }) {
    this.#button = button;
    this.#dialog = dialog;
    this.#body = make('div', { className: 'setup' });
    const close = make('button', { type: 'button', className: 'close', text: '×', 'aria-label': 'Close' });
    close.addEventListener('click', () => dialog.close());
    dialog.append(make('header', {}, make('h2', { text: 'Chat platforms' }), close), this.#body);
    button.addEventListener('click', () => this.#open());
    dialog.addEventListener('close', () => this.#closed());
  }

  /** Shows the button to whom the server lets set up. */
  async offer() {
    const answer = await fetch('setup').catch(() => undefined);
    this.#button.hidden = answer?.ok !== true;
  }

  #open() {
    this.#dialog.showModal();
    void this.#list();
  }

  #closed() {
    clearTimeout(this.#timer);
    if (this.#session !== undefined) void post('cancel', { session: this.#session }).catch(() => {});
    this.#session = undefined;
  }

  async #list() {
    clearTimeout(this.#timer);
    if (!this.#dialog.open || this.#session !== undefined) return;
    try {
      const answer = await fetch('setup');
      if (!answer.ok) throw new Error('This browser may not set up platforms any more.');
      const { platforms } = await answer.json();
      this.#body.replaceChildren(
        ...(this.#changed ? [this.#restartNote()] : []),
        ...platforms.map((one) => this.#row(one)),
      );
    } catch (error) {
      this.#body.replaceChildren(make('p', { className: 'problem', text: `Out of reach: ${error.message}` }));
    }
    this.#timer = setTimeout(() => void this.#list(), REFRESH_MS);
  }

  #row(platform) {
    const connect = make('button', { type: 'button', text: platform.state === 'off' ? 'Connect' : 'Set up again' });
    connect.addEventListener(
      'click',
      () => void this.#step(() => post('begin', { platform: platform.id }), platform.title),
    );
    const state = make('span', { className: 'state', text: STATES[platform.state] ?? platform.state });
    state.dataset.state = platform.state;
    const head = make('div', { className: 'head' }, make('strong', { text: platform.title }), state, connect);
    const detail = platform.detail && platform.state !== 'online' ? make('p', { text: platform.detail }) : undefined;
    return make('section', {}, head, detail, platform.login && drawStep(platform.login));
  }

  #restartNote() {
    const restart = make('button', { type: 'button', className: 'main', text: 'Restart now' });
    restart.addEventListener('click', async () => {
      restart.disabled = true;
      await post('restart', {}).catch(() => {});
      this.#changed = false;
    });
    return make('p', { className: 'note' }, 'What you connected begins to run with a restart. ', restart);
  }

  /** Asks the server for the next step and draws it; `title` names the platform. */
  async #step(ask, title) {
    clearTimeout(this.#timer);
    const busy = make('p', { className: 'busy', text: 'One moment…' });
    this.#body.append(busy);
    let view;
    try {
      view = await ask();
    } catch (error) {
      busy.remove();
      this.#problem(error.message);
      return;
    }
    this.#session = view.ask || view.choose ? view.session : undefined;
    if (view.done) this.#changed = true;
    this.#body.replaceChildren(
      make('h3', { text: title }),
      ...view.shown.map(drawStep),
      ...view.said.map((text) => make('p', { text })),
      this.#question(view, title),
    );
    this.#body.querySelector('input, textarea, .choices button')?.focus();
  }

  #question(view, title) {
    const answer = (text) => void this.#step(() => post('answer', { session: view.session, text }), title);
    if (view.choose) return this.#choices(view.choose, answer);
    if (view.ask) return this.#form(view.ask, answer);
    const text = view.done ? `Saved: ${view.done.name}.` : view.failed;
    const back = make('button', { type: 'button', className: 'main', text: 'Back to the list' });
    back.addEventListener('click', () => void this.#list());
    return make('div', {}, make('p', { className: view.done ? 'good' : 'problem', text }), back);
  }

  #choices(choice, answer) {
    const buttons = choice.options.map((option) => {
      const button = make('button', { type: 'button' }, make('strong', { text: option.label }));
      if (option.hint) button.append(make('small', { text: option.hint }));
      button.addEventListener('click', () => answer(option.value));
      return button;
    });
    return make('div', { className: 'choices' }, make('p', { text: choice.label }), ...buttons);
  }

  #form(question, answer) {
    const type = question.secret ? 'password' : 'text';
    const input = make('input', { type, autocomplete: 'off', name: question.key, value: question.initial });
    const label = make('label', {}, make('span', { text: question.label }), input);
    const hint = question.hint ? make('small', { text: question.hint }) : undefined;
    const send = make('button', { type: 'submit', className: 'main', text: 'Go on' });
    const form = make('form', { className: 'ask' }, label, hint, send);
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      if (input.value.trim() === '' && !question.optional) return input.focus();
      answer(input.value);
    });
    return form;
  }

  #problem(text) {
    this.#body.querySelector('.problem')?.remove();
    this.#body.append(make('p', { className: 'problem', role: 'alert', text }));
  }
}

function drawStep(step) {
  const caption = make('figcaption', { text: step.caption });
  if (step.kind === 'qr') {
    // Drawn by our own server from plain data.
    const code = make('img', { alt: 'QR code', src: `data:image/svg+xml;utf8,${encodeURIComponent(step.svg)}` });
    return make('figure', { className: 'qr' }, code, caption);
  }
  if (step.kind === 'url') {
    const safe = /^https?:\/\//.test(step.url) ? step.url : undefined;
    return make('figure', {}, make('a', { href: safe, target: '_blank', rel: 'noopener', text: step.url }), caption);
  }
  return make('figure', {}, make('pre', { text: step.kind === 'code' ? step.code : step.text }), caption);
}

async function post(path, body) {
  const answer = await fetch(`setup/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const result = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(result.error?.message ?? `The server answered with status ${answer.status}.`);
  return result;
}
