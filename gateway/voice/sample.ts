// A short recording of known words (spoken by espeak-ng), to see whether transcription works here.
import { fileURLToPath } from 'node:url';
import { assetUrl } from '../../shared/installation.ts';

export const SAMPLE_TEXT = 'Herald can hear you. One, two, three.';

export function sampleFile(): string {
  return fileURLToPath(assetUrl('gateway/voice/sample.ogg'));
}

/** Small models mishear a word or write "1, 2, 3"; more than half of it must be there. */
const ENOUGH = 0.5;

export function isSampleText(heard: string): boolean {
  const said = new Set(wordsOf(heard));
  const expected = wordsOf(SAMPLE_TEXT);
  return expected.filter((word) => said.has(word)).length / expected.length > ENOUGH;
}

function wordsOf(text: string): readonly string[] {
  const digits: Readonly<Record<string, string>> = { 1: 'one', 2: 'two', 3: 'three' };
  return (text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []).map((word) => digits[word] ?? word);
}
