// The interactive chat: keys to the editor, events of the chat to the screen. Lines are printed once and for good; what still
// changes (preview, state, prompt) is redrawn below them.
import { emitKeypressEvents } from 'node:readline';
import type { Readable } from 'node:stream';
import type { ChatDraft, ChatEntry, ChatFile, ChatState } from '../../adapters/local-chat/protocol.ts';
import { parseMarkdown } from '../../adapters/markdown.ts';
import type { Clock } from '../../shared/clock.ts';
import { asAppError } from '../../shared/errors.ts';
import { cleanText } from '../../shared/text.ts';
import { renderAnsi } from './ansi.ts';
import { makeCells, paintLine, wrapCells } from './cells.ts';
import { ChatClient, lineId, type ChatClientOptions } from './client.ts';
import { completeCommand, matchCommands } from './commands.ts';
import { LineEditor, layOutEditor, type Key } from './editor.ts';
import { guessMime, saveFile } from './files.ts';
import type { InputHistory } from './history.ts';
import { Screen, type ScreenOutput } from './screen.ts';

const PROMPT = '› ';
/** Lines of the past shown at the start. */
const SHOWN_AT_START = 6;
/** Ctrl-C twice within this leaves. */
const TWICE_MS = 2_000;
const MAX_SUGGESTIONS = 6;
const MAX_KNOWN = 5_000;

const STYLE = { prompt: '1;36', dim: '2', warn: '33', bad: '31' } as const;

export interface SessionInput extends Readable {
  isTTY?: boolean;
  setRawMode?(on: boolean): unknown;
}

export interface SessionOptions {
  client: Omit<ChatClientOptions, 'on'>;
  clock: Clock;
  input: SessionInput;
  output: ScreenOutput;
  color: boolean;
  history: InputHistory;
  downloadsFolder: string;
}

