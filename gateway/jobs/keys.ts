// Keys of the messages that carry results, under which the outbox keeps each once.

/** first: its only place · watched: one that has a second place behind it · second: that place. */
export type ResultPlace = 'first' | 'watched' | 'second';

const MARKS = { first: '', watched: 'w', second: 'f' } as const satisfies Record<ResultPlace, string>;

/** Of the letter to one chat of a run; the outbox adds a number for each part. */
export function resultKey(occurrence: string, place: ResultPlace, index: number): string {
  return `${resultPrefix(occurrence)}${MARKS[place]}${index}`;
}

/** All that was sent for a run begins so. */
export function resultPrefix(occurrence: string): string {
  return `job.${occurrence}.`;
}

/** Where a part of a result went; undefined for anything else, such as a notice about it. */
export function placeOf(key: string): ResultPlace | undefined {
  const mark = /^job\.[^.]+\.([wf]?)\d+\.\d+$/.exec(key)?.[1];
  return mark === undefined ? undefined : mark === 'w' ? 'watched' : mark === 'f' ? 'second' : 'first';
}
