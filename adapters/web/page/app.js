// The page: joins the event stream, the outbox, the composer and the conversation.
import { Composer } from './composer.js';
import { Connection, openSession } from './connection.js';
import { Lines, lineId, make, makeBubble, makeDraft } from './lines.js';
import { Outbox } from './outbox.js';
import { Setup } from './setup.js';
import { Views } from './views.js';

/** Closer to the end than this, new lines are scrolled to. */
const FOLLOW_PX = 120;
const PAGE = 50;

const byId = (id) => document.getElementById(id);
const scroller = byId('scroller');
const drafts = new Map();
const waiting = new Map();
let typingTimer;
let loadingOlder = false;
/** Of the address, until the conversation is there. */
let linkCode;
/** Lines sent since this stream began, until its first `state`; undefined afterwards. */
let opening;

const lines = new Lines(byId('lines'), {
  press: (entry, button) => outbox.add('buttons', { data: button.data, message: entry.key }),
  reply: (entry, text) => composer.replyTo(entry.key, text),
});
const outbox = new Outbox({
  added: showWaiting,
  changed: showWaiting,
  accepted: (item) => {
    hideWaiting(item);
    if (item.path === 'messages' && !lines.has(`m:${item.id}`)) following(() => lines.put(entryOf(item)));
    showConnection();
  },
  discarded: hideWaiting,
  needSession: openSession,
});
const composer = new Composer({
  submit: ({ text, files, replyTo }) => {
    const item = outbox.add('messages', { text, files: files.map((file) => file.id), replyTo });
    outbox.describeFiles(item, files);
    toEnd();
  },
  needSession: openSession,
});
const setup = new Setup({ button: byId('setup-open'), dialog: byId('setup') });
const views = new Views({
  nav: byId('views'),
  panel: byId('panel'),
  chat: [scroller, byId('foot'), byId('down')],
  changed: (isChat) => {
    // The conversation went on meanwhile.
    if (isChat) toEnd();
    showDown();
  },
});
const connection = new Connection({
  status: showConnection,
  fresh: () => (opening = { before: lines.ids(), seen: new Set() }),
  event: (name, data) => following(() => handlers[name](data)),
});

const handlers = {
  entry(entry) {
    opening?.seen.add(lineId(entry));
    if (entry.message !== undefined) {
      outbox.confirm(entry.message);
      hideWaiting({ id: entry.message });
    }
    lines.put(entry);
    if (entry.direction === 'out') showTyping(0);
    // A pairing may just have changed who this is.
    if (entry.kind === 'command') offer();
    byId('welcome').hidden = true;
  },
  draft(draft) {
    const element = makeDraft(draft);
    const old = drafts.get(draft.key);
    drafts.set(draft.key, element);
    if (old === undefined) byId('drafts').append(element);
    else old.replaceWith(element);
    if (draft.html) showTyping(0);
    showStop();
  },
  'draft-end'({ key }) {
    drafts.get(key)?.remove();
    drafts.delete(key);
    showStop();
  },
  typing: ({ ttlMs }) => showTyping(ttlMs),
  state(state) {
    composer.commands = state.commands;
    composer.uploads.maxBytes = state.maxUploadBytes;
    if (opening !== undefined && !state.resumed) {
      // Nothing in common with what is shown: there is a gap between the two, which scrolling back closes.
      const overlaps = [...opening.before].some((id) => opening.seen.has(id));
      if (!overlaps) lines.keepOnly(opening.seen);
      if (!overlaps || opening.before.size === 0) byId('older').hidden = !state.more;
    }
    opening = undefined;
    offer();
    sendLinkCode();
    byId('welcome').hidden = lines.size > 0 || waiting.size > 0;
    outbox.retryNow();
  },
};

/** What depends on who this is. */
function offer() {
  void setup.offer();
  void views.offer();
}

function entryOf(item) {
  return {
    key: `in:${item.id}`,
    message: item.id,
    direction: 'in',
    kind: item.body.text.startsWith('/') ? 'command' : 'message',
    at: item.at,
    text: item.body.text,
    files: item.files,
    buttons: [],
  };
}

