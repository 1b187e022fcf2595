// Results of tools as text for the model, none longer than it can use.
import { preview, takePrefix } from '../../../shared/text.ts';
import type { EntityState } from '../connection/answers.ts';

const MAX_RESULT_CHARS = 16_000;

/** Lines up to the limit; says what is left out. */
export function boundLines(lines: readonly string[]): string {
  const kept: string[] = [];
  let chars = 0;
  for (const line of lines) {
    chars += line.length + 1;
    if (chars > MAX_RESULT_CHARS) return [...kept, `(${lines.length - kept.length} more lines left out)`].join('\n');
    kept.push(line);
  }
  return kept.join('\n');
}

export function boundJson(value: unknown, maxChars: number): string {
  const text = JSON.stringify(value, null, 1) ?? 'null';
  return text.length <= maxChars ? text : `${takePrefix(text, maxChars, 'utf16')}… (cut)`;
}

/** Such as `sensor.freezer: -18.5 °C (Freezer temperature)`. */
export function describeState({ entity_id: entity, state, attributes }: EntityState): string {
  const { unit_of_measurement: unit, friendly_name: name } = attributes;
  const measure = typeof unit === 'string' ? ` ${preview(unit, 20)}` : '';
  const label = typeof name === 'string' && name !== '' ? ` (${preview(name, 100)})` : '';
  return `${entity}: ${preview(state, 255)}${measure}${label}`;
}
