// Chat and what is beside it: schedule, memory, skills, insights. The address says which is shown; each is loaded when it is first opened.

/** Names of views, which are addresses (#schedule) and modules. */
const LOADERS = {
  schedule: () => import('./panels/schedule.js'),
  memory: () => import('./panels/memory.js'),
  skills: () => import('./panels/skills.js'),
  insights: () => import('./panels/insights.js'),
};

export class Views {
  #nav;
  #panel;
  #chat;
  #changed;
  #allowed = new Set();
  #shown = 'chat';
  #open;

  /** `chat`: what is hidden while another view is shown · `changed`: called with whether the chat is shown, after it changed. */
  constructor({ nav, panel, chat, changed }) {
    this.#nav = nav;
    this.#panel = panel;
    this.#chat = chat;
    this.#changed = changed;
    window.addEventListener('hashchange', () => this.#show());
    document.addEventListener('visibilitychange', () => {
      // Jobs ran meanwhile.
      if (!document.hidden && this.#open?.isBusy === false) void this.#open.refresh();
    });
  }

  get isChat() {
    return this.#shown === 'chat';
  }

  /** Offers what the server has for this person; asked again when that may have changed. */
  async offer() {
    const answer = await fetch('panel').catch(() => undefined);
    // Out of reach: what is there stays there.
    if (answer === undefined || answer.status >= 500) return;
    const parts = answer.ok ? await answer.json() : undefined;
    this.#allowed = new Set(
      parts === undefined
        ? []
        : ['memory', 'insights', ...(parts.jobs ? ['schedule'] : []), ...(parts.skills ? ['skills'] : [])],
    );
    this.#nav.hidden = this.#allowed.size === 0;
    for (const link of this.#nav.querySelectorAll('a'))
      link.hidden = link.hash !== '#chat' && !this.#allowed.has(link.hash.slice(1));
    this.#show();
  }

  #show() {
    const wanted = location.hash.slice(1);
    const name = this.#allowed.has(wanted) ? wanted : 'chat';
    for (const link of this.#nav.querySelectorAll('a'))
      if (link.hash === `#${name}`) link.setAttribute('aria-current', 'page');
      else link.removeAttribute('aria-current');
    if (name === this.#shown) return;
    this.#shown = name;
    this.#panel.hidden = name === 'chat';
    for (const part of this.#chat) part.toggleAttribute('data-away', name !== 'chat');
    this.#changed(name === 'chat');
    this.#open = undefined;
    this.#panel.replaceChildren();
    if (name !== 'chat') void this.#draw(name);
  }

  async #draw(name) {
    try {
      const { open } = await LOADERS[name]();
      if (this.#shown === name) this.#open = open(this.#panel);
    } catch {
      // The server is away, or was updated under this page.
      if (this.#shown === name)
        this.#panel.textContent = 'Out of reach. Nothing was changed; try again by reloading the page.';
    }
  }
}
