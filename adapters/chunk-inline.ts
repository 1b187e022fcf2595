// Cuts one long run of inline nodes in pieces: at line ends, sentence ends, between words, and inside a word only when nothing else
// is left. Links and code stay whole unless one alone is too long; styles are closed and opened again.
import { measureText, takePrefix, type TextUnit } from '../shared/text.ts';
import type { Inline } from './markdown.ts';
import { append } from './markdown-inline.ts';

type Leaf = Extract<Inline, { type: 'text' | 'code' | 'break' | 'image' }>;
type Wrapper = Extract<Inline, { children: unknown }>;

/** One uncuttable stretch, inside the styles (and perhaps the link) that are around it. */
interface Atom {
  node: Leaf | Wrapper;
  around: readonly Wrapper[];
}

export interface InlineRooms {
  /** Room for the first piece and for all others. */
  first: number;
  later: number;
  unit: TextUnit;
  /** What a piece takes of its room, all told. */
  size(nodes: readonly Inline[]): number;
}

/**
 * The pieces in order, each within its room. The first is undefined when not even a word fits into the first room and later ones
 * have more. White space and line breaks at the cuts are left out.
 */
export function splitInlines(nodes: readonly Inline[], rooms: InlineRooms): (readonly Inline[] | undefined)[] {
  let atoms = toAtoms(nodes, []);
  const pieces: (readonly Inline[] | undefined)[] = [];
  let from = 0;
  while (from < atoms.length) {
    const first = atoms[from];
    if (!first) break;
    if (isBlank(first)) {
      from++;
      continue;
    }
    const room = pieces.length === 0 ? rooms.first : rooms.later;
    const count = fitting(atoms, from, room, rooms);
    if (count > 0) {
      const to = chooseCut(atoms, from, from + count);
      pieces.push(build(atoms.slice(from, to)));
      from = to;
    } else if (room < rooms.later) pieces.push(undefined);
    else {
      const broken = breakUp(first, room, rooms);
      if (broken.length === 1 && 'text' in first.node && sameText(broken[0], first)) {
        // One sign that takes more than all the room there is: too long for the platform, but no reason to cut for ever.
        pieces.push(build([first]));
        from++;
        continue;
      }
      atoms = [...broken, ...atoms.slice(from + 1)];
      from = 0;
    }
  }
  return pieces;
}

function toAtoms(nodes: readonly Inline[], around: readonly Wrapper[]): Atom[] {
  const atoms: Atom[] = [];
  for (const node of nodes) {
    if (node.type === 'text')
      for (const word of words(node.text)) atoms.push({ node: { type: 'text', text: word }, around });
    else if (node.type === 'bold' || node.type === 'italic' || node.type === 'strike') {
      for (const atom of toAtoms(node.children, [...around, node])) atoms.push(atom);
    } else atoms.push({ node, around });
  }
  return atoms;
}

/** Words with the white space after them. Chinese and Japanese punctuation ends a word too. */
function words(text: string): readonly string[] {
  return text.match(/[^\s。！？、，；：]+[。！？、，；：]*\s*|[。！？、，；：]+\s*|\s+/gu) ?? [];
}

/** How many atoms from `from` on fit. Guesses by raw length, then measures what would be written. */
function fitting(atoms: readonly Atom[], from: number, room: number, rooms: InlineRooms): number {
  let budget = room;
  for (let attempt = 0; attempt < 60; attempt++) {
    let count = 0;
    let used = 0;
    for (let atom = atoms[from]; atom; atom = atoms[from + count]) {
      const more = rawSize(atom, rooms.unit);
      if (used + more > budget && count > 0) break;
      used += more;
      count++;
      if (used > room) break;
    }
    const excess = rooms.size(build(atoms.slice(from, from + count))) - room;
    if (excess <= 0) return count;
    if (count <= 1) return 0;
    // Escapes are spread evenly more often than not; halving is what ends the search when they are not.
    budget = used - Math.max(1, Math.min(excess, Math.ceil(used / 2)));
  }
  return 0;
}

/** Never more than what the atom takes when written out. */
function rawSize(atom: Atom, unit: TextUnit): number {
  const { node } = atom;
  if (node.type === 'break') return 1;
  if (node.type === 'image') return measureText(node.alt + node.href, unit);
  if ('text' in node) return measureText(node.text, unit);
  return node.children.reduce((sum, child) => sum + rawSize({ node: child, around: [] }, unit), 0);
}