export class ChatSession {
  readonly #options: SessionOptions;
  readonly #client: ChatClient;
  readonly #screen: Screen;
  readonly #editor: LineEditor;
  readonly #known = new Set<string>();
  readonly #drafts = new Map<string, ChatDraft>();
  /** Messages sent since the last answer. */
  readonly #awaiting = new Set<string>();
  readonly #done = Promise.withResolvers<void>();
  #commands: ChatState['commands'] = [];
  /** Lines of the chat before the first `state`; undefined afterwards. */
  #recent: ChatEntry[] | undefined = [];
  #attached: ChatFile[] = [];
  #online = true;
  #typing = false;
  #cancelTyping = (): void => {};
  #hint = '';
  #interruptedAt = Number.NEGATIVE_INFINITY;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#screen = new Screen(options.output);
    this.#editor = new LineEditor(() => options.history.entries);
    this.#client = new ChatClient({
      ...options.client,
      on: {
        entry: (entry) => this.#entry(entry),
        draft: (draft) => this.#draft(draft),
        draftEnd: (key) => this.#change(() => this.#drafts.delete(key)),
        typing: (ttlMs) => this.#showTyping(ttlMs),
        state: (state) => this.#state(state),
        connection: (state) => this.#connection(state),
        accepted: () => this.#refresh(),
        refused: (id, why) => this.#refused(id, why),
      },
    });
  }

  /** Runs until the person leaves. The terminal is given back as it was, whatever happens. */
  async run(): Promise<void> {
    const { input, output } = this.#options;
    const onKey = (typed: string | undefined, key: Key) => this.#key(typed, key);
    const onResize = () => this.#change(() => this.#screen.clear());
    const onEnd = () => this.#done.resolve();
    emitKeypressEvents(input);
    input.setRawMode?.(true);
    output.write('\u001b[?2004h'); // bracketed paste
    input.on('keypress', onKey).on('end', onEnd).on('close', onEnd);
    output.on('resize', onResize);
    input.resume();
    try {
      this.#print([this.#styled('Herald. Type a message, / for commands, Ctrl-D to leave.', STYLE.dim), '']);
      this.#refresh();
      this.#client.start();
      await this.#done.promise;
    } finally {
      input.off('keypress', onKey).off('end', onEnd).off('close', onEnd);
      output.off('resize', onResize);
      this.#cancelTyping();
      this.#screen.clear();
      const left = this.#client.unsent;
      if (left > 0)
        this.#print([this.#styled(`${left === 1 ? 'One message was' : `${left} messages were`} not sent.`, STYLE.bad)]);
      output.write('\u001b[?2004l');
      input.setRawMode?.(false);
      input.pause();
      await this.#client.close();
    }
  }

  #key(typed: string | undefined, key: Key): void {
    this.#hint = '';
    const action = this.#editor.press(typed, key);
    if (action === 'submit') this.#submit();
    else if (action === 'interrupt') this.#interrupt();
    else if (action === 'leave') this.#done.resolve();
    else if (action === 'complete') this.#editor.set(completeCommand(this.#editor.text, this.#commands));
    else if (action === 'redraw') this.#screen.wipe();
    this.#refresh();
  }

  #submit(): void {
    const text = this.#editor.take().trim();
    if (text === '' && this.#attached.length === 0) return;
    if (text === '/exit' || text === '/quit') return this.#done.resolve();
    void this.#options.history.add(text);
    const attach = /^\/attach\s+(.+)$/s.exec(text)?.[1];
    if (attach !== undefined) return void this.#attach(attach);
    const names = this.#attached.map((file) => `[${file.name}]`).join(' ');
    this.#printOwn(names === '' ? text : `${text} ${names}`.trim());
    this.#awaiting.add(this.#client.say(text, { files: this.#attached }));
    this.#attached = [];
  }

  async #attach(typed: string): Promise<void> {
    const file = typed.trim().replace(/^(['"])(.*)\1$/, '$2');
    try {
      const stored = await this.#client.upload(file, guessMime(file));
      this.#attached.push(stored);
      this.#hint = `${stored.name} goes with your next message.`;
    } catch (error) {
      this.#print([this.#styled(asAppError(error).publicMessage, STYLE.bad)]);
    }
    this.#refresh();
  }

  #interrupt(): void {
    const now = this.#options.clock.now();
    if (now - this.#interruptedAt < TWICE_MS) return this.#done.resolve();
    this.#interruptedAt = now;
    if (this.#isBusy()) {
      this.#awaiting.add(this.#client.say('/stop'));
      this.#hint = 'Stopping… Ctrl-C again leaves.';
    } else if (this.#editor.text !== '') {
      this.#editor.set('');
      this.#interruptedAt = Number.NEGATIVE_INFINITY;
    } else this.#hint = 'Ctrl-C again leaves.';
  }

  #isBusy(): boolean {
    return this.#drafts.size > 0 || this.#typing || this.#awaiting.size > 0;
  }

  #entry(entry: ChatEntry): void {
    const id = lineId(entry);
    if (this.#known.has(id)) return;
    this.#known.add(id);
    if (this.#known.size > MAX_KNOWN) this.#known.delete(this.#known.values().next().value ?? id);
    if (this.#recent !== undefined) {
      this.#recent.push(entry);
      return;
    }
    // What was typed here stands there already.
    if (entry.message !== undefined && this.#awaiting.has(entry.message)) return;
    if (entry.direction === 'out' && entry.via === undefined) {
      if (entry.kind !== 'message') this.#awaiting.clear();
      this.#typing = false;
      this.#drafts.clear();
    }
    this.#printEntry(entry);
    this.#refresh();
    if (entry.via === undefined) for (const file of entry.files) void this.#saveFile(file);
  }

  async #saveFile(file: ChatFile): Promise<void> {
    try {
      const target = await saveFile(this.#client, file, this.#options.downloadsFolder);
      this.#print([this.#styled(`  saved ${target}`, STYLE.dim), '']);
    } catch (error) {
      this.#print([
        this.#styled(`  ${file.name} could not be saved: ${asAppError(error).publicMessage}`, STYLE.bad),
        '',
      ]);
    }
    this.#refresh();
  }

  #draft(draft: ChatDraft): void {
    this.#change(() => this.#drafts.set(draft.key, draft));
  }

  #showTyping(ttlMs: number): void {
    this.#cancelTyping();
    this.#cancelTyping = this.#options.clock.after(ttlMs, () => this.#change(() => (this.#typing = false)));
    this.#change(() => (this.#typing = true));
  }

  #state(state: ChatState): void {
    this.#commands = state.commands;
    const recent = this.#recent;
    this.#recent = undefined;
    for (const entry of recent?.slice(-SHOWN_AT_START) ?? []) this.#printEntry(entry);
    this.#refresh();
  }

  #connection(state: 'online' | 'offline'): void {
    this.#online = state === 'online';
    if (!this.#online) {
      this.#drafts.clear();
      this.#typing = false;
    }
    this.#refresh();
  }

  #refused(id: string, why: string): void {
    this.#awaiting.delete(id);
    this.#print([this.#styled(`Not sent: ${cleanText(why)}`, STYLE.bad), '']);
    this.#refresh();
  }

  #printEntry(entry: ChatEntry): void {
    if (entry.via !== undefined) this.#print([this.#styled(`via ${cleanText(entry.via)}`, STYLE.dim)]);
    if (entry.direction === 'in') return this.#printOwn(entry.text);
    const { width } = this.#screen;
    const isNotice = entry.kind === 'notice';
    const options = { width: isNotice ? width - 2 : width, color: this.#options.color };
    const lines = renderAnsi(entry.body ?? parseMarkdown(entry.text), options);
    const files = entry.files.map((file) =>
      this.#styled(`  ${cleanText(file.name)}, ${Math.ceil(file.bytes / 1024)} KB`, STYLE.dim),
    );
    const bar = isNotice ? this.#styled('│ ', STYLE.warn) : '';
    this.#print([...lines.map((line) => bar + line), ...files, '']);
  }

  #printOwn(text: string): void {
    const rows = wrapCells(makeCells(cleanText(text)), this.#screen.width - PROMPT.length);
    const lines = rows.map(
      (row, index) => (index === 0 ? this.#styled(PROMPT, STYLE.prompt) : '  ') + paintLine(row, false),
    );
    this.#print([...lines, '']);
  }

  #print(lines: readonly string[]): void {
    this.#screen.print(lines);
  }

  #change(change: () => unknown): void {
    change();
    this.#refresh();
  }

  #refresh(): void {
    const { width, rows } = this.#screen;
    const editor = layOutEditor(this.#editor, PROMPT, width);
    const below = this.#suggestions(width);
    const state = this.#stateLine(width);
    const room = Math.max(1, rows - editor.lines.length - below.length - state.length - 2);
    const above = [...this.#draftLines(width).slice(-room), ...state];
    const shown = editor.lines.map((line, index) =>
      index === 0 ? this.#styled(PROMPT, STYLE.prompt) + line.slice(PROMPT.length) : line,
    );
    // A text higher than the screen is shown around the cursor.
    const first = Math.max(0, Math.min(editor.row - rows + 3, shown.length - 1));
    const visible = shown.slice(first, first + rows - 2);
    this.#screen.show({
      lines: [...above, ...visible, ...below],
      row: above.length + editor.row - first,
      column: editor.column,
    });
  }

  #draftLines(width: number): string[] {
    return [...this.#drafts.values()].flatMap(({ text, tools }) => [
      ...tools.slice(-3).map((tool) => this.#styled(cutLine(`· ${cleanText(tool)}`, width), STYLE.dim)),
      ...renderAnsi(parseMarkdown(text), { width, color: this.#options.color }),
      '',
    ]);
  }

  #stateLine(width: number): string[] {
    const line = (text: string, style: string) => [this.#styled(cutLine(text, width), style)];
    if (!this.#online) {
      const { unsent } = this.#client;
      return line(unsent === 0 ? 'reconnecting…' : `reconnecting… (${unsent} to send)`, STYLE.warn);
    }
    if (this.#hint !== '') return line(this.#hint, STYLE.dim);
    if (this.#isBusy()) return line('working… Ctrl-C stops', STYLE.dim);
    return this.#attached.length === 0
      ? []
      : line(`attached: ${this.#attached.map((file) => file.name).join(', ')}`, STYLE.dim);
  }

  #suggestions(width: number): string[] {
    const matches = matchCommands(this.#editor.text, this.#commands);
    const shown = matches
      .slice(0, MAX_SUGGESTIONS)
      .map(({ name, description }) => `  /${name.padEnd(12)} ${description}`);
    if (matches.length > shown.length) shown.push(`  … ${matches.length - shown.length} more`);
    return shown.map((text) => this.#styled(cutLine(text, width), STYLE.dim));
  }

  #styled(text: string, style: string): string {
    return this.#options.color ? `\u001b[${style}m${text}\u001b[0m` : text;
  }
}

/** As much of `text` as fits one line. */
function cutLine(text: string, width: number): string {
  const [first = [], ...rest] = wrapCells(makeCells(text), width, true);
  return rest.length === 0 ? paintLine(first, false) : `${paintLine(first.slice(0, -1), false)}…`;
}
