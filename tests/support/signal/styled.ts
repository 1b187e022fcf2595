// How the real server reads text_mode "styled": marks open and close by a stack, a backslash makes one mark literal, and what never
// closes is lost from the text. After the description of /v2/send in its swagger and the tests of its parser.

export interface TextStyle {
  style: 'BOLD' | 'ITALIC' | 'STRIKETHROUGH' | 'MONOSPACE' | 'SPOILER';
  start: number;
  length: number;
}

/** Longest first. */
const MARKS: readonly [mark: string, styles: readonly TextStyle['style'][]][] = [
  ['***', ['BOLD', 'ITALIC']],
  ['**', ['BOLD']],
  ['*', ['ITALIC']],
  ['||', ['SPOILER']],
  ['~', ['STRIKETHROUGH']],
  ['`', ['MONOSPACE']],
];

export function parseStyled(input: string): { text: string; styles: readonly TextStyle[] } {
  const open: { mark: string; start: number }[] = [];
  const styles: TextStyle[] = [];
  let text = '';
  /** Whether the character read last was a backslash, literal or not. */
  let isEscaped = false;
  for (let at = 0; at < input.length;) {
    const found = MARKS.find(([mark]) => input.startsWith(mark, at));
    if (found && isEscaped) {
      text += found[0];
      isEscaped = false;
      at += found[0].length;
    } else if (found) {
      const [mark, kinds] = found;
      const last = open.at(-1);
      if (last?.mark === mark) {
        open.pop();
        for (const style of kinds) styles.push({ style, start: last.start, length: text.length - last.start });
      } else open.push({ mark, start: text.length });
      at += mark.length;
    } else {
      const char = input[at] ?? '';
      isEscaped = char === '\\';
      if (!isEscaped || !/[*`|~]/.test(input[at + 1] ?? '')) text += char;
      at++;
    }
  }
  return { text, styles };
}