function showWaiting(item) {
  if (item.path !== 'messages') return item.problem === undefined ? undefined : composer.notice(item.problem);
  const { text } = item.body;
  const status = make('span', { text: item.problem ?? waitingText() });
  const meta = make('div', { className: 'meta' }, status);
  if (item.problem !== undefined) {
    const again = make('button', { type: 'button', text: 'Send again' });
    again.addEventListener('click', () => outbox.retry(item));
    const discard = make('button', { type: 'button', text: 'Discard' });
    discard.addEventListener('click', () => outbox.discard(item));
    meta.append(again, discard);
  }
  const state = item.problem === undefined ? 'waiting' : 'refused';
  const bubble = makeBubble({ text, files: item.files, direction: 'in' });
  const element = make('article', { className: `entry in ${state}` }, bubble, meta);
  const old = waiting.get(item.id);
  waiting.set(item.id, element);
  if (old === undefined) byId('waiting').append(element);
  else old.replaceWith(element);
  byId('welcome').hidden = true;
}

function hideWaiting({ id }) {
  waiting.get(id)?.remove();
  waiting.delete(id);
}

function showConnection(state = byId('connection').dataset.state) {
  const texts = { connecting: 'Connecting…', online: 'Connected', offline: 'Reconnecting…' };
  const unsent = state !== 'online' && waiting.size > 0 ? ` · ${waiting.size} to send` : '';
  const text = `${texts[state]}${unsent}`;
  byId('connection').dataset.state = state;
  if (byId('connection-text').textContent !== text) byId('connection-text').textContent = text;
  for (const status of byId('waiting').querySelectorAll('.waiting .meta span')) status.textContent = waitingText();
}

function waitingText() {
  return byId('connection').dataset.state === 'online' ? 'Sending…' : 'Waiting for the connection';
}

function showTyping(ttlMs) {
  clearTimeout(typingTimer);
  byId('typing').hidden = ttlMs <= 0;
  if (ttlMs > 0) typingTimer = setTimeout(() => following(() => showTyping(0)), ttlMs);
  showStop();
}

function showStop() {
  byId('stop').hidden = byId('typing').hidden && drafts.size === 0;
}

/** Runs `change`, and stays at the end of the conversation when it was there before. */
function following(change) {
  const atEnd = distance() < FOLLOW_PX;
  change();
  if (atEnd) toEnd();
  showDown();
}

function distance() {
  return scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight;
}

function toEnd() {
  scroller.scrollTop = scroller.scrollHeight;
}

function showDown() {
  byId('down').hidden = distance() < FOLLOW_PX * 2;
}

async function loadOlder() {
  const before = lines.oldestKey();
  if (loadingOlder || byId('older').hidden || before === undefined) return;
  loadingOlder = true;
  try {
    const answer = await fetch(`timeline?limit=${PAGE}&before=${encodeURIComponent(before)}`);
    if (!answer.ok) return;
    const { entries, more } = await answer.json();
    const height = scroller.scrollHeight - scroller.scrollTop;
    lines.prepend(entries);
    byId('older').hidden = !more;
    scroller.scrollTop = scroller.scrollHeight - height;
  } catch {
    // Out of reach: the button stays, and the connection says why.
  } finally {
    loadingOlder = false;
  }
}

/** Opened by a link that pairs this browser: the code leaves the address bar and goes to the server as a message, once. */
function takeLinkCode() {
  const code = /^#link=([A-Za-z0-9-]{4,64})$/.exec(location.hash)?.[1];
  if (code === undefined) return;
  history.replaceState(null, '', location.pathname + location.search);
  linkCode = code;
  if (byId('connection').dataset.state === 'online' && opening === undefined) sendLinkCode();
}

/** A browser that is in use already could be joined to somebody else by a link: its person is asked. */
function sendLinkCode() {
  if (linkCode === undefined) return;
  const text = `/link ${linkCode}`;
  const question = `Join this browser with the code ${linkCode}? Only if you asked Herald for it yourself.`;
  linkCode = undefined;
  if (lines.size === 0 || confirm(question)) outbox.add('messages', { text, files: [] });
}

byId('older').addEventListener('click', () => void loadOlder());
byId('down').addEventListener('click', toEnd);
byId('stop').addEventListener('click', () => outbox.add('messages', { text: '/stop', files: [] }));
scroller.addEventListener('scroll', () => {
  showDown();
  if (views.isChat && scroller.scrollTop < 200) void loadOlder();
});
// Images grow after they are put in place.
scroller.addEventListener('load', () => following(() => {}), true);
window.addEventListener('resize', () => following(() => {}));
window.addEventListener('hashchange', takeLinkCode);

outbox.start();
takeLinkCode();
connection.start();
composer.focus();