/** The best place to cut in the second half of what fits, else the last place between words, else the end. */
function chooseCut(atoms: readonly Atom[], from: number, to: number): number {
  if (to >= atoms.length) return to;
  const half = from + Math.max(1, Math.floor((to - from) / 2));
  let sentence: number | undefined;
  let word: number | undefined;
  for (let cut = to; cut > from; cut--) {
    const quality = cutQuality(atoms[cut - 1], atoms[cut]);
    if (quality === 'line' && cut >= half) return cut;
    if (quality === 'sentence' || quality === 'line') sentence ??= cut;
    if (quality !== 'inside') word ??= cut;
    if (cut < half && word !== undefined) break;
  }
  return sentence !== undefined && sentence >= half ? sentence : (word ?? to);
}

function cutQuality(before: Atom | undefined, after: Atom | undefined): 'line' | 'sentence' | 'word' | 'inside' {
  if (before?.node.type === 'break' || after?.node.type === 'break') return 'line';
  const text = before?.node.type === 'text' ? before.node.text : '';
  if (/[.!?…]["'”’)\]]*\s+$|[。！？]["'”’」』）]*\s*$/u.test(text)) return 'sentence';
  const startsBlank = after?.node.type === 'text' && /^\s/.test(after.node.text);
  return startsBlank || /[\s、，；：]$/u.test(text) ? 'word' : 'inside';
}

function isBlank(atom: Atom): boolean {
  return atom.node.type === 'break' || (atom.node.type === 'text' && atom.node.text.trim() === '');
}

function sameText(a: Atom | undefined, b: Atom): boolean {
  return a !== undefined && 'text' in a.node && 'text' in b.node && a.node.text === b.node.text;
}

/** Parts of an atom that alone is too long for a room. */
function breakUp(atom: Atom, room: number, rooms: InlineRooms): Atom[] {
  const { node, around } = atom;
  if (node.type === 'text' || node.type === 'code') return cutText(node, around, room, rooms);
  if (node.type === 'image')
    return [
      { node: { type: 'text', text: `${node.alt} ` }, around },
      ...cutText({ type: 'text', text: node.href }, around, room, rooms),
    ];
  if (node.type !== 'link') return [];
  const shell: Inline = { ...node, children: [{ type: 'text', text: 'x' }] };
  if (rooms.size([shell]) <= room / 2) return toAtoms(node.children, [...around, node]);
  // The target itself is too long for a link: label and target become text.
  const target: Inline = { type: 'text', text: ` (${node.href})` };
  return toAtoms([...node.children, target], around);
}

function cutText(
  node: Extract<Leaf, { text: string }>,
  around: readonly Wrapper[],
  room: number,
  rooms: InlineRooms,
): Atom[] {
  const atoms: Atom[] = [];
  let rest = node.text;
  while (rest !== '') {
    let head = takePrefix(rest, room, rooms.unit);
    while (head.length > 1) {
      const excess = rooms.size(build([{ node: { ...node, text: head }, around }])) - room;
      if (excess <= 0) break;
      // From what was measured, not from the room: a head that takes more than its length would else never become shorter.
      const used = measureText(head, rooms.unit);
      head = takePrefix(rest, used - Math.max(1, Math.min(excess, Math.ceil(used / 2))), rooms.unit);
    }
    if (head === '') head = rest.slice(0, (rest.codePointAt(0) ?? 0) > 0xffff ? 2 : 1);
    atoms.push({ node: { ...node, text: head }, around });
    rest = rest.slice(head.length);
  }
  return atoms;
}

/** The atoms as nodes again, without white space at the ends. */
function build(atoms: readonly Atom[]): readonly Inline[] {
  let from = 0;
  let to = atoms.length;
  const blank = (at: number) => {
    const atom = atoms[at];
    return atom !== undefined && isBlank(atom);
  };
  while (from < to && blank(from)) from++;
  while (to > from && blank(to - 1)) to--;
  const kept = atoms.slice(from, to).map((atom, i): Atom => {
    if (atom.node.type !== 'text') return atom;
    let { text } = atom.node;
    if (i === 0) text = text.trimStart();
    if (i === to - from - 1) text = text.trimEnd();
    return { ...atom, node: { type: 'text', text } };
  });
  return nest(kept, 0);
}

/** Groups neighbours that are inside the same wrapper at `depth`. */
function nest(atoms: readonly Atom[], depth: number): Inline[] {
  const nodes: Inline[] = [];
  for (let at = 0; at < atoms.length;) {
    const atom = atoms[at];
    if (!atom) break;
    const wrapper = atom.around[depth];
    if (!wrapper) {
      append(nodes, atom.node);
      at++;
      continue;
    }
    let end = at;
    while (atoms[end]?.around[depth] === wrapper) end++;
    nodes.push({ ...wrapper, children: nest(atoms.slice(at, end), depth + 1) });
    at = end;
  }
  return nodes;
}
