// The box in which messages are written: keys, slash commands, reply, files by button, paste and drop.
import { make } from './lines.js';
import { Uploads } from './uploads.js';

const MAX_CHARS = 200_000;

export class Composer {
  commands = [];
  #form = document.getElementById('composer');
  #text = document.getElementById('text');
  #send = document.getElementById('send');
  #suggestions = document.getElementById('suggestions');
  #notice = document.getElementById('notice');
  #reply = document.getElementById('reply');
  #replyTo;
  #selected = 0;
  #on;
  uploads;

  /** on: submit({text, files, replyTo}), needSession() → Promise */
  constructor(on) {
    this.#on = on;
    this.uploads = new Uploads(document.getElementById('attachments'), {
      changed: () => this.#update(),
      notice: (text) => this.notice(text),
      needSession: on.needSession,
    });
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#text.addEventListener('input', () => {
      this.#selected = 0;
      this.#update();
    });
    this.#text.addEventListener('keydown', (event) => this.#key(event));
    this.#text.addEventListener('blur', () => setTimeout(() => (this.#suggestions.hidden = true), 150));
    document.getElementById('reply-cancel').addEventListener('click', () => this.replyTo(undefined, ''));
    this.#acceptFiles();
    this.#update();
  }

  focus() {
    // On touch screens the keyboard would jump up.
    if (!matchMedia('(pointer: coarse)').matches) this.#text.focus();
  }

  notice(text) {
    this.#notice.textContent = text;
    this.#notice.hidden = text === '';
  }

  replyTo(key, text) {
    this.#replyTo = key;
    this.#reply.hidden = key === undefined;
    document.getElementById('reply-text').textContent = text.slice(0, 200);
    if (key !== undefined) this.#text.focus();
  }

  #submit() {
    const text = this.#text.value.trim();
    if (this.uploads.busy) return this.notice('A file is still on its way. Send when it has arrived.');
    if (text.length > MAX_CHARS)
      return this.notice(
        `A message holds ${MAX_CHARS.toLocaleString()} characters; this one has ${text.length.toLocaleString()}. Attach it as a file.`,
      );
    if (text === '' && this.uploads.ready.length === 0) return;
    this.notice('');
    this.#on.submit({ text, files: this.uploads.take(), replyTo: this.#replyTo });
    this.#text.value = '';
    this.replyTo(undefined, '');
    this.#update();
    this.focus();
  }

  #key(event) {
    if (event.isComposing) return;
    const open = !this.#suggestions.hidden;
    if (open && (event.key === 'ArrowDown' || event.key === 'ArrowUp')) {
      event.preventDefault();
      this.#move(event.key === 'ArrowDown' ? 1 : -1);
    } else if (open && event.key === 'Tab') {
      event.preventDefault();
      this.#complete(this.#selected);
    } else if (open && event.key === 'Escape') this.#suggestions.hidden = true;
    else if (event.key === 'Enter' && !event.shiftKey && !event.altKey && !matchMedia('(pointer: coarse)').matches) {
      event.preventDefault();
      // Enter takes the marked command when it says more than what is typed, and sends otherwise.
      const marked = this.#matches()[this.#selected];
      if (open && marked !== undefined && this.#text.value !== `/${marked.name}`) this.#complete(this.#selected);
      else this.#submit();
    }
  }

  #update() {
    const text = this.#text;
    text.style.height = 'auto';
    text.style.height = `${text.scrollHeight}px`;
    this.#send.disabled = this.uploads.busy || (text.value.trim() === '' && this.uploads.ready.length === 0);
    this.#showSuggestions();
  }

  #matches() {
    const typed = /^\/([\w-]*)$/.exec(this.#text.value)?.[1]?.toLowerCase();
    if (typed === undefined) return [];
    return this.commands.filter((command) => command.name.startsWith(typed));
  }

  #showSuggestions() {
    const matches = this.#matches();
    this.#suggestions.hidden = matches.length === 0;
    this.#text.setAttribute('aria-expanded', String(matches.length > 0));
    if (matches.length === 0) {
      this.#text.removeAttribute('aria-activedescendant');
      this.#suggestions.replaceChildren();
      return;
    }
    this.#suggestions.replaceChildren(
      ...matches.map((command, index) => {
        const item = make(
          'li',
          { role: 'option', id: `suggestion-${index}` },
          make('b', { text: `/${command.name}` }),
          make('span', { text: command.description }),
        );
        item.addEventListener('pointerdown', (event) => {
          event.preventDefault();
          this.#complete(index);
        });
        return item;
      }),
    );
    this.#move(0);
  }

  #move(by) {
    const items = [...this.#suggestions.children];
    this.#selected = (this.#selected + by + items.length) % items.length;
    for (const [index, item] of items.entries()) item.setAttribute('aria-selected', String(index === this.#selected));
    items[this.#selected].scrollIntoView({ block: 'nearest' });
    this.#text.setAttribute('aria-activedescendant', items[this.#selected].id);
  }

  #complete(index) {
    const command = this.#matches()[index];
    if (command === undefined) return;
    this.#text.value = `/${command.name} `;
    this.#text.focus();
    this.#update();
  }

  #acceptFiles() {
    const picker = document.getElementById('picker');
    document.getElementById('attach').addEventListener('click', () => picker.click());
    picker.addEventListener('change', () => {
      this.uploads.add([...picker.files]);
      picker.value = '';
    });
    this.#text.addEventListener('paste', (event) => {
      const files = [...(event.clipboardData?.files ?? [])];
      if (files.length === 0) return;
      event.preventDefault();
      this.uploads.add(files);
    });
    const drop = document.getElementById('drop');
    const hasFiles = (event) => event.dataTransfer?.types.includes('Files') === true;
    document.addEventListener('dragover', (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      drop.hidden = false;
    });
    document.addEventListener('dragleave', (event) => {
      if (event.relatedTarget === null) drop.hidden = true;
    });
    document.addEventListener('drop', (event) => {
      drop.hidden = true;
      if (!hasFiles(event)) return;
      event.preventDefault();
      this.uploads.add([...event.dataTransfer.files]);
    });
  }
}
