// Messages that the server has not confirmed. They are kept in localStorage, one item each, and sent in order under the id that they
// got when written: however often one is sent, it counts once.

const PREFIX = 'herald.out.';
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 10_000;
/** Only these mean the message itself. A gateway that is just starting answers 404, a proxy before it 502. */
const FOR_GOOD = new Set([400, 403, 413, 415]);

/** An id as the protocol wants it. */
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(15));
  return btoa(String.fromCharCode(...bytes))
    .replace(/\+/g, '-')
    .replace(/\//g, '_');
}

export class Outbox {
  #items = new Map();
  #running = false;
  #wake = () => {};
  #retryMs = FIRST_RETRY_MS;
  #count = 0;
  #events;
  /** Whether the server knows this browser: before that, no message has a sender. */
  #known = false;

  /** events: added(item), changed(item), accepted(item), discarded(item), needSession() → Promise */
  constructor(events) {
    this.#events = events;
  }

  /** Takes up what an earlier visit left. */
  start() {
    for (const slot of storedSlots()) {
      const item = parse(localStorage.getItem(slot));
      if (item === undefined) localStorage.removeItem(slot);
      else this.#keep({ ...item, slot });
    }
    void this.#run();
  }

  /** path: 'messages' or 'buttons'; body: what is posted, without id. Returns the item. */
  add(path, body) {
    const order = `${Date.now().toString(36).padStart(9, '0')}${(this.#count++).toString(36).padStart(4, '0')}`;
    const id = newId();
    const item = { id, path, body: { ...body, id }, at: Date.now(), files: [], slot: `${PREFIX}${order}.${id}` };
    this.#keep(item);
    this.retryNow();
    void this.#run();
    return item;
  }

  /** Remembers how the attached files are called, for display. */
  describeFiles(item, files) {
    item.files = files;
    this.#keep(item);
  }

  /** A message that the server refused, once more. */
  retry(item) {
    delete item.problem;
    this.#keep(item);
    this.retryNow();
    void this.#run();
  }

  discard(item) {
    this.#drop(item);
    this.#events.discarded(item);
  }

  /** The server showed us the message: it is there, whatever became of the answer to our request. */
  confirm(id) {
    const item = [...this.#items.values()].find((other) => other.id === id);
    if (item !== undefined) this.#drop(item);
  }

  /** Called when the connection is back. */
  retryNow() {
    this.#retryMs = FIRST_RETRY_MS;
    this.#wake();
  }

  get size() {
    return this.#items.size;
  }

  #keep(item) {
    const added = !this.#items.has(item.slot);
    this.#items.set(item.slot, item);
    try {
      localStorage.setItem(item.slot, JSON.stringify(item));
    } catch {
      // Full or switched off: it lives as long as this page.
    }
    if (added) this.#events.added(item);
    else this.#events.changed(item);
  }

  #drop(item) {
    this.#items.delete(item.slot);
    try {
      localStorage.removeItem(item.slot);
    } catch {
      // As above.
    }
  }

  async #run() {
    if (this.#running) return;
    this.#running = true;
    for (let item = this.#next(); item !== undefined; item = this.#next()) {
      const outcome = await this.#post(item);
      if (!this.#items.has(item.slot)) continue;
      if (outcome === 'accepted') {
        this.#drop(item);
        this.#events.accepted(item);
        this.#retryMs = FIRST_RETRY_MS;
      } else if (outcome !== 'later') {
        item.problem = outcome;
        this.#keep(item);
      } else {
        await this.#pause();
      }
    }
    this.#running = false;
  }

  #next() {
    return [...this.#items.values()].find((item) => item.problem === undefined);
  }

  /** 'accepted', 'later', or why it was refused for good. */
  async #post(item) {
    try {
      if (!this.#known) await this.#events.needSession();
      this.#known = true;
      const answer = await fetch(item.path, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(item.body),
        signal: AbortSignal.timeout(30_000),
      });
      if (answer.status === 202) return 'accepted';
      if (answer.status === 401) this.#known = false;
      if (!FOR_GOOD.has(answer.status)) return 'later';
      const told = await answer.json().catch(() => ({}));
      return told?.error?.message ?? `The server refused it (${answer.status}).`;
    } catch {
      return 'later';
    }
  }

  #pause() {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, this.#retryMs);
      this.#retryMs = Math.min(LAST_RETRY_MS, this.#retryMs * 2);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

function storedSlots() {
  try {
    return Object.keys(localStorage)
      .filter((key) => key.startsWith(PREFIX))
      .sort();
  } catch {
    return [];
  }
}

function parse(text) {
  try {
    const item = JSON.parse(text);
    return typeof item?.id === 'string' && typeof item.path === 'string' ? item : undefined;
  } catch {
    return undefined;
  }
}
