// Cleaning what an engine heard. Whisper writes notes about what is no speech in brackets.
import { cleanText, takePrefix } from '../../../shared/text.ts';

/** Three hours of fast speech. */
const MAX_CHARS = 150_000;
/** [BLANK_AUDIO], [Music], [ Silence ], and lines between note signs. */
const NOTES = /\[[^\][]{1,40}\]|♪[^♪]{0,200}♪|[♪♫]/g;
/** Of a whole transcript: (silence), *coughs*. */
const ONLY_A_NOTE = /^(?:\([^()]{1,60}\)|\*[^*]{1,60}\*|[\s.,…!?-])*$/;

/** One paragraph; '' when nothing was said. */
export function cleanTranscript(heard: string): string {
  const text = cleanText(heard).replace(NOTES, ' ').replaceAll('\ufffd', '').replace(/\s+/g, ' ').trim();
  return ONLY_A_NOTE.test(text) ? '' : takePrefix(text, MAX_CHARS, 'utf16');
}
