// How far a folder was read. UIDs only mean something together with the folder's UIDVALIDITY (RFC 9051 2.3.1.1).
import type { Cursor } from '../../contract.ts';

export interface Position {
  uidValidity: string;
  /** Of the last mail that was dealt with; 0 = none. */
  uid: number;
  /** When that was, in ms since the epoch. */
  at: number;
  /** When the folder was looked into for the first time: what lay in it is not ours to answer. */
  began: number;
}

function keyOf(folder: string): string {
  return `position/${folder}`;
}

/** Undefined before the first look. */
export async function readPosition(cursor: Cursor, folder: string): Promise<Position | undefined> {
  const match = /^(\d+) (\d+) (\d+) (\d+)$/.exec((await cursor.get(keyOf(folder))) ?? '');
  return match?.[1] === undefined
    ? undefined
    : { uidValidity: match[1], uid: Number(match[2]), at: Number(match[3]), began: Number(match[4]) };
}

export async function savePosition(cursor: Cursor, folder: string, position: Position): Promise<void> {
  await cursor.set(keyOf(folder), `${position.uidValidity} ${position.uid} ${position.at} ${position.began}`);
}
