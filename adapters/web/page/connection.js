// The event stream from the server, made again for ever. It continues where it broke off, or starts with the latest lines.

const FIRST_RETRY_MS = 400;
const LAST_RETRY_MS = 8_000;
/** A window that was out of sight this long asks anew: its stream may have died unnoticed, in sleep for example. */
const HIDDEN_MS = 30_000;
/** Browsers open few connections to one server; hidden windows give theirs back. */
const RELEASE_MS = 5 * 60_000;

const EVENTS = ['entry', 'draft', 'draft-end', 'typing', 'state'];

let running;

/**
 * Makes sure that this browser is known to the server. Rejects when the server cannot be reached. One request at a time, over all
 * windows where the browser can do that: two at once, without a cookie yet, would make two different devices.
 */
export function openSession() {
  running ??= inTurn(postSession).finally(() => (running = undefined));
  return running;
}

async function postSession() {
  const answer = await fetch('session', { method: 'POST', signal: AbortSignal.timeout(15_000) });
  if (!answer.ok) throw new Error(`session: ${answer.status}`);
}

/** Locks are missing outside of secure contexts (plain http on another machine). */
function inTurn(task) {
  return navigator.locks === undefined ? task() : navigator.locks.request('herald-session', task);
}

export class Connection {
  #source;
  #lastId = '';
  #retryMs = FIRST_RETRY_MS;
  #timer;
  #hiddenAt = 0;
  #release;
  #on;
  #attempt = 0;

  /** on: status('connecting' | 'online' | 'offline'), event(name, data), fresh() before the first event of each stream. */
  constructor(on) {
    this.#on = on;
  }

  start() {
    document.addEventListener('visibilitychange', () => this.#visibility());
    window.addEventListener('online', () => void this.#connect());
    void this.#connect();
  }

  #visibility() {
    clearTimeout(this.#release);
    if (document.hidden) {
      this.#hiddenAt = Date.now();
      this.#release = setTimeout(() => this.#close(), RELEASE_MS);
    } else if (this.#source === undefined || Date.now() - this.#hiddenAt > HIDDEN_MS) void this.#connect();
  }

  #close() {
    this.#source?.close();
    this.#source = undefined;
    clearTimeout(this.#timer);
  }

  async #connect() {
    this.#close();
    const attempt = ++this.#attempt;
    this.#on.status('connecting');
    try {
      await openSession();
    } catch {
      if (attempt === this.#attempt) this.#later();
      return;
    }
    if (attempt !== this.#attempt) return;
    const source = new EventSource(this.#lastId === '' ? 'events' : `events?after=${encodeURIComponent(this.#lastId)}`);
    this.#source = source;
    source.addEventListener('open', () => {
      this.#retryMs = FIRST_RETRY_MS;
      this.#on.fresh();
    });
    source.addEventListener('error', () => {
      if (this.#source !== source) return;
      this.#close();
      this.#later();
    });
    for (const name of EVENTS) {
      source.addEventListener(name, (event) => {
        if (event.lastEventId !== '') this.#lastId = event.lastEventId;
        this.#on.event(name, JSON.parse(event.data));
        if (name === 'state') this.#on.status('online');
      });
    }
  }

  #later() {
    this.#on.status('offline');
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#connect(), this.#retryMs * (0.7 + 0.3 * Math.random()));
    this.#retryMs = Math.min(LAST_RETRY_MS, this.#retryMs * 2);
  }
}
