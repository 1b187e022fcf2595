// Rectangles and letters on a grid of pixels: what a small chart needs, and nothing that depends on the fonts of a machine.
import type { Picture } from './png.ts';

/** The usual 5 × 7 letters of small displays, from space to z: five columns each, lowest bit on top. */
const GLYPHS =
  '000000000000005f00000007000700147f147f14242a7f2a12231308646236495620500008070300001c2241000041221c00' +
  '2a1c7f1c2a08083e080800807030000808080808000060600020100804023e5149453e00427f400072494949462141494d33' +
  '1814127f1027454545393c4a49493141211109073649494936464949291e0000140000004034000000081422411414141414' +
  '004122140802015909063e415d594e7c1211127c7f494949363e414141227f4141413e7f494949417f090909013e41415173' +
  '7f0808087f00417f41002040413f017f081422417f404040407f021c027f7f0408107f3e4141413e7f090909063e4151215e' +
  '7f09192946264949493203017f01033f4040403f1f2040201f3f4038403f631408146303047804036159494d43007f414141' +
  '0204081020004141417f04020102044040404040000307080020545478407f284444383844444428384444287f3854545418' +
  '00087e090218a4a49c787f0804047800447d40002040403d007f1028440000417f40007c047804787c080404783844444438' +
  'fc1824241818242418fc7c08040408485454542404043f44243c4040207c1c2040201c3c4030403c44281028444c9090907c' +
  '4464544c44';
const FIRST = 0x20;
const GLYPH_COLUMNS = 5;
const GLYPH_ROWS = 8;
const LETTER_WIDTH = GLYPH_COLUMNS + 1;

export interface Canvas extends Picture {
  /** `colour` is an index into the palette; what lies outside is cut off. */
  fill(box: { x: number; y: number; width: number; height: number }, colour: number): void;
  /** Letters without accents and signs between space and z; others as "?". `scale`: pixels per dot. Returns its width. */
  text(words: string, at: { x: number; y: number; scale?: number; align?: 'left' | 'right' }, colour: number): number;
}

/** Pixels that the words take. */
export function textWidth(words: string, scale = 2): number {
  return letters(words).length * LETTER_WIDTH * scale;
}

export function makeCanvas(width: number, height: number, palette: readonly number[]): Canvas {
  const pixels = new Uint8Array(width * height);
  const fill: Canvas['fill'] = (box, colour) => {
    const [left, top] = [Math.max(0, Math.round(box.x)), Math.max(0, Math.round(box.y))];
    const right = Math.min(width, Math.round(box.x + box.width));
    const bottom = Math.min(height, Math.round(box.y + box.height));
    for (let y = top; y < bottom; y++) if (right > left) pixels.fill(colour, y * width + left, y * width + right);
  };
  return {
    width,
    height,
    pixels,
    palette,
    fill,
    text(words, { x, y, scale = 2, align = 'left' }, colour) {
      const total = textWidth(words, scale);
      let left = align === 'left' ? x : x - total;
      for (const letter of letters(words)) {
        for (let column = 0; column < GLYPH_COLUMNS; column++) {
          const bits = columnOf(letter, column);
          for (let row = 0; row < GLYPH_ROWS; row++)
            if ((bits >> row) & 1)
              fill({ x: left + column * scale, y: y + row * scale, width: scale, height: scale }, colour);
        }
        left += LETTER_WIDTH * scale;
      }
      return total;
    },
  };
}

function columnOf(letter: string, column: number): number {
  const at = ((letter.codePointAt(0) ?? FIRST) - FIRST) * GLYPH_COLUMNS + column;
  return Number.parseInt(GLYPHS.slice(at * 2, at * 2 + 2), 16);
}

/** Accents go, and what is not in the set becomes a question mark. */
function letters(words: string): readonly string[] {
  const plain = words
    .normalize('NFKD')
    .replace(/[\u0300-\u036f]/g, '')
    .replace(/ß/g, 'ss')
    .replace(/[–—]/g, '-');
  return [...plain].map((letter) => (/^[ -z]$/.test(letter) ? letter : '?'));
}
