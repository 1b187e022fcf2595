// Notes that a person asked to keep, and finding them again. Both see the space of the turn only.
import { z } from 'zod';
import { addNote, findNotes } from '../../data/notes.ts';
import { cleanText, preview } from '../../shared/text.ts';
import { defineTool } from './tool.ts';

const MAX_NOTE_CHARS = 4_000;

export const noteTool = defineTool({
  name: 'note',
  description: 'Keep a short note for good, when the person asks to remember something.',
  parameters: z.strictObject({
    text: z.string().trim().min(1).max(MAX_NOTE_CHARS).describe('Self-contained, with names and dates written out'),
  }),
  effect: 'idempotent',
  origin: 'agent',
  toolset: 'core',
  available: ({ role }) => role !== 'guest',
  summarize: ({ text }) => `noting "${preview(text, 60)}"`,
  async execute({ text }, context) {
    const note = await addNote(context.db, context.scope, {
      text: cleanText(text),
      // A note made after reading foreign text may repeat it, and must not come back as trusted.
      origin: context.tainted ? 'foreign' : 'agent',
      turn: context.turn,
    });
    return { text: note.isNew ? `Noted (${note.id}).` : `That note is kept already (${note.id}).` };
  },
});

export const recallTool = defineTool({
  name: 'recall',
  description: 'Find kept notes that share words with the query; without one, the latest.',
  parameters: z.strictObject({
    query: z.string().max(500).optional(),
    limit: z.int().min(1).max(50).optional().describe('Default 10'),
  }),
  effect: 'pure',
  origin: 'agent',
  toolset: 'core',
  summarize: () => 'looking through notes',
  async execute({ query, limit }, context) {
    const notes = await findNotes(context.db, context.scope, query ?? '', limit ?? 10);
    if (notes.length === 0) return { text: query ? `No note matches "${query}".` : 'There are no notes yet.' };
    return {
      text: notes.map((note) => `${note.id} · ${dayText(note.createdAt)} · ${note.text}`).join('\n'),
      origin: notes.some((note) => note.origin === 'foreign') ? 'foreign' : 'agent',
    };
  },
});

function dayText(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}
